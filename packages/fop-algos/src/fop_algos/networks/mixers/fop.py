"""FOP: equation 18, and the nets of its weights."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos import native_ops
from fop_algos.networks.layers import Linear, mlp
from fop_core.types import TaskSpec

from .base import Mixer, Utilities

WeightKind = Literal["heads", "attention", "mlp"]


class FopMixer(Mixer):
    """FOP's factorisation with learned weights (FOP, equation 18), gradients as its published code has them.

    `q_tot = sum_i q_i + v(s) + sum_i (lambda_i(s, u) - 1) sg(q_i - v_i)`, which is
    `sum_i lambda_i (q_i - v_i) + v_jt` with `v_jt = v(s) + sum_i v_i`.
    Deviation: (18) has no `sg`; with its own gradients it doesn't find the matrix game's optimum.
    """

    def __init__(self, weights: nn.Module, v: nn.Module) -> None:
        super().__init__()
        self.weights = weights
        self.v = v

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        q, v = utilities.chosen, utilities.baseline
        lam = self.weights(state, utilities.onehot)
        return native_ops.routed_mix(q, v, lam, self.v(state).squeeze(-1))


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
