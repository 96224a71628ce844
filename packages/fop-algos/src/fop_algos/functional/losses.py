"""Losses: tensors in, a scalar out (in a stack of seeds one for each).

`mask` is true on real steps; what padding holds never matters.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fop_algos.native_ops import SoftValue


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values` `[..., B, T]` where `mask` `[..., B, T]` is true; NaN elsewhere does no harm."""
    return torch.where(mask, values, 0.0).sum((-2, -1)) / mask.sum((-2, -1))


def td_loss(q_tot: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """`E[(q_tot - sg(target))^2]` over real steps; all `[B, T]`."""
    return masked_mean((q_tot - target.detach()).square(), mask)


def policy_loss(policy: SoftValue, q: Tensor, alpha: float | Tensor, mask: Tensor) -> Tensor:
    """Individual improvement: `E_i[sum_a pi_i(a) (alpha log pi_i(a) - sg(q_i(a)))]` (FOP, equation 12).

    The expectation over an agent's own actions is exact. Its minimum is `softmax(q / alpha)`.

    Args:
        policy: of `[B, T, N, A]` logits, unavailable actions at 0.
        q: `[B, T, N, A]`.
        alpha: temperature: a number, or `[..., N]`.
        mask: `[B, T]`.
    """
    value = (policy.policy * q.detach()).sum(-1)
    return masked_mean((-alpha * policy.entropy - value).mean(-1), mask)
