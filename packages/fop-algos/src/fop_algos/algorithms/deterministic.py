"""Deterministic actors that climb a critic of the joint action: MADDPG, FacMADDPG, deterministic DOP.

They differ in two things: what the critic is, and whose actions are the policies' when an actor climbs it.

- MADDPG: Lowe et al., "Multi-agent actor-critic for mixed cooperative-competitive environments", NeurIPS
  2017. A critic `q_i(s, u)` for each agent; actor `i` climbs it with the others' actions as the replay has
  them.
- FacMADDPG: de Witt et al., "Deep multi-agent reinforcement learning for decentralized continuous cooperative
  control", 2020. `q_i(tau_i, u_i)` mixed as in QMIX; every action is its policy's at once.
- DOP: Wang et al., "DOP: Off-policy multi-agent decomposed policy gradients", ICLR 2021, deterministic form.
  `q_tot = sum_i k_i(s) q_i + b(s)`: an actor climbs `k_i q_i(tau_i, .)`, whatever the others do.

Settings: FOP, D.1; penalties on actions of the published MADDPG and FACMAC code.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos.algorithm import Draws, Form, Metrics, check_range, scalars, seeded
from fop_algos.bases.continuous_actors import (
    BootstrappedConfig,
    ContinuousActors,
    critic_loss,
    one_step_target,
    own_replaced,
)
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.continuous_actions import to_normal, to_scale
from fop_algos.functional.losses import masked_mean
from fop_algos.networks.agents import PerAgentMlp
from fop_algos.networks.critics import ActionValue
from fop_algos.networks.mixers.base import Mixer, Utilities
from fop_algos.networks.mixers.dop import dop_mixer
from fop_algos.networks.mixers.qmix import QmixMixer
from fop_algos.networks.policies import DeterministicPolicy
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class DeterministicConfig(BootstrappedConfig):
    """Defaults: MADDPG on the differential game."""

    critic: Literal["central", "qmix", "dop"] = "central"
    """`central`: one of the joint action for each agent (MADDPG); `qmix`: individual values, mixed
    monotonically (FacMADDPG); `dop`: individual values, added up with weights."""
    noise: float = 2.0
    """Standard deviation, in units of the action, of the normal noise that explores."""
    action_penalty: float = 1e-3
    """Weight of the mean squared scaled action in the actors' loss."""
    mixer_embed: int = 32
    """Width of the mixing layer of `qmix`."""
    hypernet_hidden: int = 64
    """Width of the hidden layer of the hypernets of `qmix`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 0, math.inf, "noise", "action_penalty")
        check_range(self, 1, math.inf, "mixer_embed", "hypernet_hidden")


class Critic(nn.Module, ABC):
    """Values of joint actions, and what the actors climb."""

    @abstractmethod
    def values(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """`[..., N, O]`, `[..., S]` and scaled actions `[..., N, D]` to `[..., M]`."""

    @abstractmethod
    def objective(self, obs: Tensor, state: Tensor, actions: Tensor, own: Tensor) -> Tensor:
        """What the policies' actions `own` `[..., N, D]` are worth `[...]`; `actions` are the replay's."""


class CentralCritics(Critic):
    """MADDPG's `q_i(s, u_1, .., u_N)`, a net for each agent.

    Deviation: they read the state where MADDPG's read all observations; in the differential game both are 1.
    """

    def __init__(self, spec: TaskSpec, hidden: int) -> None:
        super().__init__()
        self.net = PerAgentMlp(spec.n_agents, spec.state_dim + spec.n_agents * spec.action_dim, hidden, 1)

    def values(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        return self._each(state, own_replaced(actions, actions))

    def objective(self, obs: Tensor, state: Tensor, actions: Tensor, own: Tensor) -> Tensor:
        return self._each(state, own_replaced(own, actions)).sum(-1)

    def _each(self, state: Tensor, joint: Tensor) -> Tensor:
        """Critic `i` on the joint action in row `i` of `[..., N, N, D]`, to `[..., N]`."""
        states = state.unsqueeze(-2).expand(*joint.shape[:-2], -1)
        return self.net.each(torch.cat((states, joint.flatten(-2)), -1)).squeeze(-1)


class FactoredCritic(Critic):
    """`q_tot` of values that each read their own agent alone: FacMADDPG's and DOP's."""

    def __init__(self, q: ActionValue, mixer: Mixer) -> None:
        super().__init__()
        self.q = q
        self.mixer = mixer

    def values(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        q = self.q(obs, actions)
        return self.mixer.forward(Utilities(q, q, actions), state).unsqueeze(-1)

    def objective(self, obs: Tensor, state: Tensor, actions: Tensor, own: Tensor) -> Tensor:
        return self.values(obs, state, own).squeeze(-1)


class DeterministicActors(ContinuousActors):
    """MADDPG, FacMADDPG or deterministic DOP, as `config.critic` says."""

    config: DeterministicConfig

    def __init__(self, name: str, spec: TaskSpec, config: DeterministicConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        with seeded(seed):
            self.actor, self.target_actor = self.register(
                "actor", DeterministicPolicy(spec, config.hidden), target=True
            )
            self.critic, self.target_critic = self.register("critic", make_critic(spec, config), target=True)
        self.actor_optimiser = self.register_optimiser("actor", "adam", config.learning_rate, self.actor)
        self.critic_optimiser = self.register_optimiser("critic", "adam", config.learning_rate, self.critic)

    def explore(self, obs: Tensor, uniform: Tensor) -> Tensor:
        half_range = (self.spec.action_high - self.spec.action_low) / 2
        return self.greedy(obs) + self.config.noise / half_range * to_normal(uniform)

    def greedy(self, obs: Tensor) -> Tensor:
        actions: Tensor = self.actor(obs)
        return actions

    def values(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        return self.critic.values(obs, state, actions)

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """The critic towards its target, then the actors up the critic."""
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes), self.device)
        max_norm = self.config.max_gradient_norm

        actions = to_scale(batch.actions, self.spec)
        values, target = self.critic.values(batch.now.obs, batch.now.state, actions), self.target(batch)
        loss = critic_loss(values, target, batch.mask)
        metrics = self.gradient_step("td_loss", loss, self.critic_optimiser, max_norm, clock)

        (loss,) = self.policy_loss(batch, self.draws(clock), clock)
        metrics |= self.gradient_step("policy_loss", loss, self.actor_optimiser, max_norm, clock)

        self.copy_targets(clock, self.config.target_update_episodes)
        means = scalars(
            q_tot=masked_mean(values.detach().mean(-1), batch.mask),
            target=masked_mean(target.mean(-1), batch.mask),
        )
        return metrics | means

    def policy_loss(self, batch: EpisodeBatch, draws: Draws, clock: Clock) -> tuple[Tensor]:
        """The penalty on the policies' actions less what they are worth; nothing is drawn."""
        obs, state = batch.now.obs, batch.now.state
        own = self.actor(obs)
        objective = self.critic.objective(obs, state, to_scale(batch.actions, self.spec), own)
        penalty = self.config.action_penalty * own.square().mean((-2, -1))
        return (masked_mean(penalty - objective, batch.mask),)

    @torch.no_grad()
    def target(self, batch: EpisodeBatch) -> Tensor:
        """What the critics should say `[B, T, M]`: the frozen critics of the frozen actors' next actions."""
        if batch.is_one_step:
            return self.config.reward_scale * batch.reward.unsqueeze(-1)
        obs, state = batch.next.obs, batch.next.state
        return one_step_target(
            self.config, batch, self.target_critic.values(obs, state, self.target_actor(obs))
        )


def make_critic(spec: TaskSpec, config: DeterministicConfig) -> Critic:
    """The critic that `config` names."""
    if config.critic == "central":
        return CentralCritics(spec, config.hidden)
    mixer: Mixer = dop_mixer("mlp", spec, config.hidden)
    if config.critic == "qmix":
        mixer = QmixMixer(spec, config.mixer_embed, config.hypernet_hidden)
    return FactoredCritic(ActionValue(spec, config.hidden), mixer)


def form(name: str, summary: str, critic: Literal["central", "qmix", "dop"], action_penalty: float) -> Form:
    """The catalogue's form of one of the three."""
    config = DeterministicConfig(critic=critic, action_penalty=action_penalty)
    return Form(
        name=name,
        summary=summary,
        make=DeterministicActors,
        games=config,
        smac=config,
        action_kind="continuous",
    )


FORMS = (
    form("maddpg", "deterministic actors, a central critic for each (NeurIPS 2017)", "central", 1e-3),
    form("facmaddpg", "deterministic actors, a monotone mix of individual critics (2020)", "qmix", 1e-3),
    form("dop", "deterministic actors, a critic that is linear in individual values (ICLR 2021)", "dop", 0.0),
)
