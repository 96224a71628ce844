"""The temperatures of team and agents (FOP, section C): annealed or learned, tied or each agent's own."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos.algorithm import Metrics, scalars
from fop_core.types import Clock

from .losses import masked_mean
from .schedules import Temperature

IndividualKind = Literal["tied", "average", "objective"]
Alpha = float | Tensor
"""The team's: a number, or learned `[1, 1]` (for `[B, T]`); an agent's: a number, or `[1, 1, N]`."""

RATIOS = (0.1, 10.0)
"""Bounds of `alpha_i / alpha`."""


class Temperatures(nn.Module):
    """`alpha` and `alpha_i = alpha * ratio_i`.

    Deviation: the paper averages `alpha_i` itself. With a step of 1e-4 that would lag far behind an `alpha`
    annealed a hundredfold in 10,000 steps, so the ratio is averaged instead, from 1 on and within [0.1, 10]
    (both sides of (17) go to 0 as policies become greedy).
    """

    def __init__(self, schedule: Temperature, individual: IndividualKind, rate: float, n_agents: int) -> None:
        super().__init__()
        self.schedule = schedule
        self.individual = individual
        self.rate = rate
        self.learns_alpha = schedule.kind == "automatic"
        self.learned = self.learns_alpha or individual != "tied"
        self.log_alpha = nn.Parameter(
            torch.tensor(math.log(max(schedule.start, 1e-30))), requires_grad=self.learns_alpha
        )
        self.ratio = nn.Parameter(torch.ones(n_agents), requires_grad=False)

    def of_team(self, clock: Clock) -> Alpha:
        """`alpha`."""
        if not self.learns_alpha:
            return self.schedule(clock)
        return self.log_alpha.detach().exp()[..., None, None]

    def of_agents(self, alpha: Alpha) -> Alpha:
        """`alpha_i` from `alpha`."""
        if self.individual == "tied":
            return alpha if isinstance(alpha, float) else alpha.unsqueeze(-1)
        return (alpha if isinstance(alpha, float) else alpha.unsqueeze(-1)) * self.ratio[..., None, None, :]

    def metrics(self, alpha: Alpha) -> Metrics:
        """What is worth a curve: `alpha`, and the mean ratio where agents have their own."""
        found: Metrics = {"alpha": alpha if isinstance(alpha, float) else alpha.squeeze(-1).squeeze(-1)}
        if self.individual != "tied":
            found["alpha_ratio"] = self.ratio.mean(-1)
        tensors = {name: value for name, value in found.items() if isinstance(value, Tensor)}
        return found | {name: scalars(value=value)["value"] for name, value in tensors.items()}

    def loss(self, entropy: Tensor) -> Tensor:
        """`J(alpha) = E[-alpha log pi_jt - alpha H]` with `entropy` `[]`, the mean of an agent's, for
        `-log pi_jt / N` and `target_entropy` for `H / N`."""
        return self.log_alpha.exp() * (entropy.detach() - self.schedule.target_entropy)

    def clamp_alpha(self) -> None:
        """Keeps `alpha` at `end` or above, after a step of `loss`."""
        with torch.no_grad():
            self.log_alpha.clamp_(min=math.log(self.schedule.end))

    @torch.no_grad()
    def update_ratios(self, advantage: Tensor, lam: Tensor, sampled_advantage: Tensor, mask: Tensor) -> None:
        """Moves the ratios by `rate`: towards (17)'s right side, or down the gradient of `J(alpha_i)`.

        Args:
            advantage: `[B, T, N]` `E_{u_i}[q_i - v_i]` under the policies.
            lam: `[B, T, N]` weights of joint actions drawn from the policies.
            sampled_advantage: `[B, T, N]` `q_i - v_i` of the same joint actions.
            mask: `[B, T]` real steps.
        """

        def mean(values: Tensor) -> Tensor:
            return masked_mean(values.movedim(-1, -3), mask.unsqueeze(-3))

        if self.individual == "average":
            weighted = mean(lam * sampled_advantage)
            defined = weighted.abs() > 1e-6
            ratio = mean(advantage) / torch.where(defined, weighted, 1.0)
            goal = torch.where(defined, ratio.clamp(*RATIOS), self.ratio)
            step = self.rate
        else:  # d/d ratio of E[(ratio - 1 / lambda)^2]
            goal = mean((1 / lam.clamp(min=1e-6)).clamp(*RATIOS))
            step = 2 * self.rate
        self.ratio.lerp_(goal, step)


def expand_alpha(alpha: Alpha, values: Tensor) -> Alpha:
    """A learned temperature with an entry for each row of `values` `[..., N, A]`; a number stays one."""
    return alpha if isinstance(alpha, float) else alpha.expand(values.shape[:-1])
