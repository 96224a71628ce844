"""Targets: what a joint value should be. Tensors in, tensors out, no gradients.

`next_values` `[B, T]` is the value of what step `t` led to (index `t + 1` of the episode).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fop_algos import native_ops
from fop_algos.batch import EpisodeBatch


def td_lambda_target(batch: EpisodeBatch, next_values: Tensor, gamma: float, lam: float) -> Tensor:
    """`G_t = r_t + gamma (1 - term_t) [(1 - lam) v_{t+1} + lam G_{t+1}]`; `lam = 0` is the one-step target.

    An episode that was cut off bootstraps from the value after its own last step. `[B, T]`, zero on padding.
    """
    values = F.pad(next_values, (1, 0))  # the kernel counts from step 0, whose own value no target reads
    return native_ops.td_lambda(batch.reward, values, batch.terminated, batch.mask, gamma, lam)


@torch.no_grad()
def tree_backup_target(
    batch: EpisodeBatch,
    values: Tensor,
    next_values: Tensor,
    probability: Tensor,
    gamma: float,
    lam: float,
    n: int,
) -> Tensor:
    """Off-policy targets over `n` steps (DOP; Precup et al., "Eligibility traces", 2000).

    `y_t = q_t + sum_{l < n} (gamma lam)^l (prod_{j=1..l} pi(u_{t+j})) delta_{t+l}` with
    `delta_t = r_t + gamma (1 - term_t) v_{t+1} - q_t`.

    Args:
        batch: of `[B, T]` steps.
        values: `q_t` `[B, T]` of the joint actions taken.
        next_values: `v_{t+1}` `[B, T]`, the mean of `q_tot` under the policies.
        probability: `pi(u_t)` `[B, T]` of the joint actions taken.
        gamma: discount.
        lam: weight of each further step.
        n: steps looked ahead; 1 gives the one-step target.

    Returns:
        `[B, T]`, zero on padding.
    """
    ahead_value = torch.where(batch.terminated, 0.0, gamma * next_values)
    delta = torch.where(batch.mask, batch.reward + ahead_value - values, 0.0)
    total = ahead = delta
    for _ in range(n - 1):
        # What step t sees: the traced error that step t + 1 saw before; nothing beyond the episode's end.
        traced = torch.where(batch.mask, probability * ahead, 0.0)
        ahead = gamma * lam * F.pad(traced[..., 1:], (0, 1))
        total = total + ahead
    return torch.where(batch.mask, values + total, 0.0)
