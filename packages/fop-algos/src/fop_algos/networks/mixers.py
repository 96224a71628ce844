"""Mixers: from per-agent values to the joint one. One signature for all methods."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fop_algos import native_ops
from fop_core.types import TaskSpec

from .agents import PerAgentMlp
from .layers import Linear, Mlp, mlp

WeightKind = Literal["heads", "attention", "mlp"]


@dataclass(frozen=True)
class Utilities:
    """What a mixer may read of the agents.

    Attributes:
        chosen: `[..., N]` values of the chosen actions.
        baseline: `[..., N]` what they are compared with: FOP's soft value `v_i`, QPLEX's `max_a q_i`.
        onehot: `[..., N, A]` the joint action; where actions are continuous, themselves `[..., N, D]`.
    """

    chosen: Tensor
    baseline: Tensor
    onehot: Tensor


class Mixer(nn.Module, ABC):
    """The one signature."""

    @abstractmethod
    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        """`[..., N]` values and a state `[..., S]` to `q_tot` `[...]`."""

    def penalty(self, state: Tensor) -> Tensor:
        """What the mixer adds to the loss at each state `[...]`: nothing, unless it has a regulariser."""
        return torch.zeros(state.shape[:-1])


class VdnMixer(Mixer):
    """`q_tot = sum_i q_i` (Sunehag et al., 2018)."""

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        return utilities.chosen.sum(-1)


class QmixMixer(Mixer):
    """Monotone in every `q_i`: `q_tot = |w_2(s)| . ELU(|W_1(s)| q + b_1(s)) + v(s)` (Rashid et al., 2018).

    Hypernets with one hidden ReLU layer, as in PyMARL's `qmix.yaml` (`hypernet_layers: 2`).
    """

    def __init__(self, spec: TaskSpec, embed: int, hypernet_hidden: int) -> None:
        super().__init__()
        self.w1 = mlp(spec.state_dim, (hypernet_hidden,), spec.n_agents * embed)
        self.b1 = Linear(spec.state_dim, embed)
        self.w2 = mlp(spec.state_dim, (hypernet_hidden,), embed)
        self.v = mlp(spec.state_dim, (embed,), 1)
        self.embed = embed

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        q = utilities.chosen
        w1 = self.w1(state).abs().unflatten(-1, (q.shape[-1], self.embed))
        hidden = F.elu((q.unsqueeze(-1) * w1).sum(-2) + self.b1(state))
        q_tot: Tensor = (hidden * self.w2(state).abs()).sum(-1) + self.v(state).squeeze(-1)
        return q_tot


class MeanMixer(Mixer):
    """The mean of the individual values: what agents that learn alone expect of the team's return (IQL)."""

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        return utilities.chosen.mean(-1)


class QattenMixer(Mixer):
    """Attention over the agents: `q_tot = c(s) + sum_h |w_h(s)| sum_i a_ih(s) q_i` (Yang et al., 2020).

    `a_.h = softmax_i(query_h(s) . key_h(x_i) / sqrt(d))`, with `x_i` agent `i`'s own block of the state.
    Monotone in every `q_i`, for no factor is negative. Squared logits are penalised.
    Deviation: where the state has no blocks (games), `x_i` is the agent's number.
    """

    def __init__(
        self, spec: TaskSpec, heads: int, embed: int, hypernet_hidden: int, logit_penalty: float
    ) -> None:
        super().__init__()
        self.n_agents = spec.n_agents
        self.features = spec.ally_feature_dim
        self.heads = heads
        self.logit_penalty = logit_penalty
        self.queries = nn.ModuleList(
            Mlp(
                Linear(spec.state_dim, hypernet_hidden), nn.ReLU(), Linear(hypernet_hidden, embed, bias=False)
            )
            for _ in range(heads)
        )
        self.key = Linear(self.features or spec.n_agents, heads * embed, bias=False)
        self.scale = mlp(spec.state_dim, (hypernet_hidden,), heads)
        self.c = mlp(spec.state_dim, (embed,), 1)

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        of_heads = (self.attention(state) * utilities.chosen.unsqueeze(-2)).sum(-1)
        q_tot: Tensor = (self.scale(state).abs() * of_heads).sum(-1) + self.c(state).squeeze(-1)
        return q_tot

    def attention(self, state: Tensor) -> Tensor:
        """`a` `[..., H, N]`: the weights of a head sum to 1."""
        query, key = self._queries_and_keys(state)
        return ((query * key).sum(-1) / math.sqrt(key.shape[-1])).softmax(-1)

    def penalty(self, state: Tensor) -> Tensor:
        """Mean over agents, sum over heads of the squared logits, before these are divided by `sqrt(d)`."""
        query, key = self._queries_and_keys(state)
        return self.logit_penalty * (query * key).sum(-1).square().mean(-1).sum(-1)

    def _queries_and_keys(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[..., H, 1, d]` and `[..., H, N, d]`."""
        query = torch.stack([net(state) for net in self.queries], -2).unsqueeze(-2)
        if self.features:
            own = state[..., : self.n_agents * self.features].unflatten(-1, (self.n_agents, self.features))
        else:
            own = torch.eye(self.n_agents).expand(*state.shape[:-1], -1, -1)
        key = self.key(own).unflatten(-1, (self.heads, -1))
        return query, key.transpose(-3, -2)


class QplexMixer(Mixer):
    """Duplex dueling: values transformed by positive weights, advantages scaled (Wang et al., 2021).

    With `x_i = w_i(s) q_i + b_i(s)`, `m_i = w_i(s) max_a q_i + b_i(s)` and `w_i > 0`,
    `q_tot = sum_i x_i + sum_i (lambda_i(s, u) - 1) sg(x_i - m_i)`, which is
    `sum_i m_i + sum_i lambda_i (x_i - m_i)`: no joint action is better than the individual best ones.
    The baseline of the utilities is `max_a q_i`.
    """

    def __init__(self, spec: TaskSpec, weights: nn.Module, hypernet_hidden: int) -> None:
        super().__init__()
        self.weights = weights
        self.w = mlp(spec.state_dim, (hypernet_hidden,), spec.n_agents)
        self.b = mlp(spec.state_dim, (hypernet_hidden,), spec.n_agents)

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        w, b = self.w(state).abs() + 1e-10, self.b(state)
        x, m = w * utilities.chosen + b, w * utilities.baseline + b
        lam = self.weights(state, utilities.onehot)
        return native_ops.routed_mix(x, m, lam, x.new_zeros(x.shape[:-1]))


class DopMixer(Mixer):
    """Linear in every `q_i`: `q_tot = sum_i k_i(s) q_i + b(s)` with `k_i >= 0` (Wang et al., DOP, 2021).

    So `d q_tot / d q_i` is `k_i`, and the mean of `q_tot` under individual policies is `q_tot` of the means.

    Args:
        weights: `[..., S]` to `k` `[..., N]`, never negative.
        bias: `[..., S]` to `b` `[..., 1]`, or None for 0.
    """

    def __init__(self, weights: nn.Module, bias: nn.Module | None) -> None:
        super().__init__()
        self.weights = weights
        self.bias = bias

    def k(self, state: Tensor) -> Tensor:
        """The weights `[..., N]` in states `[..., S]`."""
        k: Tensor = self.weights(state)
        return k

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        weighted = (self.k(state) * utilities.chosen).sum(-1)
        return weighted if self.bias is None else weighted + self.bias(state).squeeze(-1)


class StateWeights(nn.Module):
    """DOP's weights in the games: two hidden layers of ReLU on the state, absolute values out (FOP, D.1)."""

    def __init__(self, spec: TaskSpec, hidden: int) -> None:
        super().__init__()
        self.net = mlp(spec.state_dim, (hidden, hidden), spec.n_agents)

    def forward(self, state: Tensor) -> Tensor:
        k: Tensor = self.net(state).abs()
        return k


class ShareWeights(nn.Module):
    """The weights of DOP's published SMAC code: `k_i` is `|W(s)|_i . |w(s)|` as a share of their sum."""

    def __init__(self, spec: TaskSpec, embed: int) -> None:
        super().__init__()
        self.embed = embed
        self.of_agents = Linear(spec.state_dim, spec.n_agents * embed)
        self.of_team = Linear(spec.state_dim, embed)

    def forward(self, state: Tensor) -> Tensor:
        agents = self.of_agents(state).abs().unflatten(-1, (-1, self.embed))
        k: Tensor = (agents * self.of_team(state).abs().unsqueeze(-2)).sum(-1)
        return k / k.sum(-1, keepdim=True).clamp(min=1e-10)


def dop_mixer(kind: Literal["mlp", "shares"], spec: TaskSpec, width: int) -> DopMixer:
    """`mlp`: `k` and `b` from two hidden layers of `width`. `shares`: `k` sums to 1, `b` is 0."""
    if kind == "shares":
        return DopMixer(ShareWeights(spec, width), None)
    return DopMixer(StateWeights(spec, width), mlp(spec.state_dim, (width, width), 1))


@dataclass(frozen=True)
class Routing:
    """How gradients run through FOP's factorisation, and what its `v_jt` is: the published code's way.

    `LITERAL` is equation 18 as printed; what lies between the two is there to be compared.
    """

    gradient: Literal["one", "weight"] = "one"
    """What the gradient to `q_i - v_i` is multiplied with: 1, or `lambda_i`."""
    v_i: Literal["constant", "learned"] = "constant"
    """Whether that gradient goes on through `v_i` to all the values that it is made of."""
    v_jt: Literal["sum", "free"] = "sum"
    """`v(s) + sum_i v_i`, or `v(s)` alone."""


ROUTED = Routing()
LITERAL = Routing("weight", "learned", "free")


class FopMixer(Mixer):
    """FOP's factorisation with learned weights (FOP, equation 18), gradients routed as its code routes them.

    `q_tot = sum_i q_i + v(s) + sum_i (lambda_i(s, u) - 1) sg(q_i - v_i)`, which is
    `sum_i lambda_i (q_i - v_i) + v_jt` with `v_jt = v(s) + sum_i v_i`.
    Deviation: (18) has no such routing; written literally it doesn't find the matrix game's optimum.
    """

    def __init__(self, weights: nn.Module, v: nn.Module, routing: Routing = ROUTED) -> None:
        super().__init__()
        self.weights = weights
        self.v = v
        self.routing = routing

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        lam = self.weights(state, utilities.onehot)
        q, v, v_state = utilities.chosen, utilities.baseline, self.v(state).squeeze(-1)
        if self.routing == ROUTED:
            return native_ops.routed_mix(q, v, lam, v_state)
        if self.routing == LITERAL:
            return native_ops.literal_mix(q, v, lam, v_state)
        v = v.detach() if self.routing.v_i == "constant" else v
        advantage = q - v
        if self.routing.gradient == "one":
            weighted = lam * advantage.detach() + advantage - advantage.detach()
        else:
            weighted = lam * advantage
        q_tot: Tensor = weighted.sum(-1) + v_state
        return q_tot + v.sum(-1) if self.routing.v_jt == "sum" else q_tot


class HeadWeights(nn.Module):
    """The weights of FOP's published SMAC code; every map is one linear layer.

    `lambda_i = sum_h |key_h(s)| sigma(agents_h(s))_i sigma(actions_h(s, u))_i`.
    """

    def __init__(self, spec: TaskSpec, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.of_state = Linear(spec.state_dim, heads * (1 + spec.n_agents))  # keys, then agents
        self.of_joint_action = Linear(spec.state_dim + spec.n_agents * spec.n_actions, heads * spec.n_agents)

    def forward(self, state: Tensor, onehot: Tensor) -> Tensor:
        of_state = self.of_state(state)
        keys = of_state[..., : self.heads].abs() + 1e-10
        agents = of_state[..., self.heads :].unflatten(-1, (self.heads, -1)).sigmoid()
        joint = torch.cat((state, onehot.flatten(-2)), -1)
        actions = self.of_joint_action(joint).unflatten(-1, (self.heads, -1)).sigmoid()
        lam: Tensor = (keys.unsqueeze(-1) * agents * actions).sum(-2)
        return lam


class DeepHeadWeights(nn.Module):
    """`HeadWeights` with two hidden ReLU layers in every map: QPLEX's published code on matrix games."""

    def __init__(self, spec: TaskSpec, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        joint = spec.state_dim + spec.n_agents * spec.n_actions
        # A net of its own for each head, as for each agent there.
        self.keys = PerAgentMlp(heads, spec.state_dim, hidden, 1)
        self.agents = PerAgentMlp(heads, spec.state_dim, hidden, spec.n_agents)
        self.actions = PerAgentMlp(heads, joint, hidden, spec.n_agents)

    def forward(self, state: Tensor, onehot: Tensor) -> Tensor:
        joint = torch.cat((state, onehot.flatten(-2)), -1)
        of_state, of_joint_action = (
            x.unsqueeze(-2).expand(*x.shape[:-1], self.heads, -1) for x in (state, joint)
        )
        keys = self.keys.each(of_state).abs() + 1e-10
        agents = self.agents.each(of_state).sigmoid()
        lam: Tensor = (keys * agents * self.actions.each(of_joint_action).sigmoid()).sum(-2)
        return lam


class AttentionWeights(nn.Module):
    """Dot-product attention with heads, which the appendix names without its details (FOP, section D.4).

    `lambda_i = sum_h |w_h(s)| softmax_i(query_h(s) . key_h(x_i, u_i) / sqrt(d))`, with `x_i` agent `i`'s own
    block of the state.
    Deviation: what makes queries and keys and what scales a head isn't written anywhere; this is one reading.
    """

    def __init__(self, spec: TaskSpec, heads: int, embed: int) -> None:
        super().__init__()
        if spec.ally_feature_dim == 0:
            raise ValueError(
                f"attention weights need a state with a block per agent, which {spec.name} does not have; "
                "use weight_net=heads or weight_net=mlp"
            )
        self.heads = heads
        self.n_agents = spec.n_agents
        self.features = spec.ally_feature_dim
        self.query = mlp(spec.state_dim, (64,), heads * embed)
        self.key = Linear(spec.ally_feature_dim + spec.n_actions, heads * embed, bias=False)
        self.scale = mlp(spec.state_dim, (64,), heads)

    def forward(self, state: Tensor, onehot: Tensor) -> Tensor:
        own = state[..., : self.n_agents * self.features].unflatten(-1, (self.n_agents, self.features))
        key = self.key(torch.cat((own, onehot), -1)).unflatten(-1, (self.heads, -1))  # [..., N, H, d]
        query = self.query(state).unflatten(-1, (1, self.heads, -1))
        scores = (query * key).sum(-1) / math.sqrt(key.shape[-1])  # [..., N, H]
        lam: Tensor = (scores.softmax(-2) * self.scale(state).abs().unsqueeze(-2)).sum(-1)
        return lam


class MlpWeights(nn.Module):
    """The games' weights: two hidden layers of ReLU on state and joint action, absolute values out (D.1)."""

    def __init__(self, spec: TaskSpec, hidden: int) -> None:
        super().__init__()
        joint = spec.state_dim + spec.n_agents * (spec.n_actions or spec.action_dim)
        self.net = mlp(joint, (hidden, hidden), spec.n_agents)

    def forward(self, state: Tensor, onehot: Tensor) -> Tensor:
        lam: Tensor = self.net(torch.cat((state, onehot.flatten(-2)), -1)).abs()
        return lam


def weight_net(kind: WeightKind, spec: TaskSpec, heads: int, hidden: int) -> nn.Module:
    """FOP's `lambda(s, u)`: `[..., S]` and `[..., N, A]` to `[..., N]`, never negative."""
    if kind == "heads":
        return HeadWeights(spec, heads)
    if kind == "attention":
        return AttentionWeights(spec, heads, embed=32)
    return MlpWeights(spec, hidden)
