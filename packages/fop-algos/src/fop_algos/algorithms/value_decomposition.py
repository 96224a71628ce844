"""VDN, QMIX, QPLEX and Qatten: one temporal-difference loss, four mixers.

VDN: Sunehag et al., "Value-decomposition networks for cooperative multi-agent learning", AAMAS 2018.
QMIX: Rashid et al., "QMIX: Monotonic value function factorisation", ICML 2018. Settings of PyMARL @ c971afd.
QPLEX: Wang et al., "QPLEX: Duplex dueling multi-agent Q-learning", ICLR 2021. Settings: its code @ 75b7f67.
Qatten: Yang et al., "Qatten: A general framework for cooperative multiagent reinforcement learning", 2020.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fop_algos.algorithm import Form, Metrics, scalars, seeded
from fop_algos.bases.utility_agents import UtilityAgents
from fop_algos.bases.value_mixing import MixerConfig, double_q_target, make_mixer, utilities
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.losses import masked_mean, td_loss
from fop_algos.functional.schedules import LinearSchedule
from fop_algos.networks.agents import agent_net
from fop_algos.networks.mixers.base import Mixer
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class ValueDecompositionConfig(MixerConfig):
    """Defaults: PyMARL's on SMAC."""


GAMES = ValueDecompositionConfig(
    agent="separate_mlp",
    buffer_episodes=1_000_000,
    epsilon=LinearSchedule(1.0, 0.01, 10_000, "updates"),
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
            self.agent, self.target_agent = self.register(
                "agent", agent_net(config.agent, spec, config.hidden), target=True
            )
            self.mixer, self.target_mixer = self.register(
                "mixer", make_mixer(spec, config) if mixer is None else mixer, target=True
            )
        self.optimiser = self.register_optimiser(
            "optimiser", config.optimiser, config.learning_rate, self.agent, self.mixer
        )

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes), self.device)
        loss, means = self.loss(batch)
        metrics = self.gradient_step("td_loss", loss, self.optimiser, self.config.max_gradient_norm, clock)
        self.copy_targets(clock, self.config.target_update_episodes)
        return metrics | scalars(**means) | {"epsilon": self.config.epsilon(clock)}

    def loss(self, batch: EpisodeBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """`E[(q_tot - target)^2]` with the mixer's penalty `[]`, and constants worth a curve."""
        q = self.agent.unroll(batch.obs, batch.last_onehot)
        chosen = utilities(batch.now.of(q), batch.actions, batch.onehot, batch.now.available)
        q_tot = self.mixer.forward(chosen, batch.now.state)
        target = self.target(batch, q)
        penalty = masked_mean(self.mixer.penalty(batch.now.state), batch.mask)
        means = {"q_tot": masked_mean(q_tot.detach(), batch.mask), "target": masked_mean(target, batch.mask)}
        return td_loss(q_tot, target, batch.mask) + penalty, means

    @torch.no_grad()
    def target(self, batch: EpisodeBatch, q: Tensor) -> Tensor:
        """Double-Q one-step targets `[B, T]`: the live net chooses the next action, the frozen value it."""
        if batch.is_one_step:
            return batch.reward
        target_q = self.target_agent.unroll(batch.obs, batch.last_onehot)
        return double_q_target(batch, q, target_q, self.target_mixer, self.config.gamma)

    @torch.no_grad()
    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        q, _ = self.agent.step(obs, self.first_memory(obs))
        return self.mixer.forward(
            utilities(q, actions, onehot(actions, self.spec.n_actions), available), state
        )


FORMS = (
    Form(
        name="vdn",
        summary="the sum of individual values (AAMAS 2018)",
        make=ValueDecomposition,
        games=replace(GAMES, mixer="vdn"),
        smac=ValueDecompositionConfig(mixer="vdn"),
    ),
    Form(
        name="qmix",
        summary="monotone mixing of individual values by hypernets (ICML 2018)",
        make=ValueDecomposition,
        games=replace(GAMES, mixer="qmix"),
        smac=ValueDecompositionConfig(mixer="qmix"),
    ),
    Form(
        name="qplex",
        summary="individual values by duplex dueling: all that have consistent optima (ICLR 2021)",
        make=ValueDecomposition,
        games=QPLEX_GAMES,
        smac=ValueDecompositionConfig(mixer="qplex", burn_in_episodes=100),  # as in its published code
    ),
    Form(
        name="qatten",
        summary="individual values weighted by attention over the agents (2020)",
        make=ValueDecomposition,
        games=replace(GAMES, mixer="qatten"),
        smac=ValueDecompositionConfig(mixer="qatten"),
    ),
)
