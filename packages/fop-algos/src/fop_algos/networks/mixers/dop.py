"""DOP: linear, with weights of the state."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from fop_algos.networks.layers import Linear, mlp
from fop_core.types import TaskSpec

from .base import Mixer, Utilities


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
