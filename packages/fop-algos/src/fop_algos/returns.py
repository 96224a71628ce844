"""Targets: what a joint value should be. Tensors in, tensors out, no gradients.

`next_values` `[B, T]` is the value of what step `t` led to (index `t + 1` of the episode).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from . import native_ops
from .batch import EpisodeBatch


def td_lambda_target(batch: EpisodeBatch, next_values: Tensor, gamma: float, lam: float) -> Tensor:
    """`G_t = r_t + gamma (1 - term_t) [(1 - lam) v_{t+1} + lam G_{t+1}]`; `lam = 0` is the one-step target.

    An episode that was cut off bootstraps from the value after its own last step. `[B, T]`, zero on padding.
    """
    values = F.pad(next_values, (1, 0))  # the kernel counts from step 0, whose own value no target reads
    return native_ops.td_lambda(batch.reward, values, batch.terminated, batch.mask, gamma, lam)
