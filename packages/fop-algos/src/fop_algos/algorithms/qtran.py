"""QTRAN-base and QTRAN-alt: a joint value without constraints, and individual values bound to it by losses.

Son et al., "QTRAN: Learning to factorize with transformation for cooperative multi-agent reinforcement
learning", ICML 2019. Settings on SMAC: PyMARL @ c971afd (base); on games: FOP, D.1, with the weights of
Son et al.'s code. Symbols: `q` is `q_i(tau_i, .)`, `q_joint` `Q(s, u)`, `v` `V(s)`.
`docs/algorithms/qtran.md` lists every deviation with its reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fop_algos.algorithm import Form, Metrics, check_range, scalars, seeded
from fop_algos.bases.utility_agents import UtilityAgents, UtilityConfig
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.exploration import greedy
from fop_algos.functional.losses import masked_mean, td_loss
from fop_algos.functional.returns import td_lambda_target
from fop_algos.functional.schedules import LinearSchedule
from fop_algos.networks.agents import AgentNet, SharedGru, agent_net
from fop_algos.networks.layers import Linear, linear, mlp
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class QtranConfig(UtilityConfig):
    """Defaults: PyMARL's on SMAC."""

    variant: Literal["base", "alt"] = "base"
    """Where the sum is bound beside the best action: at the actions taken, or at each agent's worst."""
    joint_input: Literal["histories", "actions"] = "histories"
    """What `Q` reads beside the state: the sum of encoded histories and actions, or the joint action."""
    state_value: bool = True
    """Whether `V(s)` is learned; without it, it is 0, as in Son et al.'s code for one state."""
    hidden: int = 64
    """Width of the hidden layers, the agents' and the joint nets'."""
    opt_weight: float = 1.0
    """Weight of `opt_loss`."""
    nopt_weight: float = 0.1
    """Weight of `nopt_loss` or `nopt_min_loss`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 0, math.inf, "opt_weight", "nopt_weight")
        if self.joint_input == "histories" and self.agent != "shared_gru":
            raise ValueError(
                f"agent is {self.agent}, which has no histories; use agent=shared_gru or joint_input=actions"
            )


GAMES = QtranConfig(
    agent="separate_mlp",
    joint_input="actions",
    state_value=False,
    nopt_weight=1.0,
    buffer_episodes=1_000_000,
    epsilon=LinearSchedule(1.0, 0.01, 10_000, "updates"),
    optimiser="adam",
    learning_rate=3e-4,
)
"""The paper's games (FOP, D.1): hidden 2 x 64, 3e-4, epsilon 1 to 0.01 over 10,000 learning steps.

Deviation: optimiser and batch size aren't stated there; Adam and 32 are ours.
"""


class JointValue(nn.Module):
    """`Q(s, u)`: two hidden ReLU layers on the state and the sum of what encodes each agent.

    An agent's code is made of its history and action by a net with one hidden ReLU layer, one for all agents.
    Without histories it is the action in the agent's own place, so that the sum is the joint action.
    """

    def __init__(self, spec: TaskSpec, hidden: int, history: int) -> None:
        super().__init__()
        self.spec = spec
        width = history + spec.n_actions
        self.encoder = mlp(width, (width,), width) if history else None
        code = width if history else spec.n_agents * spec.n_actions
        self.first = Linear(spec.state_dim + code, hidden)
        self.second = Linear(hidden, hidden)
        self.third = Linear(hidden, 1)

    def forward(self, state: Tensor, histories: Tensor, joint_action: Tensor) -> Tensor:
        """`[..., S]`, `[..., N, H]`, `[..., N, A]` to `[...]`."""
        return self._value(self._of_state(state), self.codes(histories, joint_action).sum(-2))

    def counterfactuals(self, state: Tensor, histories: Tensor, joint_action: Tensor) -> Tensor:
        """`Q(s, (a, u_-i))` `[..., N, A]`: each agent's every action, the others' as they are."""
        codes = self.codes(histories, joint_action)
        others = codes.sum(-2, keepdim=True) - codes
        of_state = self._of_state(state).unsqueeze(-2)
        rows = [
            self._value(of_state, others[..., i, None, :] + self._codes_of_all_actions(histories, i))
            for i in range(self.spec.n_agents)
        ]
        return torch.stack(rows, -2)

    def codes(self, histories: Tensor, joint_action: Tensor) -> Tensor:
        """`[..., N, C]`."""
        if self.encoder is None:
            place = torch.eye(self.spec.n_agents, device=joint_action.device).unsqueeze(-1)
            return (joint_action.unsqueeze(-2) * place).flatten(-2)
        out: Tensor = self.encoder(torch.cat((histories, joint_action), -1))
        return out

    def _codes_of_all_actions(self, histories: Tensor, agent: int) -> Tensor:
        """`[..., A, C]`."""
        n_actions = self.spec.n_actions
        actions = torch.eye(n_actions, device=histories.device)
        if self.encoder is None:
            return F.pad(actions, (agent * n_actions, (self.spec.n_agents - 1 - agent) * n_actions))
        history = histories[..., agent, :].unsqueeze(-2)
        history = history.expand(*history.shape[:-2], n_actions, -1)
        actions = actions.expand(*history.shape[:-2], -1, -1)
        out: Tensor = self.encoder(torch.cat((history, actions), -1))
        return out

    # The first layer in two parts, so that the state's is computed once for all counterfactual actions.

    def _of_state(self, state: Tensor) -> Tensor:
        return linear(state, self.first.weight[..., : self.spec.state_dim], self.first.bias)

    def _value(self, of_state: Tensor, code: Tensor) -> Tensor:
        x = (of_state + linear(code, self.first.weight[..., self.spec.state_dim :])).relu()
        out: Tensor = self.third(self.second(x).relu())
        return out.squeeze(-1)


class Qtran(UtilityAgents):
    """QTRAN-base or QTRAN-alt, as `config.variant` says."""

    config: QtranConfig

    def __init__(self, name: str, spec: TaskSpec, config: QtranConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        history = config.hidden if config.joint_input == "histories" else 0
        with seeded(seed):
            self.agent, self.target_agent = self.register(
                "agent", agent_net(config.agent, spec, config.hidden), target=True
            )
            self.joint, self.target_joint = self.register(
                "joint", JointValue(spec, config.hidden, history), target=True
            )
            self.v: nn.Module | None = None
            if config.state_value:
                self.v = self.register("v", mlp(spec.state_dim, (config.hidden, config.hidden), 1))
        nets = (self.agent, self.joint) if self.v is None else (self.agent, self.joint, self.v)
        self.optimiser = self.register_optimiser("optimiser", config.optimiser, config.learning_rate, *nets)

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes), self.device)
        all_q, all_histories = unroll(self.agent, batch)
        q, histories = batch.now.of(all_q), batch.now.of(all_histories)
        state, available = batch.now.state, batch.now.available

        # The joint value, by temporal differences alone.
        q_joint = self.joint.forward(state, histories, batch.onehot)
        target = self.target(batch, all_q.detach())
        td = td_loss(q_joint, target, batch.mask)

        # The individual values: their sum and V meet Q where all are greedy, and never lie below it.
        v = q_joint.new_zeros(q_joint.shape) if self.v is None else self.v(state).squeeze(-1)
        chosen = q.gather(-1, batch.actions.unsqueeze(-1)).squeeze(-1)
        best = greedy(q.detach(), available)
        of_best = q.gather(-1, best.unsqueeze(-1)).squeeze(-1)
        with torch.no_grad():
            q_joint_best = self.joint.forward(state, histories, onehot(best, self.spec.n_actions))
        opt = opt_loss(of_best, q_joint_best, v, batch.mask)
        if self.config.variant == "base":
            nopt = nopt_loss(chosen, q_joint, v, batch.mask)
        else:
            with torch.no_grad():
                rows = self.joint.counterfactuals(state, histories, batch.onehot)
            nopt = nopt_min_loss(q, chosen, rows, available, v, batch.mask)
        loss = td + self.config.opt_weight * opt + self.config.nopt_weight * nopt

        metrics = self.gradient_step("loss", loss, self.optimiser, self.config.max_gradient_norm, clock)
        self.copy_targets(clock, self.config.target_update_episodes)
        means = scalars(
            td_loss=td.detach(),
            opt_loss=opt.detach(),
            nopt_loss=nopt.detach(),
            q_tot=masked_mean(q_joint.detach(), batch.mask),
            target=masked_mean(target, batch.mask),
        )
        return metrics | means | {"epsilon": self.config.epsilon(clock)}

    @torch.no_grad()
    def target(self, batch: EpisodeBatch, q: Tensor) -> Tensor:
        """One-step targets `[B, T]`: the live agents choose the next actions, the frozen `Q` values them."""
        if batch.is_one_step:
            return batch.reward
        best = greedy(batch.next.of(q), batch.next.available)
        _, histories = unroll(self.target_agent, batch)
        next_q_joint = self.target_joint.forward(
            batch.next.state, batch.next.of(histories), onehot(best, self.spec.n_actions)
        )
        return td_lambda_target(batch, next_q_joint, self.config.gamma, 0.0)

    @torch.no_grad()
    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        _, hidden = self.agent.step(obs, self.start(obs.shape[-3]))
        return self.joint.forward(state, hidden, onehot(actions, self.spec.n_actions))


def unroll(agent: AgentNet, batch: EpisodeBatch) -> tuple[Tensor, Tensor]:
    """Values `[B, T+1, N, A]` and histories `[B, T+1, N, H]`; `H = 0` of nets that have none."""
    if isinstance(agent, SharedGru):
        return agent.unroll_with_histories(batch.obs, batch.last_onehot)
    return agent.unroll(batch.obs, batch.last_onehot), batch.obs[..., :0]


def opt_loss(best: Tensor, q_joint_best: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """`E[(sum_i q_i(best_i) - sg(Q(s, best)) + V(s))^2]`: at the greedy joint action they agree.

    Args:
        best: `[B, T, N]` values of the agents' greedy actions.
        q_joint_best: `[B, T]`.
        v: `[B, T]`.
        mask: `[B, T]`.
    """
    return masked_mean((best.sum(-1) - q_joint_best.detach() + v).square(), mask)


def nopt_loss(chosen: Tensor, q_joint: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    """QTRAN-base: `E[min(0, sum_i q_i(u_i) - sg(Q(s, u)) + V(s))^2]`: elsewhere the sum isn't below.

    Args:
        chosen: `[B, T, N]` values of the actions taken.
        q_joint: `[B, T]` of the same actions.
        v: `[B, T]`.
        mask: `[B, T]`.
    """
    return masked_mean((chosen.sum(-1) - q_joint.detach() + v).clamp(max=0).square(), mask)


def nopt_min_loss(
    q: Tensor, chosen: Tensor, rows: Tensor, available: Tensor, v: Tensor, mask: Tensor
) -> Tensor:
    """QTRAN-alt: the least gap over an agent's own actions is 0, for every agent and whatever the others did.

    `E_i[(min_a [q_i(a) + sum_{j != i} q_j(u_j) - sg(Q(s, (a, u_-i)))] + V(s))^2]` over available actions `a`.

    Args:
        q: `[B, T, N, A]`.
        chosen: `[B, T, N]` values of the actions taken.
        rows: `[B, T, N, A]` counterfactual joint values.
        available: `[B, T, N, A]`.
        v: `[B, T]`.
        mask: `[B, T]`.
    """
    others = chosen.sum(-1, keepdim=True) - chosen
    gap = q + others.unsqueeze(-1) - rows.detach()
    least = gap.masked_fill(~available, torch.inf).amin(-1)
    least = torch.where(available.any(-1), least, 0.0)  # padding has no available action
    return masked_mean((least + v.unsqueeze(-1)).square().mean(-1), mask)


FORMS = (
    Form(
        name="qtran_base",
        summary="free joint value, individual ones bound to it at actions taken; games and SMAC (ICML 2019)",
        make=Qtran,
        games=replace(GAMES, variant="base"),
        smac=QtranConfig(variant="base"),
    ),
    Form(
        name="qtran_alt",
        summary="QTRAN bound at each agent's own worst action; games and SMAC (ICML 2019)",
        make=Qtran,
        games=replace(GAMES, variant="alt"),
        smac=QtranConfig(variant="alt"),
    ),
)
