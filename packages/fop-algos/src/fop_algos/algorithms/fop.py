"""FOP: factorising the optimal joint policy of maximum-entropy multi-agent reinforcement learning.

Zhang, Li, Wang, Xie, Lu, ICML 2021. From top to bottom: settings, nets, equation 18, individual improvement
(12), joint evaluation (B.1), temperatures (section C), one update. Sections and equations of the appendix are
meant unless said otherwise; "the published code" is liyheng/FOP @ e100a97. Its own equations are in
`fop_published`, what is tried in the place of FOP's parts in `fop_variants`.
`docs/algorithms/fop.md` lists every deviation with its reason.

Symbols: `q` is `q_i(tau_i, .)`, `v` `v_i`, `pi` `pi_i`, `lam` `lambda_i`, `alpha` the team's temperature,
`alpha_i` the agents'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fop_algos.algorithm import Draws, Form, Metrics, check_range, scalars, seeded
from fop_algos.bases.actor_critic import ActorCritic, ActorCriticConfig
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.exploration import draw
from fop_algos.functional.losses import masked_mean, policy_loss, td_loss
from fop_algos.functional.returns import td_lambda_target
from fop_algos.functional.schedules import LinearSchedule, Temperature
from fop_algos.functional.temperatures import Alpha, IndividualKind, Temperatures, expand_alpha
from fop_algos.native_ops import SoftValue, soft_value
from fop_algos.networks.agents import NetKind, agent_net
from fop_algos.networks.layers import mlp
from fop_algos.networks.mixers.base import Utilities
from fop_algos.networks.mixers.fop import FopMixer, WeightKind, weight_net
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec

# ---- Settings ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FopConfig(ActorCriticConfig):
    """Defaults: the paper's on SMAC (D.4), the published code's where the paper is silent."""

    burn_in_episodes: int = 100
    """Episodes collected before the first update."""
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
    alpha: Temperature = Temperature(0.5, 0.05, 200_000)  # noqa: RUF009  (frozen)
    """Temperature of the team: `kind` linear, exponential, or automatic (learned, section C)."""
    alpha_i: IndividualKind = "tied"
    """Temperature of the agents: `tied` to the team's, the moving `average` of equation 17, or down the
    gradient of the `objective` J(alpha_i)."""
    alpha_i_rate: float = 1e-4
    """Step of `average` and `objective` (the paper's epsilon)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, math.inf, "heads", "state_value_hidden")
        check_range(self, 0, 1, "alpha_i_rate")
        check_range(self, 1e-3, 1e6, "alpha.start", "alpha.end")


GAMES = FopConfig(
    actor="separate_mlp",
    critic="separate_mlp",
    twin_critics=False,
    weight_net="mlp",
    state_value_hidden=(64, 64),
    burn_in_episodes=32,
    buffer_episodes=1_000_000,
    alpha=Temperature(1.0, 0.01, 10_000, "updates", target_entropy=0.1),
    epsilon=LinearSchedule(0.0, 0.0),
    optimiser="adam",
    learning_rate=3e-4,
    max_gradient_norm=float("inf"),
)
"""The matrix game (D.1). Deviation: optimiser and batch size aren't stated there; Adam and 32 are ours."""


class Fop(ActorCritic):
    """Soft individual policies, soft individual values, and a mixer that weighs their advantages.

    Agents act by `ActorCritic.act`: draws from `pi_i` with epsilon mixed in, the likeliest action in tests.
    """

    config: FopConfig

    def __init__(self, name: str, spec: TaskSpec, config: FopConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        twins = range(2 if config.twin_critics else 1)
        with seeded(seed):
            self.actor = self.register("actor", agent_net(config.actor, spec, config.hidden))
            self.critics, self.target_critics = self.register(
                "critics", [agent_net(config.critic, spec, config.hidden) for _ in twins], target=True
            )
            self.mixers, self.target_mixers = self.register(
                "mixers", [self.make_mixer() for _ in twins], target=True
            )
        self.temperatures = Temperatures(config.alpha, config.alpha_i, config.alpha_i_rate, spec.n_agents)
        if self.temperatures.learned:
            self.register("temperatures", self.temperatures)

        kind, step = config.optimiser, config.learning_rate
        self.actor_optimiser = self.register_optimiser("actor", kind, step, self.actor)
        self.critic_optimisers = [
            self.register_optimiser(f"critic_{k}", kind, step, self.critics[k], self.mixers[k]) for k in twins
        ]
        if self.temperatures.learns_alpha:
            self.register_optimiser("alpha", kind, step, self.temperatures)

    def make_mixer(self) -> FopMixer:
        """The nets of `lambda(s, u)` and `v(s)`."""
        config = self.config
        weights = weight_net(config.weight_net, self.spec, config.heads, config.hidden)
        return FopMixer(weights, mlp(self.spec.state_dim, config.state_value_hidden, 1))

    # ---- Soft policies and values, and what they make: equation 18 -----------------------------------------

    def policy(self, logits: Tensor, available: Tensor, epsilon: float) -> SoftValue:
        """`pi_i`, a softmax over the available actions; exploration's epsilon stays out of the losses."""
        return soft_value(logits, available, 1.0)

    def v(self, q: Tensor, available: Tensor, alpha_i: Alpha) -> Tensor:
        """`v_i = alpha_i log sum_a exp(q_i(a) / alpha_i)` over the available actions (15)."""
        return soft_value(q, available, expand_alpha(alpha_i, q)).v

    def q_tot(
        self,
        mixer: FopMixer,
        q: Tensor,
        actions: Tensor,
        joint_action: Tensor,
        available: Tensor,
        state: Tensor,
        alpha_i: Alpha,
    ) -> Tensor:
        """`q_tot(s, u) = sum_i lambda_i(s, u) (q_i(u_i) - v_i) + v_jt`, `v_jt = v(s) + sum_i v_i` (18).

        The mixer computes it as `sum_i q_i + v(s) + sum_i (lambda_i - 1) sg(q_i - v_i)`: the gradient to
        `q_i(u_i)` is 1, to `lambda_i` `q_i - v_i`, and none reaches the `q_i` that `v_i` is made of.

        Args:
            mixer: `lambda` and `v(s)`.
            q: `[..., N, A]`.
            actions: `u` `[..., N]`.
            joint_action: the same, one-hot `[..., N, A]`.
            available: `[..., N, A]`.
            state: `[..., S]`.
            alpha_i: the agents' temperatures.

        Returns:
            `[...]`.
        """
        q_u = q.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        v = self.v(q.detach(), available, alpha_i)
        return mixer.forward(Utilities(q_u, v, joint_action), state)

    # ---- Individual improvement (12) -----------------------------------------------------------------------

    def improvement(
        self, batch: EpisodeBatch, q: Tensor, alpha_i: Alpha, epsilon: float
    ) -> tuple[Tensor, SoftValue]:
        """`E_i[sum_a pi_i(a) (alpha_i log pi_i(a) - sg(q_i(a)))]`, from `q` `[B, T, N, A]`: no mixing.

        It is least where `pi_i = exp((q_i - v_i) / alpha_i)`.

        Returns:
            The loss `[]`, and the policies.
        """
        logits = self.actor.unroll(batch.now.obs, batch.now.last_onehot)
        pi = self.policy(logits, batch.now.available, epsilon)
        return policy_loss(pi, q, alpha_i, batch.mask), pi

    # ---- Joint evaluation (B.1) ----------------------------------------------------------------------------

    @torch.no_grad()
    def target(self, batch: EpisodeBatch, alpha: Alpha, epsilon: float, draws: Draws) -> Tensor:
        """What `q_tot` should be `[B, T]`, from joint actions drawn from the policies at each next step."""
        if batch.is_one_step:
            return batch.reward
        then = batch.next
        pi = self.policy(then.of(self.actor.unroll(batch.obs, batch.last_onehot)), then.available, epsilon)
        actions = draw(pi.policy, draws.uniform(pi.policy.shape[:-1]))
        log_pi = pi.log_policy.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        joint_action, alpha_i = onehot(actions, self.spec.n_actions), self.temperatures.of_agents(alpha)
        q_tots = []
        for critic, mixer in zip(self.target_critics, self.target_mixers, strict=True):
            q = then.of(critic.unroll(batch.obs, batch.last_onehot))
            q_tots.append(self.q_tot(mixer, q, actions, joint_action, then.available, then.state, alpha_i))
        return self.soft_return(batch, torch.stack(q_tots).amin(0), log_pi, alpha)

    def soft_return(
        self, batch: EpisodeBatch, next_q_tot: Tensor, next_log_pi: Tensor, alpha: Alpha
    ) -> Tensor:
        """`G_t - alpha mean_i log pi_i(u'_i)`: TD(lambda), and the entropy of what comes next.

        Deviation: B.1 has the joint log-policy in every value backed up; this is the published code's form,
        but for the episode's end, which has no entropy here.

        Args:
            batch: of `[B, T]` steps.
            next_q_tot: `[B, T]` of the actions drawn at `t + 1`.
            next_log_pi: `[B, T, N]` of the same actions.
            alpha: temperature.
        """
        entropy = torch.where(batch.mask & ~batch.terminated, -alpha * next_log_pi.mean(-1), 0.0)
        return td_lambda_target(batch, next_q_tot, self.config.gamma, self.config.td_lambda) + entropy

    # ---- Temperatures (section C) --------------------------------------------------------------------------

    def learn_temperatures(
        self, batch: EpisodeBatch, pi: SoftValue, q: Tensor, alpha: Alpha, draws: Draws, clock: Clock
    ) -> Metrics:
        """`alpha` down the gradient of its objective, the agents' by (17) or down that of `J(alpha_i)`."""
        metrics: Metrics = {}
        if self.temperatures.learns_alpha:
            loss = self.temperatures.loss(masked_mean(pi.entropy.mean(-1), batch.mask))
            metrics = self.gradient_step("alpha_loss", loss, self.optimisers["alpha"], math.inf, clock)
            self.temperatures.clamp_alpha()
        if self.config.alpha_i != "tied":
            with torch.no_grad():
                v = self.v(q, batch.now.available, self.temperatures.of_agents(alpha))
                advantage = q - v.unsqueeze(-1)
                actions = draw(pi.policy, draws.uniform(pi.policy.shape[:-1]))
                lam = self.mixers[0].weights(batch.now.state, onehot(actions, self.spec.n_actions))
                sampled = advantage.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
                expected = (pi.policy * advantage).sum(-1)
                self.temperatures.update_ratios(expected, lam, sampled, batch.mask)
        return metrics | self.temperatures.metrics(alpha)

    # ---- One update ----------------------------------------------------------------------------------------

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """Individual improvement, then joint evaluation with the improved policies (the code's order)."""
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes), self.device)
        now, draws, max_norm = batch.now, self.draws(clock), self.config.max_gradient_norm
        alpha, epsilon = self.temperatures.of_team(clock), self.config.epsilon(clock)
        alpha_i = self.temperatures.of_agents(alpha)
        qs = [critic.unroll(now.obs, now.last_onehot) for critic in self.critics]
        q_min = torch.stack([q.detach() for q in qs]).amin(0)

        loss, pi = self.improvement(batch, q_min, alpha_i, epsilon)
        metrics = self.gradient_step("policy_loss", loss, self.actor_optimiser, max_norm, clock)

        target = self.target(batch, alpha, epsilon, draws)
        for k, (q, mixer, optimiser) in enumerate(zip(qs, self.mixers, self.critic_optimisers, strict=True)):
            q_tot = self.q_tot(mixer, q, batch.actions, batch.onehot, now.available, now.state, alpha_i)
            loss = td_loss(q_tot, target, batch.mask)
            metrics |= self.gradient_step(f"td_loss_{k}", loss, optimiser, max_norm, clock)

        metrics |= self.learn_temperatures(batch, pi, q_min, alpha, draws, clock)
        self.copy_targets(clock, self.config.target_update_episodes)
        means = scalars(
            q_tot=masked_mean(q_tot.detach(), batch.mask),
            target=masked_mean(target, batch.mask),
            entropy=masked_mean(pi.entropy.detach().mean(-1), batch.mask),
        )
        return metrics | means | {"epsilon": epsilon}

    # ---- For reports ---------------------------------------------------------------------------------------

    @torch.no_grad()
    def individual_values(self, obs: Tensor, state: Tensor) -> Tensor:
        before = obs.new_zeros(*obs.shape[:-1], self.spec.n_actions).unsqueeze(-3)
        qs = [critic.unroll(obs.unsqueeze(-3), before) for critic in self.critics]
        return torch.stack(qs).amin(0).squeeze(-3)

    @torch.no_grad()
    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        """See `HasJointValue`; a step's dimension is put in front of the agents and taken away again."""
        alpha_i = self.temperatures.of_agents(self.temperatures.of_team(clock))
        joint_action = onehot(actions, self.spec.n_actions).unsqueeze(-3)
        available, actions, state = available.unsqueeze(-3), actions.unsqueeze(-2), state.unsqueeze(-2)
        q_tots = []
        for critic, mixer in zip(self.critics, self.mixers, strict=True):
            q = critic.unroll(obs.unsqueeze(-3), torch.zeros_like(joint_action))
            q_tots.append(self.q_tot(mixer, q, actions, joint_action, available, state, alpha_i))
        return torch.stack(q_tots).amin(0).squeeze(-1)


FORMS = (
    Form(
        name="fop",
        summary="factorised optimal joint policy: soft policies, soft values, learned weights (ICML 2021)",
        make=Fop,
        games=GAMES,
        smac=FopConfig(),
    ),
)
