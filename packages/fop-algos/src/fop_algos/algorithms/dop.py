"""DOP: off-policy multi-agent decomposed policy gradients, for discrete actions (stochastic policies).

Wang, Han, Wang, Dong, Zhang: "DOP: Off-policy multi-agent decomposed policy gradients", ICLR 2021.
Games: FOP's appendix, D.1. SMAC: settings of the published code, TonghanWang/DOP @ 20c0698 (`offpg_smac`).

Symbols: `q` is `q_i(tau_i, .)`, `pi` the policies that act, exploration's epsilon included.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from fop_algos.algorithm import Form, Metrics, check_range, scalars, seeded
from fop_algos.bases.actor_critic import ActorCritic, ActorCriticConfig
from fop_algos.batch import EpisodeBatch, Steps, onehot
from fop_algos.functional.exploration import epsilon_mixture
from fop_algos.functional.losses import masked_mean, td_loss
from fop_algos.functional.returns import td_lambda_target, tree_backup_target
from fop_algos.functional.schedules import LinearSchedule
from fop_algos.native_ops import soft_value
from fop_algos.networks.agents import PerAgentMlp, agent_net
from fop_algos.networks.layers import Linear
from fop_algos.networks.mixers.base import Utilities
from fop_algos.networks.mixers.dop import DopMixer, dop_mixer
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class DopConfig(ActorCriticConfig):
    """Defaults: the published code's on SMAC."""

    episodes_per_round: int = 4
    """Episodes collected between updates, all with the schedules' values at the round's start."""
    on_policy_episodes: int = 16
    """The newest episodes, which teach the actor (fewer where there aren't as many)."""
    critic_on_policy: bool = True
    """Whether the critic learns from them, too, beside its batch from the replay."""
    hidden: int = 64
    """Width of the policies' hidden layers."""
    critic: Literal["separate_mlp", "central"] = "central"
    """`central`: one dueling net on state, observation and agent number. `separate_mlp`: a net for each agent
    on its own observation (games)."""
    critic_hidden: int = 256
    """Width of the critic's two hidden layers."""
    mixer: Literal["mlp", "shares"] = "shares"
    """`shares`: the weights k_i sum to 1, without bias. `mlp`: k and b from two hidden layers (games)."""
    mixer_width: int = 32
    """Width of the mixer's hidden layers."""
    td_lambda: float = 0.8
    """How far targets of the newest episodes look ahead: 0 one step, 1 to the episode's end."""
    tree_backup_lambda: float = 0.93
    """Weight of each further step in targets of episodes from the replay."""
    tree_backup_steps: int = 5
    """Steps that targets of episodes from the replay look ahead."""
    epsilon: LinearSchedule = LinearSchedule(0.5, 0.05, 500_000)  # noqa: RUF009  (frozen)
    """Share of uniform available actions in the policies that act and learn."""
    learning_rate: float = 5e-4
    """Step size of the actor."""
    critic_learning_rate: float = 1e-4
    """Step size of critic and mixer."""
    max_gradient_norm: float = 20.0
    """Gradients of each optimiser are scaled down to this norm."""
    target_update_episodes: int = 32
    """Episodes between hard copies into the target nets."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(
            self, 1, math.inf, "on_policy_episodes", "critic_hidden", "mixer_width", "tree_backup_steps"
        )
        check_range(self, 0, 1, "tree_backup_lambda")
        check_range(self, 1e-12, math.inf, "critic_learning_rate")


GAMES = DopConfig(
    episodes_per_round=1,
    on_policy_episodes=32,
    critic_on_policy=False,
    actor="separate_mlp",
    critic="separate_mlp",
    critic_hidden=64,
    mixer="mlp",
    mixer_width=64,
    buffer_episodes=1_000_000,
    epsilon=LinearSchedule(1.0, 0.01, 10_000, "updates"),
    optimiser="adam",
    learning_rate=3e-4,
    critic_learning_rate=3e-4,
)
"""The matrix game (FOP, D.1): nets of two hidden layers of 64, those of k and b too; 3e-4.

Deviation: optimiser and batch sizes aren't stated there; Adam and 32 are ours.
Deviation: DOP's exploration isn't stated there; it is D.1's epsilon of the value-based methods, mixed into
the policies. Without it policies commit before the critic knows anything, one way or the other by chance.
"""


class Policies(NamedTuple):
    """`pi` `[..., N, A]`, zero where unavailable, and `log_pi` of the actions taken `[..., N]`."""

    pi: Tensor
    log_pi: Tensor


class Dop(ActorCritic):
    """Policies that follow `k_i(s) (q_i - E_pi q_i)`, and a critic that is linear in the `q_i`."""

    config: DopConfig

    def __init__(self, name: str, spec: TaskSpec, config: DopConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        own = config.critic == "separate_mlp"
        with seeded(seed):
            self.actor = self.register("actor", agent_net(config.actor, spec, config.hidden))
            critic: Critic = (OwnCritic if own else CentralCritic)(spec, config.critic_hidden)
            self.critic, self.target_critic = self.register("critic", critic, target=True)
            self.mixer, self.target_mixer = self.register(
                "mixer", dop_mixer(config.mixer, spec, config.mixer_width), target=True
            )
        kind = config.optimiser
        self.actor_optimiser = self.register_optimiser("actor", kind, config.learning_rate, self.actor)
        self.critic_optimiser = self.register_optimiser(
            "critic", kind, config.critic_learning_rate, self.critic, self.mixer
        )

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """Critic steps, one for each time index, then one step of the actor (the published code's order)."""
        config, epsilon = self.config, self.config.epsilon(clock)
        newest = min(config.on_policy_episodes, len(replay))
        on_policy = EpisodeBatch.of(replay.latest(newest), self.device)
        off_policy = EpisodeBatch.of(replay.sample(config.batch_episodes), self.device)

        target = self.tree_backup_target(off_policy, epsilon)
        parts = [(off_policy, target)]
        if config.critic_on_policy:
            parts.append((on_policy, self.on_policy_target(on_policy, epsilon)))
        steps = [
            self.gradient_step(
                "td_loss", self.td_loss(parts, t), self.critic_optimiser, config.max_gradient_norm, clock
            )
            for t in range(max(batch.mask.shape[-1] for batch, _ in parts))
        ]
        metrics: Metrics = {name: sum(step[name] for step in steps) / len(steps) for name in steps[0]}

        loss = self.policy_loss(on_policy, epsilon)
        metrics |= self.gradient_step(
            "policy_loss", loss, self.actor_optimiser, config.max_gradient_norm, clock
        )
        self.copy_targets(clock, config.target_update_episodes)
        return metrics | scalars(target=masked_mean(target, off_policy.mask)) | {"epsilon": epsilon}

    def td_loss(self, parts: list[tuple[EpisodeBatch, Tensor]], t: int) -> Tensor:
        """`E[(q_tot - target)^2]` over the real steps of time index `t` of all parts together."""
        with_t = [(batch, target) for batch, target in parts if t < batch.mask.shape[-1]]
        q_tot = torch.cat([self.q_tot(self.critic, self.mixer, batch, t) for batch, _ in with_t], -1)
        target = torch.cat([target[..., t] for _, target in with_t], -1)
        mask = torch.cat([batch.mask[..., t] for batch, _ in with_t], -1)
        return td_loss(q_tot.unsqueeze(-1), target.unsqueeze(-1), mask.unsqueeze(-1))

    def q_tot(self, critic: Critic, mixer: DopMixer, batch: EpisodeBatch, t: int | slice) -> Tensor:
        """Values of the actions taken at `t`."""
        state, actions = batch.now.state[..., t, :], batch.actions[..., t, :]
        q = critic.forward(batch.now.obs[..., t, :, :], state)
        chosen = q.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        return mixer.forward(Utilities(chosen, chosen, batch.onehot[..., t, :, :]), state)

    def policy_loss(self, batch: EpisodeBatch, epsilon: float) -> Tensor:
        """`-E[sum_i k_i(s) sg(q_i(u_i) - E_pi q_i) log pi_i(u_i)]` over real steps.

        Its gradient is that of `-E_pi[q_tot]`, where the actions taken are draws from the policies.
        """
        pi, log_pi = self.policies(batch, batch.now, epsilon)
        with torch.no_grad():
            state = batch.now.state
            q = self.critic.forward(batch.now.obs, state)
            chosen = q.gather(-1, batch.actions.unsqueeze(-1)).squeeze(-1)
            weight = self.mixer.k(state) * (chosen - (pi * q).sum(-1))
        return masked_mean(-(weight * log_pi).sum(-1), batch.mask)

    def policies(self, batch: EpisodeBatch, seen: EpisodeBatch | Steps, epsilon: float) -> Policies:
        """At what was `seen`: `batch.now`, or all `T + 1` steps of `batch`; `log_pi` of the actions taken."""
        soft = soft_value(self.actor.unroll(seen.obs, seen.last_onehot), seen.available, 1.0)
        log_pi = soft.log_policy[..., : batch.mask.shape[-1], :, :]
        log_pi = log_pi.gather(-1, batch.actions.unsqueeze(-1)).squeeze(-1)
        if epsilon > 0:
            choices = batch.now.available.sum(-1).clamp(min=1)
            log_pi = torch.logaddexp(log_pi + math.log1p(-min(epsilon, 1 - 1e-7)), (epsilon / choices).log())
        return Policies(epsilon_mixture(soft.policy, seen.available, epsilon), log_pi)

    @torch.no_grad()
    def on_policy_target(self, batch: EpisodeBatch, epsilon: float) -> Tensor:
        """TD(lambda) `[B, T]` of what the policies expect next."""
        if batch.is_one_step:
            return batch.reward
        pi = self.policies(batch, batch, epsilon).pi
        next_v = self.expected_q_tot(batch, pi)
        return td_lambda_target(batch, next_v, self.config.gamma, self.config.td_lambda)

    @torch.no_grad()
    def tree_backup_target(self, batch: EpisodeBatch, epsilon: float) -> Tensor:
        """`[B, T]`, for actions that other policies took."""
        if batch.is_one_step:
            return batch.reward
        config = self.config
        pi, log_pi = self.policies(batch, batch, epsilon)
        q_tot = self.q_tot(self.target_critic, self.target_mixer, batch, slice(batch.mask.shape[-1]))
        return tree_backup_target(
            batch,
            q_tot,
            self.expected_q_tot(batch, pi),
            log_pi.sum(-1).exp(),
            config.gamma,
            config.tree_backup_lambda,
            config.tree_backup_steps,
        )

    def expected_q_tot(self, batch: EpisodeBatch, pi: Tensor) -> Tensor:
        """`E_pi[q_tot]` `[B, T]` at the next steps by the frozen nets: exact, for the mixer is linear."""
        state, pi = batch.next.state, batch.next.of(pi)
        q = self.target_critic.forward(batch.next.obs, state)
        expected = (pi * q).sum(-1)
        return self.target_mixer.forward(Utilities(expected, expected, pi), state)

    @torch.no_grad()
    def individual_values(self, obs: Tensor, state: Tensor) -> Tensor:
        return self.critic.forward(obs, state)

    @torch.no_grad()
    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        chosen = self.critic.forward(obs, state).gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        return self.mixer.forward(Utilities(chosen, chosen, onehot(actions, self.spec.n_actions)), state)


class OwnCritic(nn.Module):
    """`q_i(o_i, .)`, a net for each agent: two hidden ReLU layers."""

    def __init__(self, spec: TaskSpec, hidden: int) -> None:
        super().__init__()
        self.net = PerAgentMlp(spec.n_agents, spec.obs_dim, hidden, spec.n_actions)

    def forward(self, obs: Tensor, state: Tensor) -> Tensor:
        """`[..., N, O]` to `[..., N, A]`; the state isn't read."""
        return self.net.each(obs)


class CentralCritic(nn.Module):
    """`q_i(s, o_i, .)`, one net for all agents, which reads their number: two hidden ReLU layers, dueling.

    The dueling head adds one value to all actions' advantages, which aren't centred.
    """

    def __init__(self, spec: TaskSpec, hidden: int) -> None:
        super().__init__()
        self.of_state = Linear(spec.state_dim, hidden, bias=False)
        self.of_agent = Linear(spec.obs_dim + spec.n_agents, hidden)
        self.middle = Linear(hidden, hidden)
        self.output = Linear(hidden, spec.n_actions + 1)

    def forward(self, obs: Tensor, state: Tensor) -> Tensor:
        """`[..., N, O]` and `[..., S]` to `[..., N, A]`."""
        number = torch.eye(obs.shape[-2], dtype=obs.dtype, device=obs.device).expand(*obs.shape[:-2], -1, -1)
        x = self.of_agent(torch.cat((obs, number), -1)) + self.of_state(state).unsqueeze(-2)
        x = self.output.forward(self.middle(x.relu_()).relu_())
        return x[..., :-1] + x[..., -1:]


Critic = OwnCritic | CentralCritic


FORMS = (
    Form(
        name="dop",
        summary="policy gradients by a critic that is linear in individual values (ICLR 2021)",
        make=Dop,
        games=GAMES,
        smac=DopConfig(),
    ),
)
