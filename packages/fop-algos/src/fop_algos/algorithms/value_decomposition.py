"""VDN and QMIX: one temporal-difference loss, two mixers.

VDN: Sunehag et al., "Value-decomposition networks for cooperative multi-agent learning", AAMAS 2018.
QMIX: Rashid et al., "QMIX: Monotonic value function factorisation", ICML 2018. Settings of PyMARL @ c971afd.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos.agents import AgentNet, NetKind, agent_net
from fop_algos.algorithm import Algorithm, Metrics, RoundConfig, make_optimiser, numbers, seeded, within
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.exploration import epsilon_greedy, greedy
from fop_algos.losses import masked_mean, td_loss
from fop_algos.mixers import Mixer, QmixMixer, Utilities, VdnMixer
from fop_algos.returns import td_lambda_target
from fop_algos.schedules import Linear
from fop_algos.targets import frozen_copy
from fop_core.protocols import Replay
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class ValueDecompositionConfig(RoundConfig):
    """Defaults: PyMARL's on SMAC."""

    mixer: Literal["vdn", "qmix"] = "qmix"
    """How utilities make the joint value."""
    agent: NetKind = "shared_gru"
    """The net of the utilities."""
    hidden: int = 64
    """Width of the agents' hidden layers."""
    mixer_embed: int = 32
    """Width of QMIX's mixing layer."""
    hypernet_hidden: int = 64
    """Width of the hidden layer of QMIX's hypernets."""
    gamma: float = 0.99
    """Discount."""
    epsilon: Linear = Linear(1.0, 0.05, 50_000)  # noqa: RUF009  (frozen)
    """Probability of a uniform available action."""
    optimiser: Literal["adam", "rmsprop"] = "rmsprop"
    """RMSprop as in PyMARL (smoothing 0.99, epsilon 1e-5), or Adam."""
    learning_rate: float = 5e-4
    """Step size."""
    max_gradient_norm: float = 10.0
    """Gradients are scaled down to this norm."""
    target_update_episodes: int = 200
    """Episodes between hard copies into the target nets."""

    def __post_init__(self) -> None:
        super().__post_init__()
        within(self, 1, math.inf, "hidden", "mixer_embed", "hypernet_hidden", "target_update_episodes")
        within(self, 0, 1, "gamma", "epsilon.start", "epsilon.end")
        within(self, 1e-12, math.inf, "learning_rate", "max_gradient_norm")


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


class ValueDecomposition(Algorithm):
    """VDN or QMIX, as `config.mixer` says, or with a mixer of your own."""

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
            self.agent: AgentNet = agent_net(config.agent, spec, config.hidden)
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

    def start(self, rows: int) -> Tensor:
        return self.memory(rows, self.agent.memory_size)

    def act(
        self, obs: Tensor, available: Tensor, memory: Tensor, uniform: Tensor, clock: Clock, explore: bool
    ) -> tuple[Tensor, Tensor]:
        q, hidden = self.agent.step(obs, memory)
        if explore:
            epsilon = 1.0 if self.plays_uniformly(clock, explore) else self.config.epsilon(clock)
            actions = epsilon_greedy(q, available, epsilon, uniform)
        else:
            actions = greedy(q, available)
        return actions, self.agent.remember(hidden, actions)

    def update(self, replay: Replay, clock: Clock) -> Metrics:
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes))
        q = self.agent.unroll(batch.obs, batch.last_onehot)
        chosen = q[..., :-1, :, :].gather(-1, batch.actions.unsqueeze(-1)).squeeze(-1)
        q_tot = self.mixer.forward(Utilities(chosen, chosen, batch.onehot), batch.state[..., :-1, :])
        target = self.target(batch, q.detach())
        loss = td_loss(q_tot, target, batch.mask)

        metrics = self.descend("td_loss", loss, self.optimiser, self.config.max_gradient_norm, clock)
        self.copy_targets(clock, self.config.target_update_episodes)
        means = numbers(q_tot=masked_mean(q_tot.detach(), batch.mask), target=masked_mean(target, batch.mask))
        return metrics | means | {"epsilon": self.config.epsilon(clock)}

    @torch.no_grad()
    def target(self, batch: EpisodeBatch, q: Tensor) -> Tensor:
        """Double-Q one-step targets `[B, T]`: the live net chooses the next action, the frozen value it."""
        if batch.is_one_step:
            return batch.reward
        best = greedy(q[..., 1:, :, :], batch.available[..., 1:, :, :])
        target_q = self.target_agent.unroll(batch.obs, batch.last_onehot)[..., 1:, :, :]
        chosen = target_q.gather(-1, best.unsqueeze(-1)).squeeze(-1)
        utilities = Utilities(chosen, chosen, onehot(best, self.spec.n_actions))
        next_q_tot = self.target_mixer.forward(utilities, batch.state[..., 1:, :])
        return td_lambda_target(batch, next_q_tot, self.config.gamma, 0.0)

    @torch.no_grad()
    def individual_values(self, obs: Tensor) -> Tensor:
        return self.agent.step(obs, self.start(obs.shape[-3]))[0]

    @torch.no_grad()
    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        q, _ = self.agent.step(obs, self.start(obs.shape[-3]))
        chosen = q.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        return self.mixer.forward(Utilities(chosen, chosen, onehot(actions, self.spec.n_actions)), state)


def make_mixer(spec: TaskSpec, config: ValueDecompositionConfig) -> Mixer:
    """The mixer that `config` names."""
    if config.mixer == "vdn":
        return VdnMixer()
    return QmixMixer(spec, config.mixer_embed, config.hypernet_hidden)
