"""Continuous actions: from the nets' scale, [-1, 1], to the environment's and back; normal numbers."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fop_core.types import TaskSpec


def log_slope(z: Tensor) -> Tensor:
    """`log(1 - tanh(z)^2) = 2 (log 2 - z - softplus(-2 z))`, which is stable for large `|z|`."""
    return 2 * (math.log(2) - z - F.softplus(-2 * z))


def to_scale(actions: Tensor, spec: TaskSpec) -> Tensor:
    """Actions of the environment to [-1, 1]."""
    return (actions - spec.action_low) * (2 / (spec.action_high - spec.action_low)) - 1


def from_scale(actions: Tensor, spec: TaskSpec) -> Tensor:
    """Actions in [-1, 1] to the environment's, never outside its bounds."""
    wide = spec.action_low + (actions + 1) * ((spec.action_high - spec.action_low) / 2)
    return wide.clamp(spec.action_low, spec.action_high)


def to_normal(uniform: Tensor) -> Tensor:
    """Two uniforms `[..., N, 2]` to a standard normal number `[..., N, 1]` (Box-Muller)."""
    radius = (-2 * torch.log1p(-uniform[..., :1])).sqrt()
    return radius * torch.cos(2 * math.pi * uniform[..., 1:])
