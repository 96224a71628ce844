"""Linear layers that one seed or a stack of seeds can use (see `fop_algos.training.stack`).

Plain, a weight is `[out, in]`. In a stack of `K` seeds it is `[K, out, in]`, the input is `[K, ..., in]`, and
row `k` is computed with weight `k`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x W^T + b`: `[..., in]` to `[..., out]`, or row by row of a stack."""
    if weight.ndim == 2:
        return F.linear(x, weight, bias)
    rows = x.flatten(1, -2)
    out = torch.bmm(rows, weight.mT) if bias is None else torch.baddbmm(bias.unsqueeze(1), rows, weight.mT)
    return out.view(*x.shape[:-1], -1)


class Linear(nn.Linear):
    """`nn.Linear` that can be stacked."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


def unexpand(x: Tensor, last: int) -> Tensor:
    """`x` with each dimension that merely repeats (stride 0) cut to 1, the `last` dimensions left alone.

    One-step games show the same to every episode: what is computed from it is computed once.
    """
    for dim in range(x.ndim - last):
        if x.stride(dim) == 0:
            x = x.narrow(dim, 0, 1)
    return x


class Mlp(nn.Sequential):
    """`[..., in]` to `[..., out]`; rows that repeat are computed once."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = super().forward(unexpand(x, 1))  # type: ignore[no-untyped-call]
        return out.expand(*x.shape[:-1], -1)


def mlp(inputs: int, hidden: tuple[int, ...], outputs: int) -> Mlp:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [Linear(inputs, width), nn.ReLU()]
        inputs = width
    return Mlp(*layers, Linear(inputs, outputs))
