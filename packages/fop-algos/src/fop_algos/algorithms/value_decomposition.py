"""VDN, QMIX, QPLEX and Qatten: one temporal-difference loss, four mixers. IQL: a loss for each agent.

VDN: Sunehag et al., "Value-decomposition networks for cooperative multi-agent learning", AAMAS 2018.
QMIX: Rashid et al., "QMIX: Monotonic value function factorisation", ICML 2018. Settings of PyMARL @ c971afd.
QPLEX: Wang et al., "QPLEX: Duplex dueling multi-agent Q-learning", ICLR 2021. Settings: its code @ 75b7f67.
Qatten: Yang et al., "Qatten: A general framework for cooperative multiagent reinforcement learning", 2020.
IQL: Tan, "Multi-agent reinforcement learning: Independent vs. cooperative agents", ICML 1993.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos.algorithm import Metrics, make_optimiser, numbers, seeded, within
from fop_algos.bases.utility_agents import UtilityAgents, UtilityConfig
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.exploration import greedy
from fop_algos.functional.losses import masked_mean, td_loss
from fop_algos.functional.returns import td_lambda_target
from fop_algos.functional.schedules import Linear
from fop_algos.networks.agents import AgentNet, agent_net
from fop_algos.networks.mixers import (
    DeepHeadWeights,
    HeadWeights,
    MeanMixer,
    Mixer,
    QattenMixer,
    QmixMixer,
    QplexMixer,
    Utilities,
    VdnMixer,
)
from fop_algos.networks.targets import frozen_copy
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class ValueDecompositionConfig(UtilityConfig):
    """Defaults: PyMARL's on SMAC."""

    mixer: Literal["vdn", "qmix", "qplex", "qatten", "none"] = "qmix"
    """How utilities make the joint value; IQL has none."""
    mixer_embed: int = 32
    """Width of QMIX's mixing layer; length of Qatten's queries and keys."""
    hypernet_hidden: int = 64
    """Width of the hidden layers of the mixers' hypernets and of QPLEX's weight nets."""
    heads: int = 4
    """Kernels of QPLEX's weights, attention heads of Qatten."""
    weight_layers: int = 1
    """Linear layers in each map of QPLEX's weights: 1 as in its code for SMAC, 3 as for matrix games."""
    logit_penalty: float = 1e-3
    """Weight of the squares of Qatten's attention logits in the loss."""

    def __post_init__(self) -> None:
        super().__post_init__()
        within(self, 1, math.inf, "mixer_embed", "hypernet_hidden", "heads")
        within(self, 0, math.inf, "logit_penalty")
        if self.weight_layers not in (1, 3):
            raise ValueError(f"weight_layers is {self.weight_layers}; it must be 1 or 3")


GAMES = ValueDecompositionConfig(
    agent="separate_mlp",
    buffer_episodes=1_000_000,
    epsilon=Linear(1.0, 0.01, 10_000, "updates"),
    optimiser="adam",
    learning_rate=3e-4,
)
"""The paper's games (FOP, D.1): hidden 2 x 64, 3e-4, epsilon 1 to 0.01 over 10,000 learning steps.

Deviation: optimiser and batch size aren't stated there; Adam and 32 are ours.
"""

QPLEX_GAMES = replace(
    GAMES,
    mixer="qplex",
    heads=10,
    weight_layers=3,
    optimiser="rmsprop",
    learning_rate=5e-4,
)
"""QPLEX's published settings for matrix games: 10 kernels of three layers, RMSprop 5e-4, clip 10."""


class ValueDecomposition(UtilityAgents):
    """VDN, QMIX, QPLEX or Qatten, as `config.mixer` says, or with a mixer of your own."""

    config: ValueDecompositionConfig

    def __init__(
        self,
        name: str,
        spec: TaskSpec,
        config: ValueDecompositionConfig,
        seed: int,
        mixer: Mixer | None = None,
    ) -> None:
        super().__init__(name, spec, config, seed)
        with seeded(seed):
            self.agent: AgentNet = self.make_agent()
            self.mixer = make_mixer(spec, config) if mixer is None else mixer
        self.target_agent = frozen_copy(self.agent)
        self.target_mixer = frozen_copy(self.mixer)
        self.modules = nn.ModuleDict(
            {
                "agent": self.agent,
                "mixer": self.mixer,
                "target_agent": self.target_agent,
                "target_mixer": self.target_mixer,
            }
        )
        online = (self.modules["agent"], self.modules["mixer"])
        self.optimiser = make_optimiser(config.optimiser, online, config.learning_rate)
        self.optimisers = {"optimiser": self.optimiser}

    def make_agent(self) -> AgentNet:
        """The net of the utilities."""
        return agent_net(self.config.agent, self.spec, self.config.hidden)

    def beside_obs(self, batch: EpisodeBatch) -> Tensor:
        """What the agents read beside their observations: the actions before, `[B, T+1, N, A]`."""
        return batch.last_onehot

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes))
        q = self.agent.unroll(batch.obs, self.beside_obs(batch))
        state = batch.state[..., :-1, :]
        now = utilities(q[..., :-1, :, :], batch.actions, batch.onehot, batch.available[..., :-1, :, :])
        q_tot = self.mixer.forward(now, state)
        loss, means = self.loss(batch, now, q_tot, q)
        loss = loss + masked_mean(self.mixer.penalty(state), batch.mask)

        metrics = self.descend("td_loss", loss, self.optimiser, self.config.max_gradient_norm, clock)
        self.copy_targets(clock, self.config.target_update_episodes)
        named = numbers(q_tot=masked_mean(q_tot.detach(), batch.mask), **means)
        return metrics | named | {"epsilon": self.config.epsilon(clock)}

    def loss(
        self, batch: EpisodeBatch, now: Utilities, q_tot: Tensor, q: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The team's one loss, and constants worth a curve; `q` is all values, `[B, T+1, N, A]`."""
        target = self.target(batch, q)
        return td_loss(q_tot, target, batch.mask), {"target": masked_mean(target, batch.mask)}

    @torch.no_grad()
    def target(self, batch: EpisodeBatch, q: Tensor) -> Tensor:
        """Double-Q one-step targets `[B, T]`: the live net chooses the next action, the frozen value it."""
        if batch.is_one_step:
            return batch.reward
        next_q_tot = self.target_mixer.forward(self.next_utilities(batch, q), batch.state[..., 1:, :])
        return td_lambda_target(batch, next_q_tot, self.config.gamma, 0.0)

    def next_utilities(self, batch: EpisodeBatch, q: Tensor) -> Utilities:
        """What the frozen net holds of the live net's choices, at each next step."""
        available = batch.available[..., 1:, :, :]
        best = greedy(q[..., 1:, :, :], available)
        target_q = self.target_agent.unroll(batch.obs, self.beside_obs(batch))[..., 1:, :, :]
        return utilities(target_q, best, onehot(best, self.spec.n_actions), available)

    @torch.no_grad()
    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        q, _ = self.agent.step(obs, self.first_memory(obs))
        chosen = utilities(q, actions, onehot(actions, self.spec.n_actions), available)
        return self.mixer.forward(chosen, state)


class IndependentQ(ValueDecomposition):
    """IQL: every agent learns the team's return for itself, as if the others were part of the task.

    There is no joint value; `q_tot` in metrics and reports is the mean of the agents' own.
    """

    def __init__(self, name: str, spec: TaskSpec, config: ValueDecompositionConfig, seed: int) -> None:
        if config.mixer != "none":
            raise ValueError(f"mixer is {config.mixer}; {name} has none: leave it at mixer=none")
        super().__init__(name, spec, config, seed, MeanMixer())

    def loss(
        self, batch: EpisodeBatch, now: Utilities, q_tot: Tensor, q: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean over agents of `E[(q_i - y_i)^2]`, `y_i = r + gamma (1 - term) target_q_i(argmax_a q_i)`."""
        targets = self.targets(batch, q)
        losses = [td_loss(now.chosen[..., i], y, batch.mask) for i, y in enumerate(targets)]
        target = masked_mean(torch.stack(targets).mean(0), batch.mask)
        return torch.stack(losses).mean(0), {"target": target}

    @torch.no_grad()
    def targets(self, batch: EpisodeBatch, q: Tensor) -> list[Tensor]:
        """`y_i` `[B, T]` of each agent."""
        if batch.is_one_step:
            return [batch.reward] * self.spec.n_agents
        values = self.next_utilities(batch, q).chosen.unbind(-1)
        return [td_lambda_target(batch, value, self.config.gamma, 0.0) for value in values]


def utilities(q: Tensor, actions: Tensor, joint_action: Tensor, available: Tensor) -> Utilities:
    """Of all individual values `[..., N, A]`, with the best available ones as (constant) baselines."""
    chosen = q.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
    best = q.detach().masked_fill(~available, -torch.inf).amax(-1)
    best = torch.where(available.any(-1), best, chosen.detach())  # padding has no available action
    return Utilities(chosen, best, joint_action)


def make_mixer(spec: TaskSpec, config: ValueDecompositionConfig) -> Mixer:
    """The mixer that `config` names.

    Raises:
        ValueError: it names none.
    """
    hypernet = config.hypernet_hidden
    if config.mixer == "vdn":
        return VdnMixer()
    if config.mixer == "qmix":
        return QmixMixer(spec, config.mixer_embed, hypernet)
    if config.mixer == "qplex":
        deep = config.weight_layers == 3
        weights = DeepHeadWeights(spec, config.heads, hypernet) if deep else HeadWeights(spec, config.heads)
        return QplexMixer(spec, weights, hypernet)
    if config.mixer == "qatten":
        return QattenMixer(spec, config.heads, config.mixer_embed, hypernet, config.logit_penalty)
    raise ValueError("mixer is none, which only iql takes; needed: vdn, qmix, qplex or qatten")
