"""FacMADDPG: factored critics and a centralised policy gradient, for discrete actions.

de Witt et al.: "Deep multi-agent reinforcement learning for decentralized continuous cooperative control",
2020; later Peng et al.: "FACMAC: factored multi-agent centralised policy gradients", NeurIPS 2021.
Games: FOP's appendix, D.1. SMAC: settings of the published code, oxwhirl/facmac @ d7e62b8 (`facmac_smac`).

Discrete actions are one-hot vectors, drawn by Gumbel noise with straight-through gradients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos.algorithm import Form, Metrics, check_range, scalars, seeded
from fop_algos.bases.actor_critic import ActorCritic, ActorCriticConfig
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.exploration import greedy, straight_through
from fop_algos.functional.losses import masked_mean, td_loss
from fop_algos.functional.returns import td_lambda_target
from fop_algos.functional.schedules import LinearSchedule
from fop_algos.networks.agents import AgentNet, PerAgentMlp, SharedMlp, agent_net
from fop_algos.networks.mixers.base import Utilities
from fop_algos.networks.mixers.qmix import QmixMixer
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class FacMaddpgConfig(ActorCriticConfig):
    """Defaults: the published code's on SMAC."""

    critic: Literal["separate_mlp", "shared_mlp"] = "shared_mlp"
    """The net of the values of single actions."""
    mixer_embed: int = 32
    """Width of the mixing layer."""
    hypernet_hidden: int = 64
    """Width of the hidden layer of the mixer's hypernets."""
    epsilon: LinearSchedule = LinearSchedule(0.5, 0.05, 50_000)  # noqa: RUF009  (frozen)
    """Share of uniform available actions that is mixed into the policies when exploring."""
    optimiser: Literal["adam", "rmsprop"] = "adam"
    """RMSprop as in PyMARL (smoothing 0.99, epsilon 1e-5), or Adam."""
    learning_rate: float = 2.5e-3
    """Step size of the actor."""
    critic_learning_rate: float = 5e-4
    """Step size of critic and mixer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, math.inf, "mixer_embed", "hypernet_hidden")
        check_range(self, 1e-12, math.inf, "critic_learning_rate")


GAMES = FacMaddpgConfig(
    actor="separate_mlp",
    critic="separate_mlp",
    buffer_episodes=1_000_000,
    epsilon=LinearSchedule(1.0, 0.01, 10_000, "updates"),
    learning_rate=3e-4,
    critic_learning_rate=3e-4,
)
"""The matrix game (FOP, D.1): hidden 2 x 64, mixing layer 32, hypernets of one hidden layer of 64, 3e-4.

Deviation: optimiser and batch size aren't stated there; Adam and 32 are ours.
Deviation: exploration isn't stated there; epsilon is mixed in as the value-based methods' is.
"""


class FacMaddpg(ActorCritic):
    """Policies that climb the mixed value of all agents' current actions at once."""

    config: FacMaddpgConfig

    def __init__(self, name: str, spec: TaskSpec, config: FacMaddpgConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        with seeded(seed):
            self.actor, self.target_actor = self.register(
                "actor", agent_net(config.actor, spec, config.hidden), target=True
            )
            self.critic, self.target_critic = self.register(
                "critic", OneHotCritic(config.critic, spec, config.hidden), target=True
            )
            self.mixer, self.target_mixer = self.register(
                "mixer", QmixMixer(spec, config.mixer_embed, config.hypernet_hidden), target=True
            )
        kind = config.optimiser
        self.actor_optimiser = self.register_optimiser("actor", kind, config.learning_rate, self.actor)
        self.critic_optimiser = self.register_optimiser(
            "critic", kind, config.critic_learning_rate, self.critic, self.mixer
        )

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """A step of the critic, then one of the actor (the published code's order)."""
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes), self.device)
        now, max_norm = batch.now, self.config.max_gradient_norm

        q_tot = mixed_value(self.critic, self.mixer, now.obs, now.state, batch.onehot)
        target = self.target(batch)
        loss = td_loss(q_tot, target, batch.mask)
        metrics = self.gradient_step("td_loss", loss, self.critic_optimiser, max_norm, clock)

        logits = self.actor.unroll(now.obs, now.last_onehot)
        uniform = self.draws(clock).uniform(logits.shape)
        actions = straight_through(logits, now.available, uniform)
        loss = self.policy_loss(batch, actions)
        metrics |= self.gradient_step("policy_loss", loss, self.actor_optimiser, max_norm, clock)

        self.copy_targets(clock, self.config.target_update_episodes)
        means = scalars(q_tot=masked_mean(q_tot.detach(), batch.mask), target=masked_mean(target, batch.mask))
        return metrics | means | {"epsilon": self.config.epsilon(clock)}

    def policy_loss(self, batch: EpisodeBatch, actions: Tensor) -> Tensor:
        """`-E[q_tot(s, u)]` of the current policies' actions `[B, T, N, A]`, all agents' at once."""
        q_tot = mixed_value(self.critic, self.mixer, batch.now.obs, batch.now.state, actions)
        return masked_mean(-q_tot, batch.mask)

    @torch.no_grad()
    def target(self, batch: EpisodeBatch) -> Tensor:
        """TD(lambda) `[B, T]`: the frozen actors' likeliest actions, valued by the frozen nets."""
        if batch.is_one_step:
            return batch.reward
        then = batch.next
        logits = then.of(self.target_actor.unroll(batch.obs, batch.last_onehot))
        best = onehot(greedy(logits, then.available), self.spec.n_actions)
        next_q_tot = mixed_value(self.target_critic, self.target_mixer, then.obs, then.state, best)
        return td_lambda_target(batch, next_q_tot, self.config.gamma, self.config.td_lambda)

    @torch.no_grad()
    def individual_values(self, obs: Tensor, state: Tensor) -> Tensor:
        each = torch.eye(self.spec.n_actions, device=obs.device)
        values = [self.critic(obs, each[a].expand(*obs.shape[:-1], -1)) for a in range(len(each))]
        return torch.stack(values, -1)

    @torch.no_grad()
    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        return mixed_value(self.critic, self.mixer, obs, state, onehot(actions, self.spec.n_actions))


class OneHotCritic(nn.Module):
    """`q_i(o_i, u_i)` of an action that is a vector: two hidden ReLU layers, each agent's own or shared."""

    def __init__(self, kind: Literal["separate_mlp", "shared_mlp"], spec: TaskSpec, hidden: int) -> None:
        super().__init__()
        net = PerAgentMlp if kind == "separate_mlp" else SharedMlp
        self.net: AgentNet = net(spec.n_agents, spec.obs_dim + spec.n_actions, hidden, 1)

    def forward(self, obs: Tensor, actions: Tensor) -> Tensor:
        """`[..., N, O]` and `[..., N, A]` to `[..., N]`."""
        return self.net.unroll(torch.cat((obs, actions), -1), actions).squeeze(-1)


def mixed_value(critic: nn.Module, mixer: QmixMixer, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
    """`q_tot` `[...]` of observations `[..., N, O]`, states `[..., S]` and action vectors `[..., N, A]`.

    `critic` gives each agent's value of its own action, `[..., N]`, from observations and action vectors.
    """
    q: Tensor = critic(obs, actions)
    return mixer.forward(Utilities(q, q, actions), state)


FORMS = (
    Form(
        name="facmaddpg",
        summary="centralised policy gradients through a monotone mix of individual critics",
        make=FacMaddpg,
        games=GAMES,
        smac=FacMaddpgConfig(),
    ),
)
