"""Policies for continuous actions in one-step games; nets see actions scaled to [-1, 1].

In a stack of `K` seeds every shape has a `K` in front.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fop_algos.functional.continuous_actions import log_slope
from fop_core.types import TaskSpec

from .agents import PerAgentMlp

LOG_STD = (-5.0, 2.0)
"""Bounds of a policy's logarithmic standard deviation, before squashing."""


class Sampled(NamedTuple):
    """Actions in [-1, 1] `[..., N, D]` and `log pi_i` `[..., N]` of them, with gradients to the policy."""

    action: Tensor
    log_pi: Tensor


class SquashedGaussian(NamedTuple):
    """`tanh` of a normal distribution for each agent: `mean` and `log_std` `[..., N, D]` before squashing.

    Haarnoja et al., "Soft actor-critic algorithms and applications", 2018, appendix C.
    """

    mean: Tensor
    log_std: Tensor

    def sample(self, normal: Tensor) -> Tensor:
        """Actions `[..., N, D]` from standard normal numbers of that shape, re-parameterised."""
        return torch.tanh(self.mean + self.log_std.exp() * normal)

    def sample_with_log(self, normal: Tensor) -> Sampled:
        """`sample`, and the log-densities in units of the scaled action."""
        z = self.mean + self.log_std.exp() * normal
        log_normal = -0.5 * normal.square() - self.log_std - 0.5 * math.log(2 * math.pi)
        return Sampled(torch.tanh(z), (log_normal - log_slope(z)).sum(-1))

    def log_density(self, z: Tensor) -> Tensor:
        """`log pi_i` `[..., N]` of the actions `tanh(z)`, from `z` `[..., N, D]`."""
        normal = (z - self.mean) * (-self.log_std).exp()
        log_normal = -0.5 * normal.square() - self.log_std - 0.5 * math.log(2 * math.pi)
        return (log_normal - log_slope(z)).sum(-1)

    def greedy(self) -> Tensor:
        """`tanh` of the mean: what tests play."""
        return torch.tanh(self.mean)


class GaussianPolicy(nn.Module):
    """A net for each agent: observation to mean and spread, two hidden ReLU layers.

    The last layer starts ten times smaller than usual, so that policies start broad around 0.
    """

    def __init__(self, spec: TaskSpec, hidden: int) -> None:
        super().__init__()
        self.net = PerAgentMlp(spec.n_agents, spec.obs_dim, hidden, 2 * spec.action_dim)
        shrink_last_layer(self.net)

    def forward(self, obs: Tensor) -> SquashedGaussian:
        """`[..., N, O]` to policies."""
        mean, log_std = self.net.each(obs).chunk(2, -1)
        return SquashedGaussian(mean, log_std.clamp(*LOG_STD))


class DeterministicPolicy(nn.Module):
    """A net for each agent: observation to one action in [-1, 1], two hidden ReLU layers."""

    def __init__(self, spec: TaskSpec, hidden: int) -> None:
        super().__init__()
        self.net = PerAgentMlp(spec.n_agents, spec.obs_dim, hidden, spec.action_dim)
        shrink_last_layer(self.net)

    def forward(self, obs: Tensor) -> Tensor:
        """`[..., N, O]` to `[..., N, D]`."""
        return torch.tanh(self.net.each(obs))


def shrink_last_layer(net: PerAgentMlp) -> None:
    """Outputs of a fresh net ten times closer to 0."""
    with torch.no_grad():
        net.weights[-1].mul_(0.1)
        net.biases[-1].mul_(0.1)
