"""MAAC: soft actors that climb critics with attention to the other agents, for continuous actions.

Iqbal and Sha, "Actor-attention-critic for multi-agent reinforcement learning", ICML 2019. Critic: `q_i =
f_i(g_i(x_i), sum_{j != i} w_ij value(g_j(x_j)))` with `x_j = (o_j, u_j)` and, for each head, `w_ij =
softmax_j(query(g_i) . key(g_j) / sqrt(d))`. Target: `r + gamma (q_i(s', u') - alpha log pi_i(u'_i))`.

Deviation: the paper's policies are over few discrete actions, so that its critic gives the values of all own
actions and its baseline is their exact mean. Here policies are squashed normal distributions, critics read
the own action, and actors climb `q_i - alpha log pi_i` by re-parameterisation (`gradient=pathwise`), with the
others' actions drawn from their present policies as in the paper. `gradient=score` is the paper's estimator,
with the baseline averaged over a few own actions.
Deviation: no batch normalisation, no penalties on attention and outputs, ReLU, nets and step sizes of FOP's
D.1.
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
    GaussianActors,
    check_annealed,
    critic_loss,
    one_step_target,
    own_replaced,
)
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.continuous_actions import to_scale
from fop_algos.functional.losses import masked_mean
from fop_algos.functional.schedules import Temperature
from fop_algos.networks.layers import Linear
from fop_algos.networks.policies import GaussianPolicy, SquashedGaussian
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class MaacConfig(BootstrappedConfig):
    """Defaults: the differential game. Temperature and the reward's scale are FOP's there."""

    heads: int = 4
    """Attention heads; they share the hidden width."""
    alpha: Temperature = Temperature(1.0, 0.01, 10_000, "updates")  # noqa: RUF009  (frozen)
    """Temperature, in units of the scaled reward; annealed, not learned."""
    gradient: Literal["pathwise", "score"] = "pathwise"
    """How actors learn: through the action (re-parameterised), or by the log-policy times an advantage."""
    baseline_samples: int = 8
    """Own actions whose mean value is the baseline of `score`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, math.inf, "heads", "baseline_samples")
        check_annealed(self.alpha)
        if self.hidden % self.heads:
            raise ValueError(f"heads is {self.heads}; it must divide hidden ({self.hidden})")


class PerAgentLinear(nn.Module):
    """A linear layer of its own for each agent: `[..., N, in]` to `[..., N, out]`."""

    def __init__(self, n_agents: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(n_agents, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_agents, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        stack = self.weight.ndim - 3  # 0 or 1
        rows = x.flatten(stack, -3).transpose(-3, -2).flatten(0, stack)  # [K N, rows, in]
        weight, bias = self.weight.flatten(0, stack), self.bias.flatten(0, stack).unsqueeze(1)
        out = torch.baddbmm(bias, rows, weight)
        out = out.view(*self.weight.shape[: stack + 1], -1, out.shape[-1]).transpose(-3, -2)
        return out.reshape(*x.shape[:-1], -1)


class AttentionCritic(nn.Module):
    """All agents' `q_i`: an encoder and a head for each, attention in between that all share."""

    def __init__(self, spec: TaskSpec, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.encoder = PerAgentLinear(spec.n_agents, spec.obs_dim + spec.action_dim, hidden)
        self.query = Linear(hidden, hidden, bias=False)
        self.key = Linear(hidden, hidden, bias=False)
        self.value = Linear(hidden, hidden)
        self.joined = PerAgentLinear(spec.n_agents, 2 * hidden, hidden)
        self.output = PerAgentLinear(spec.n_agents, hidden, 1)

    def forward(self, obs: Tensor, actions: Tensor, own_only: bool = False) -> Tensor:
        """`[..., N, O]` and scaled actions `[..., N, D]` to `[..., N]`; with `own_only` the gradient of `q_i`
        goes to agent `i`'s action alone.
        """
        own = self.encoder(torch.cat((obs, actions), -1)).relu()
        seen = own.detach() if own_only else own
        if obs.shape[-2] == 2:  # one other agent has all the weight
            others = self.value(seen).relu().flip(-2)
            return self.joined_output(own, others)
        query, key, value = (
            net(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2)  # [..., H, N, d]
            for net, x in ((self.query, own), (self.key, seen), (self.value, seen))
        )
        # Sums of products: for few agents faster than as many tiny matrix products.
        scores = (query.unsqueeze(-2) * key.unsqueeze(-3)).sum(-1) / math.sqrt(key.shape[-1])
        oneself = torch.eye(obs.shape[-2], dtype=torch.bool, device=obs.device)
        weights = scores.masked_fill(oneself, -torch.inf).softmax(-1)
        others = (weights.unsqueeze(-1) * value.relu().unsqueeze(-3)).sum(-2).transpose(-3, -2).flatten(-2)
        return self.joined_output(own, others)

    def joined_output(self, own: Tensor, others: Tensor) -> Tensor:
        """`f_i` of what an agent and the others have, `[..., N, hidden]` each, to `[..., N]`."""
        q: Tensor = self.output(self.joined(torch.cat((own, others), -1)).relu())
        return q.squeeze(-1)


class Maac(GaussianActors):
    """Soft actors and attentive critics."""

    config: MaacConfig

    def __init__(self, name: str, spec: TaskSpec, config: MaacConfig, seed: int) -> None:
        """
        Raises:
            ValueError: there is one agent, with no others to attend to.
        """
        super().__init__(name, spec, config, seed)
        if spec.n_agents < 2:
            raise ValueError(f"{name} needs 2 agents or more; {spec.name} has {spec.n_agents}")
        with seeded(seed):
            self.actor, self.target_actor = self.register(
                "actor", GaussianPolicy(spec, config.hidden), target=True
            )
            self.critic, self.target_critic = self.register(
                "critic", AttentionCritic(spec, config.hidden, config.heads), target=True
            )
        self.actor_optimiser = self.register_optimiser("actor", "adam", config.learning_rate, self.actor)
        self.critic_optimiser = self.register_optimiser("critic", "adam", config.learning_rate, self.critic)

    def values(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        values: Tensor = self.critic(obs, actions)
        return values

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """The critics towards their targets, then the actors up the critics."""
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes), self.device)
        alpha, draws = self.config.alpha(clock), self.draws(clock)
        max_norm = self.config.max_gradient_norm

        q = self.critic(batch.now.obs, to_scale(batch.actions, self.spec))
        target = self.target(batch, alpha, draws)
        loss = critic_loss(q, target, batch.mask)
        metrics = self.gradient_step("td_loss", loss, self.critic_optimiser, max_norm, clock)

        loss, log_pi = self.policy_loss(batch, draws, clock)
        metrics |= self.gradient_step("policy_loss", loss, self.actor_optimiser, max_norm, clock)

        self.copy_targets(clock, self.config.target_update_episodes)
        means = scalars(
            q_tot=masked_mean(q.detach().mean(-1), batch.mask),
            target=masked_mean(target.mean(-1), batch.mask),
            entropy=masked_mean(-log_pi.detach().mean(-1), batch.mask),
        )
        return metrics | means | {"alpha": alpha}

    def policy_loss(self, batch: EpisodeBatch, draws: Draws, clock: Clock) -> tuple[Tensor, Tensor]:
        """The mean of `pathwise` or `score` `[]`, on fresh actions of all; and `log pi_i` `[B, T, N]`."""
        obs, alpha = batch.now.obs, self.config.alpha(clock)
        policy: SquashedGaussian = self.actor(obs)
        normal = draws.normal(batch.actions.shape)
        if self.config.gradient == "pathwise":
            objective, log_pi = self.pathwise(policy, obs, normal, alpha)
        else:
            shape = (*obs.shape[:-2], self.config.baseline_samples, *batch.actions.shape[-2:])
            objective, log_pi = self.score(policy, obs, normal, draws.normal(shape), alpha)
        return masked_mean(objective.mean(-1), batch.mask), log_pi

    def pathwise(
        self, policy: SquashedGaussian, obs: Tensor, normal: Tensor, alpha: float
    ) -> tuple[Tensor, Tensor]:
        """`alpha log pi_i(u_i) - q_i(u_i, u_-i)` `[..., N]`, gradients through `u_i` alone; and `log pi_i`.

        Args:
            policy: of all agents.
            obs: `[..., N, O]`.
            normal: `[..., N, D]`, the policies' randomness.
            alpha: temperature.
        """
        action, log_pi = policy.sample_with_log(normal)
        return alpha * log_pi - self.critic(obs, action, own_only=True), log_pi

    def score(
        self, policy: SquashedGaussian, obs: Tensor, normal: Tensor, again: Tensor, alpha: float
    ) -> tuple[Tensor, Tensor]:
        """`log pi_i sg(alpha log pi_i - (q_i - b_i))` `[..., N]`; and `log pi_i`.

        `b_i` is the mean of `q_i` over own actions drawn anew, the others' as they are: it doesn't depend on
        `u_i`, so it leaves the expected gradient as it is.

        Args:
            policy: of all agents.
            obs: `[..., N, O]`.
            normal: `[..., N, D]`, the policies' randomness.
            again: `[..., K, N, D]`, that of the `K` own actions of the baseline.
            alpha: temperature.
        """
        with torch.no_grad():
            z = policy.mean + policy.log_std.exp() * normal
            wide = SquashedGaussian(policy.mean.unsqueeze(-3), policy.log_std.unsqueeze(-3))
            replaced = own_replaced(wide.sample(again), torch.tanh(z).unsqueeze(-3))
            baseline = self.own_values(obs.unsqueeze(-3), replaced).mean(-2)
            q = self.critic(obs, torch.tanh(z))
        log_pi = policy.log_density(z)
        return log_pi * (alpha * log_pi - (q - baseline)).detach(), log_pi

    def own_values(self, obs: Tensor, joint: Tensor) -> Tensor:
        """`q_i` of the joint action in row `i` of `[..., N, N, D]`, to `[..., N]`."""
        every: Tensor = self.critic(obs.unsqueeze(-3).expand(*joint.shape[:-1], -1), joint)
        return every.diagonal(dim1=-2, dim2=-1)

    @torch.no_grad()
    def target(self, batch: EpisodeBatch, alpha: float, draws: Draws) -> Tensor:
        """What the critics should say `[B, T, N]`, of the frozen actors' next actions."""
        if batch.is_one_step:
            reward = self.config.reward_scale * batch.reward.unsqueeze(-1)
            return reward.expand(*reward.shape[:-1], self.spec.n_agents)
        policy: SquashedGaussian = self.target_actor(batch.next.obs)
        action, log_pi = policy.sample_with_log(draws.normal(batch.actions.shape))
        next_values = self.target_critic(batch.next.obs, action) - alpha * log_pi
        return one_step_target(self.config, batch, next_values)


FORMS = (
    Form(
        name="maac",
        summary="soft actors and critics with attention to the others (ICML 2019)",
        make=Maac,
        games=MaacConfig(),
        smac=MaacConfig(),
        action_kind="continuous",
    ),
)
