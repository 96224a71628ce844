"""Frozen copies of nets."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn

from fop_core.types import Clock

M = TypeVar("M", bound=nn.Module)


def frozen_copy(module: M) -> M:
    """A copy that gets no gradients."""
    return copy.deepcopy(module).requires_grad_(False)


def copy_is_due(clock: Clock, copied_at: int, every: int) -> bool:
    """Hard copies are counted in episodes: due when `every` have finished since the last one."""
    return clock.episodes - copied_at >= every
