"""Frozen copies of nets."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def frozen_copy(module: M) -> M:
    """A copy that gets no gradients."""
    return copy.deepcopy(module).requires_grad_(False)
