"""How far one training run has come."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunProgress:
    """How far one run has come.

    Attributes:
        fraction: of its budget, in [0, 1].
        win_rate: of the newest test; None where nothing can be won.
        episode_return: mean of the training episodes of late.
        phase: what it does now, e.g. `training`, `testing`.
    """

    fraction: float
    env_steps: int
    updates: int
    steps_per_second: float
    win_rate: float | None
    episode_return: float
    phase: str = "training"

    @property
    def short(self) -> str:
        score = (
            f"return {self.episode_return:.2f}"
            if self.win_rate is None
            else f"test win rate {self.win_rate:.2f}"
        )
        return f"{self.steps_per_second:,.0f} steps/s  {score}"

    def __str__(self) -> str:
        return f"{self.fraction:4.0%}  {self.env_steps:,} steps  {self.updates:,} updates  {self.short}"
