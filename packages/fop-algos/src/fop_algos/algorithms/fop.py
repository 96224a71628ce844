"""FOP: factorising the optimal joint policy of maximum-entropy multi-agent reinforcement learning.

Zhang, Li, Wang, Xie, Lu, ICML 2021. Sections and equations of its appendix are meant unless said otherwise;
"the published code" is liyheng/FOP @ e100a97. Symbols: `q` is `q_i(tau_i, .)`, `v` `v_i`, `pi` `pi_i`,
`alpha` the team's temperature. `docs/algorithms/fop.md` lists every deviation with its reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from fop_algos.algorithm import (
    Algorithm,
    Draws,
    Metrics,
    RoundConfig,
    make_optimiser,
    numbers,
    seeded,
    within,
)
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.exploration import draw, epsilon_mixture, greedy
from fop_algos.functional.losses import masked_mean, policy_loss, td_loss
from fop_algos.functional.returns import td_lambda_target
from fop_algos.functional.schedules import Linear, Temperature
from fop_algos.functional.temperatures import Alpha, IndividualKind, Temperatures, spread
from fop_algos.native_ops import SoftValue, soft_value
from fop_algos.networks.agents import AgentNet, NetKind, agent_net
from fop_algos.networks.layers import mlp
from fop_algos.networks.mixers import ROUTED, FopMixer, Routing, Utilities, WeightKind, weight_net
from fop_algos.networks.targets import frozen_copy
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec

from . import fop_published as official


@dataclass(frozen=True, kw_only=True)
class FopConfig(RoundConfig):
    """Defaults: the paper's on SMAC (D.4), the published code's where the paper is silent."""

    burn_in_episodes: int = 100
    """Episodes collected before the first update."""
    actor: NetKind = "shared_gru"
    """The net of the policies."""
    critic: NetKind = "shared_gru"
    """The net of the individual values."""
    hidden: int = 64
    """Width of hidden layers, the weight net's included."""
    twin_critics: bool = True
    """Two critics with mixers of their own; actor and targets take the smaller value."""
    weight_net: WeightKind = "heads"
    """What makes lambda: the published code's products of heads, dot-product attention, or an MLP (games)."""
    heads: int = 4
    """Heads of the weight net."""
    state_value_hidden: tuple[int, ...] = (32,)
    """Widths of the hidden layers of v(s)."""
    routing: Routing = ROUTED
    """How gradients run through equation 18: as in the published code; other ways for comparisons."""
    baseline: Literal["soft", "max"] = "soft"
    """What an individual value is compared with in equation 18: the soft value v_i, or the largest q_i (for
    comparisons)."""
    gamma: float = 0.99
    """Discount."""
    td_lambda: float = 0.8
    """How far targets look ahead: 0 one step, 1 to the episode's end."""
    entropy_in_target: Literal["mean", "joint"] = "mean"
    """`mean`: the published code's form, alpha times the agents' mean log-policy, once, outside the
    lambda-return. `joint`: the theory's, alpha times the joint log-policy in every value backed up."""
    alpha: Temperature = Temperature(0.5, 0.05, 200_000)  # noqa: RUF009  (frozen)
    """Temperature of the team: `kind` linear, exponential, or automatic (learned, section C)."""
    alpha_i: IndividualKind = "tied"
    """Temperature of the agents: `tied` to the team's, the moving `average` of equation 17, or down the
    gradient of the `objective` J(alpha_i)."""
    alpha_i_rate: float = 1e-4
    """Step of `average` and `objective` (the paper's epsilon)."""
    epsilon: Linear = Linear(1.0, 0.05, 50_000)  # noqa: RUF009
    """Share of uniform available actions that is mixed into the policy when exploring."""
    optimiser: Literal["adam", "rmsprop"] = "rmsprop"
    """RMSprop as in PyMARL (smoothing 0.99, epsilon 1e-5), or Adam."""
    learning_rate: float = 5e-4
    """Step size of all optimisers."""
    max_gradient_norm: float = 10.0
    """Gradients of each optimiser are scaled down to this norm; `inf` never does."""
    target_update_episodes: int = 200
    """Episodes between hard copies into the target nets."""
    compat: Literal["paper", "official"] = "paper"
    """`official`: the published code's equations, slips included (for comparisons)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        within(self, 1, math.inf, "hidden", "heads", "state_value_hidden", "target_update_episodes")
        within(self, 0, 1, "gamma", "td_lambda", "epsilon.start", "epsilon.end", "alpha_i_rate")
        within(self, 1e-3, 1e6, "alpha.start", "alpha.end")
        within(self, 1e-12, math.inf, "learning_rate", "max_gradient_norm")
        if self.compat == "official":
            if self.alpha.kind == "automatic" or self.alpha_i != "tied":
                raise ValueError(
                    "compat is official, whose temperatures are annealed and tied; leave them so"
                )
            if self.routing != ROUTED or self.baseline != "soft":
                raise ValueError("compat is official, which has its own routing and baseline; leave them so")


GAMES = FopConfig(
    actor="separate_mlp",
    critic="separate_mlp",
    twin_critics=False,
    weight_net="mlp",
    state_value_hidden=(64, 64),
    burn_in_episodes=32,
    buffer_episodes=1_000_000,
    alpha=Temperature(1.0, 0.01, 10_000, "updates", target_entropy=0.1),
    epsilon=Linear(0.0, 0.0),
    optimiser="adam",
    learning_rate=3e-4,
    max_gradient_norm=float("inf"),
)
"""The matrix game (D.1). Deviation: optimiser and batch size aren't stated there; Adam and 32 are ours."""

OFFICIAL = FopConfig(critic="shared_mlp", alpha=Temperature(0.5, 0.05, 90_000), compat="official")
"""The published code on SMAC: no recurrence in the critics, and alpha at its floor after 90,000 steps."""


class Equations(Protocol):
    """Where paper and published code differ."""

    def policy(self, logits: Tensor, available: Tensor, epsilon: float) -> SoftValue:
        """The policies that the losses see."""
        ...

    def sample(self, logits: Tensor, available: Tensor, epsilon: float, uniform: Tensor) -> Tensor:
        """Explores: `[..., N, A]` logits and `[..., N, 2]` uniforms to `[..., N]` actions."""
        ...

    def value(self, q: Tensor, available: Tensor, alpha: Alpha) -> Tensor:
        """The soft values `v_i`."""
        ...

    def target(
        self, batch: EpisodeBatch, next_q_tot: Tensor, next_log_pi: Tensor, alpha: Alpha, config: FopConfig
    ) -> Tensor:
        """`[B, T]` from `q_tot` `[B, T]` and `log pi_i` `[B, T, N]` of the actions drawn at `t + 1`."""
        ...


class PaperEquations:
    """The paper's, read as `FopConfig` says."""

    def policy(self, logits: Tensor, available: Tensor, epsilon: float) -> SoftValue:
        """Softmax over the available actions; exploration's epsilon stays out of the losses."""
        return soft_value(logits, available, 1.0)

    def sample(self, logits: Tensor, available: Tensor, epsilon: float, uniform: Tensor) -> Tensor:
        pi = self.policy(logits, available, epsilon).policy
        return draw(epsilon_mixture(pi, available, epsilon), uniform[..., 0])

    def value(self, q: Tensor, available: Tensor, alpha: Alpha) -> Tensor:
        """`v_i = alpha log sum_a exp(q_i(a) / alpha)` over the available actions (equation 15)."""
        return soft_value(q, available, spread(alpha, q)).v

    def target(
        self, batch: EpisodeBatch, next_q_tot: Tensor, next_log_pi: Tensor, alpha: Alpha, config: FopConfig
    ) -> Tensor:
        """TD(lambda) with the entropy of what comes next; an episode's end has no entropy."""
        if config.entropy_in_target == "joint":
            next_v = next_q_tot - alpha * next_log_pi.sum(-1)
            return td_lambda_target(batch, next_v, config.gamma, config.td_lambda)
        entropy = torch.where(batch.mask & ~batch.terminated, -alpha * next_log_pi.mean(-1), 0.0)
        return td_lambda_target(batch, next_q_tot, config.gamma, config.td_lambda) + entropy


class OfficialEquations:
    """The published code's; each is explained in `fop_algos.algorithms.fop_published`."""

    def policy(self, logits: Tensor, available: Tensor, epsilon: float) -> SoftValue:
        return official.policy(logits, available, epsilon)

    def sample(self, logits: Tensor, available: Tensor, epsilon: float, uniform: Tensor) -> Tensor:
        return official.sample(logits, available, epsilon, uniform)

    def value(self, q: Tensor, available: Tensor, alpha: Alpha) -> Tensor:
        return soft_value(q, None, alpha).v

    def target(
        self, batch: EpisodeBatch, next_q_tot: Tensor, next_log_pi: Tensor, alpha: Alpha, config: FopConfig
    ) -> Tensor:
        assert isinstance(alpha, float)
        return official.target(batch, next_q_tot, next_log_pi, alpha, config.gamma, config.td_lambda)


class Fop(Algorithm):
    """Soft individual policies, soft individual values, and a mixer that weighs their advantages."""

    config: FopConfig

    def __init__(self, name: str, spec: TaskSpec, config: FopConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        self.equations: Equations = OfficialEquations() if config.compat == "official" else PaperEquations()
        n_critics = 2 if config.twin_critics else 1
        with seeded(seed):
            self.actor: AgentNet = agent_net(config.actor, spec, config.hidden)
            self.critics = [agent_net(config.critic, spec, config.hidden) for _ in range(n_critics)]
            self.mixers = [make_mixer(spec, config) for _ in range(n_critics)]
        self.target_critics = [frozen_copy(critic) for critic in self.critics]
        self.target_mixers = [frozen_copy(mixer) for mixer in self.mixers]
        self.modules = nn.ModuleDict(
            {
                "actor": self.actor,
                "critics": nn.ModuleList(self.critics),
                "mixers": nn.ModuleList(self.mixers),
                "target_critics": nn.ModuleList(self.target_critics),
                "target_mixers": nn.ModuleList(self.target_mixers),
            }
        )

        self.temperatures = Temperatures(config.alpha, config.alpha_i, config.alpha_i_rate, spec.n_agents)
        if self.temperatures.learns_alpha or config.alpha_i != "tied":
            self.modules["temperatures"] = self.temperatures

        def optimiser(*nets: nn.Module) -> torch.optim.Optimizer:
            return make_optimiser(config.optimiser, nets, config.learning_rate)

        self.actor_optimiser = optimiser(self.actor)
        self.critic_optimisers = [
            optimiser(critic, mixer) for critic, mixer in zip(self.critics, self.mixers, strict=True)
        ]
        self.optimisers = {"actor": self.actor_optimiser}
        self.optimisers |= {f"critic_{k}": o for k, o in enumerate(self.critic_optimisers)}
        if self.temperatures.learns_alpha:
            self.optimisers["alpha"] = optimiser(self.temperatures)

    def start(self, rows: int) -> Tensor:
        return self.memory(rows, self.actor.memory_size)

    def act(
        self, obs: Tensor, available: Tensor, memory: Tensor, uniform: Tensor, clock: Clock, explore: bool
    ) -> tuple[Tensor, Tensor]:
        logits, hidden = self.actor.step(obs, memory)
        if self.plays_uniformly(clock, explore):
            actions = draw(available.to(logits.dtype), uniform[..., 0])
        elif explore:
            actions = self.equations.sample(logits, available, self.config.epsilon(clock), uniform)
        else:
            actions = greedy(logits, available)
        return actions, self.actor.remember(hidden, actions)

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """Policy improvement, then joint evaluation with the improved policies (the code's order)."""
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes))
        alpha, epsilon = self.temperatures.of_team(clock), self.config.epsilon(clock)
        alpha_i, draws = self.temperatures.of_agents(alpha), self.draws(clock)
        obs, last = batch.obs[..., :-1, :, :], batch.last_onehot[..., :-1, :, :]
        state, available = batch.state[..., :-1, :], batch.available[..., :-1, :, :]
        qs = [critic.unroll(obs, last) for critic in self.critics]

        # Individual improvement (12): pi_i towards exp((q_i - v_i) / alpha_i), by its own q_i alone.
        pi = self.equations.policy(self.actor.unroll(obs, last), available, epsilon)
        q_min = torch.stack([q.detach() for q in qs]).amin(0)
        loss = policy_loss(pi, q_min, alpha_i, batch.mask)
        max_norm = self.config.max_gradient_norm
        metrics = self.descend("policy_loss", loss, self.actor_optimiser, max_norm, clock)

        # Joint evaluation (B.1), each twin towards the same target.
        target = self.target(batch, alpha, epsilon, draws)
        for k, (q, mixer, optimiser) in enumerate(zip(qs, self.mixers, self.critic_optimisers, strict=True)):
            q_tot = self.mix(mixer, q, batch.actions, batch.onehot, available, state, alpha_i)
            loss = td_loss(q_tot, target, batch.mask)
            metrics |= self.descend(f"td_loss_{k}", loss, optimiser, max_norm, clock)

        metrics |= self.learn_temperatures(batch, pi, q_min, state, alpha, draws, clock)
        self.copy_targets(clock, self.config.target_update_episodes)
        means = numbers(
            q_tot=masked_mean(q_tot.detach(), batch.mask),
            target=masked_mean(target, batch.mask),
            entropy=masked_mean(pi.entropy.detach().mean(-1), batch.mask),
        )
        return metrics | means | {"epsilon": epsilon}

    def learn_temperatures(
        self,
        batch: EpisodeBatch,
        pi: SoftValue,
        q: Tensor,
        state: Tensor,
        alpha: Alpha,
        draws: Draws,
        clock: Clock,
    ) -> Metrics:
        """Section C: `alpha` down the gradient of its objective, the agents' by (17) or `J(alpha_i)`."""
        metrics: Metrics = {}
        if self.temperatures.learns_alpha:
            entropy = masked_mean(pi.entropy.mean(-1), batch.mask)
            loss = self.temperatures.loss(entropy)
            metrics = self.descend("alpha_loss", loss, self.optimisers["alpha"], math.inf, clock)
            self.temperatures.keep_above_end()
        if self.config.alpha_i != "tied":
            with torch.no_grad():
                available = batch.available[..., :-1, :, :]
                alpha_i = self.temperatures.of_agents(alpha)
                gain = q - self.equations.value(q, available, alpha_i).unsqueeze(-1)
                actions = draw(pi.policy, draws.uniform(pi.policy.shape[:-1]))
                lam = self.mixers[0].weights(state, onehot(actions, self.spec.n_actions))
                sampled = gain.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
                expected = (pi.policy * gain).sum(-1)
                self.temperatures.follow(expected, lam, sampled, batch.mask)
        return metrics | self.temperatures.metrics(alpha)

    @torch.no_grad()
    def target(self, batch: EpisodeBatch, alpha: Alpha, epsilon: float, draws: Draws) -> Tensor:
        """What `q_tot` should be `[B, T]`, from joint actions drawn from the policies at each next step."""
        if batch.is_one_step:
            return batch.reward
        available = batch.available[..., 1:, :, :]
        logits = self.actor.unroll(batch.obs, batch.last_onehot)[..., 1:, :, :]
        pi = self.equations.policy(logits, available, epsilon)
        actions = draw(pi.policy, draws.uniform(pi.policy.shape[:-1]))
        log_pi = pi.log_policy.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        joint_action, alpha_i = onehot(actions, self.spec.n_actions), self.temperatures.of_agents(alpha)
        q_tots = []
        for critic, mixer in zip(self.target_critics, self.target_mixers, strict=True):
            q = critic.unroll(batch.obs, batch.last_onehot)[..., 1:, :, :]
            q_tots.append(
                self.mix(mixer, q, actions, joint_action, available, batch.state[..., 1:, :], alpha_i)
            )
        next_q_tot = torch.stack(q_tots).amin(0)
        return self.equations.target(batch, next_q_tot, log_pi, alpha, self.config)

    def mix(
        self,
        mixer: FopMixer,
        q: Tensor,
        actions: Tensor,
        joint_action: Tensor,
        available: Tensor,
        state: Tensor,
        alpha_i: Alpha,
    ) -> Tensor:
        """`q_tot(s, u)` `[...]` from all individual values `[..., N, A]`."""
        chosen = q.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        source = q if mixer.routing.v_i == "learned" else q.detach()
        if self.config.baseline == "max":
            v = source.masked_fill(~available, -torch.inf).amax(-1)
            v = torch.where(available.any(-1), v, 0.0)
        else:
            v = self.equations.value(source, available, alpha_i)
        return mixer.forward(Utilities(chosen, v, joint_action), state)

    @torch.no_grad()
    def individual_values(self, obs: Tensor, state: Tensor) -> Tensor:
        before = torch.zeros(*obs.shape[:-1], self.spec.n_actions).unsqueeze(-3)
        qs = [critic.unroll(obs.unsqueeze(-3), before) for critic in self.critics]
        return torch.stack(qs).amin(0).squeeze(-3)

    @torch.no_grad()
    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        """See `Algorithm`; a step's dimension is put in front of the agents and taken away again."""
        alpha_i = self.temperatures.of_agents(self.temperatures.of_team(clock))
        joint_action = onehot(actions, self.spec.n_actions).unsqueeze(-3)
        available, actions, state = available.unsqueeze(-3), actions.unsqueeze(-2), state.unsqueeze(-2)
        q_tots = []
        for critic, mixer in zip(self.critics, self.mixers, strict=True):
            q = critic.unroll(obs.unsqueeze(-3), torch.zeros_like(joint_action))
            q_tots.append(self.mix(mixer, q, actions, joint_action, available, state, alpha_i))
        return torch.stack(q_tots).amin(0).squeeze(-1)


def make_mixer(spec: TaskSpec, config: FopConfig) -> FopMixer:
    """Weight net and `v(s)` as `config` says."""
    weights = weight_net(config.weight_net, spec, config.heads, config.hidden)
    return FopMixer(weights, mlp(spec.state_dim, config.state_value_hidden, 1), config.routing)
