"""MASQL: a soft critic of the joint action, and samplers that learn to draw from it.

Wei, Wicke, Freelan, Luke, "Multiagent soft Q-learning", AAAI Spring Symposium 2018, on soft Q-learning:
Haarnoja et al., "Reinforcement learning with deep energy-based policies", ICML 2017.

- Critic: `q(s, u)` towards `r + gamma v(s')`, `v = alpha log integral exp(q(s, u) / alpha) du`.
- Samplers: net `f_i` turns an observation and noise into `z`, the action is `tanh(z)`. Particles `z_1 .. z_M`
  follow the Stein variational gradient (Liu and Wang, NeurIPS 2016) towards the density whose actions are
  distributed as `exp(q / alpha)`: `phi(z_k) = mean_j [k(z_j, z_k) grad log p(z_j) + grad_{z_j} k(z_j, z_k)]`,
  kernel `k = exp(-|z_j - z_k|^2 / h)`, `h` the median of the squared distances over `log(M + 1)`.
- The temperature is high while the team explores, then falls fast.

Deviation: the paper's text wasn't at hand. That an agent's sampler draws whole joint actions, of which it
plays its own part (`sampler=joint`), is how code of later papers that compare with MASQL reads; `sampler=own`
draws the own action alone, towards the mean field of the others' samples.
Deviation: Stein's gradient is taken before squashing, with the slope of `tanh` in the density: no particle
sticks to a bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos.algorithm import Draws, Form, Metrics, check_range, scalars, seeded
from fop_algos.bases.continuous_actors import (
    BootstrappedConfig,
    ContinuousActors,
    check_annealed,
    critic_loss,
    one_step_target,
)
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.continuous_actions import log_slope, to_normal, to_scale
from fop_algos.functional.losses import masked_mean
from fop_algos.functional.schedules import Temperature
from fop_algos.networks.agents import PerAgentMlp
from fop_algos.networks.critics import JointActionValue
from fop_algos.networks.policies import shrink_last_layer
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec

NOISE = 2
"""Normal numbers that a sampler reads: as many as an agent's two uniforms give."""


@dataclass(frozen=True, kw_only=True)
class MasqlConfig(BootstrappedConfig):
    """Defaults: the differential game. Temperature and the reward's scale are FOP's there."""

    alpha: Temperature = Temperature(1.0, 0.01, 10_000, "updates")  # noqa: RUF009  (frozen)
    """Temperature, in units of the scaled reward; annealed, not learned."""
    sampler: Literal["joint", "own"] = "joint"
    """`joint`: each agent draws a joint action and plays its own part; `own`: it draws its own action."""
    particles: int = 16
    """Samples of each step that push each other apart."""
    sampler_episodes: int = 16
    """Episodes of the batch that the samplers learn from."""
    value_samples: int = 64
    """Uniform joint actions in the estimate of a next state's soft value."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 2, math.inf, "particles")
        check_range(self, 1, math.inf, "sampler_episodes", "value_samples")
        check_annealed(self.alpha)


class Sampler(nn.Module):
    """A net for each agent: observation and noise to an action, or a joint one, before squashing.

    The last layer starts ten times smaller than usual, so that all samples start close to 0.
    """

    def __init__(self, spec: TaskSpec, hidden: int, joint: bool) -> None:
        super().__init__()
        outputs = spec.action_dim * (spec.n_agents if joint else 1)
        self.net = PerAgentMlp(spec.n_agents, spec.obs_dim + NOISE, hidden, outputs)
        shrink_last_layer(self.net)

    def forward(self, obs: Tensor, noise: Tensor) -> Tensor:
        """`[..., N, O]` and `[..., N, NOISE]` to `[..., N, P]`; `P` is `D`, or `N D` for joint actions."""
        return self.net.each(torch.cat((obs, noise), -1))


class Masql(ContinuousActors):
    """A soft joint critic and a sampler for each agent."""

    config: MasqlConfig

    def __init__(self, name: str, spec: TaskSpec, config: MasqlConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        with seeded(seed):
            self.actor = self.register("actor", Sampler(spec, config.hidden, config.sampler == "joint"))
            self.critic, self.target_critic = self.register(
                "critic", JointActionValue(spec, config.hidden), target=True
            )
        self.actor_optimiser = self.register_optimiser("actor", "adam", config.learning_rate, self.actor)
        self.critic_optimiser = self.register_optimiser("critic", "adam", config.learning_rate, self.critic)

    def explore(self, obs: Tensor, uniform: Tensor) -> Tensor:
        quarter = uniform.new_tensor([0.0, 0.25])  # the sine of Box and Muller
        noise = torch.cat((to_normal(uniform), to_normal(uniform - quarter)), -1)
        return self.own_part(self.actor(obs, noise))

    def greedy(self, obs: Tensor) -> Tensor:
        """What the samplers make of no noise: where they have shrunk to when alpha is small."""
        return self.own_part(self.actor(obs, obs.new_zeros(*obs.shape[:-1], NOISE)))

    def own_part(self, z: Tensor) -> Tensor:
        """The agents' own actions `[..., N, D]` from what their samplers drew `[..., N, P]`."""
        if self.config.sampler == "joint":
            z = z.unflatten(-1, (self.spec.n_agents, -1)).diagonal(dim1=-3, dim2=-2).transpose(-2, -1)
        return torch.tanh(z)

    def values(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        values: Tensor = self.critic(state, actions)
        return values.unsqueeze(-1)

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """The critic towards its target, then the samplers along Stein's direction."""
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes), self.device)
        alpha, draws, max_norm = self.config.alpha(clock), self.draws(clock), self.config.max_gradient_norm

        q = self.values(batch.now.obs, batch.now.state, to_scale(batch.actions, self.spec))
        target = self.target(batch, alpha, draws)
        loss = critic_loss(q, target, batch.mask)
        metrics = self.gradient_step("td_loss", loss, self.critic_optimiser, max_norm, clock)

        loss, sample_std = self.policy_loss(batch, draws, clock)
        metrics |= self.gradient_step("policy_loss", loss, self.actor_optimiser, max_norm, clock)

        self.copy_targets(clock, self.config.target_update_episodes)
        means = scalars(
            q_tot=masked_mean(q.detach().squeeze(-1), batch.mask),
            target=masked_mean(target.squeeze(-1), batch.mask),
            sample_std=sample_std,
        )
        return metrics | means | {"alpha": alpha}

    def policy_loss(self, batch: EpisodeBatch, draws: Draws, clock: Clock) -> tuple[Tensor, Tensor]:
        """`[]`, whose gradient is Stein's direction, on a few episodes; and the samples' deviation `[]`."""
        few = self.config.sampler_episodes
        obs, state = batch.now.obs[..., :few, :, :, :], batch.now.state[..., :few, :, :]
        mask = batch.mask[..., :few, :]
        noise = draws.normal((*obs.shape[:-2], self.config.particles, self.spec.n_agents, NOISE))
        z = self.actor(obs.unsqueeze(-3).expand(*noise.shape[:-1], -1), noise)
        slope = self.log_density_slope(z.detach(), state, self.config.alpha(clock))
        direction = stein_direction(z.detach().transpose(-3, -2), slope.transpose(-3, -2)).transpose(-3, -2)
        loss = masked_mean(-(direction * z).sum(-1).mean((-2, -1)), mask)
        return loss, masked_mean(self.own_part(z.detach()).std(-3).mean((-2, -1)), mask)

    def log_density_slope(self, z: Tensor, state: Tensor, alpha: float) -> Tensor:
        """The gradient of what samples should be distributed like, `exp(q(s, tanh z) / alpha)` in `tanh z`.

        Args:
            z: `[..., M, N, P]`, no gradients.
            state: `[..., S]`.
            alpha: temperature.

        Returns:
            `[..., M, N, P]`. With own samplers sample `m` of each agent makes joint action `m`.
        """
        with torch.enable_grad():
            z = z.requires_grad_()
            actions, state = torch.tanh(z), state.unsqueeze(-2)
            if self.config.sampler == "joint":
                actions, state = actions.unflatten(-1, (self.spec.n_agents, -1)), state.unsqueeze(-2)
            q = self.critic(state.expand(*actions.shape[:-2], -1), actions)  # [..., M] or [..., M, N]
            log_density = q.sum() / alpha + log_slope(z).sum()
            (slope,) = torch.autograd.grad(log_density, z)
        return slope

    @torch.no_grad()
    def target(self, batch: EpisodeBatch, alpha: float, draws: Draws) -> Tensor:
        """What the critic should say `[B, T, 1]`."""
        if batch.is_one_step:
            return self.config.reward_scale * batch.reward.unsqueeze(-1)
        state = batch.next.state.unsqueeze(-2)
        samples = (*state.shape[:-2], self.config.value_samples)
        actions = 2 * draws.uniform((*samples, *batch.actions.shape[-2:])) - 1
        q = self.target_critic(state.expand(*samples, -1), actions)
        log_volume = batch.actions.shape[-2] * batch.actions.shape[-1] * math.log(2)
        return one_step_target(self.config, batch, soft_value_of_samples(q, alpha, -log_volume).unsqueeze(-1))


def soft_value_of_samples(q: Tensor, alpha: float, log_proposal: float) -> Tensor:
    """`alpha log mean_k [exp(q(u_k) / alpha) / p(u_k)]`, an estimate of `alpha log integral exp(q / alpha)`.

    Args:
        q: `[..., K]` of samples from a density `p`.
        alpha: temperature.
        log_proposal: `log p` of every sample.
    """
    return alpha * ((q / alpha).logsumexp(-1) - math.log(q.shape[-1]) - log_proposal)


def stein_direction(z: Tensor, slope: Tensor) -> Tensor:
    """Where particles should go, `[..., M, P]`, from them and the slopes of their log-density there."""
    apart = z.unsqueeze(-2) - z.unsqueeze(-3)  # [..., k, j, P]: from particle j to k
    squared = apart.square().sum(-1)
    n = z.shape[-2]
    first, second = torch.triu_indices(n, n, 1, device=z.device)
    width = squared[..., first, second].median(-1).values.clamp(min=1e-8)[..., None, None] / math.log(n + 1)
    kernel = torch.exp(-squared / width)
    repulsion = 2 / width * (kernel.unsqueeze(-1) * apart).sum(-2)
    return (kernel @ slope + repulsion) / n


FORMS = (
    Form(
        name="masql",
        summary="a soft joint critic and samplers that learn to draw from it (2018)",
        make=Masql,
        games=MasqlConfig(),
        smac=MasqlConfig(),
        action_kind="continuous",
    ),
)
