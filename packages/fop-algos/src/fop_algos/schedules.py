"""Schedules: pure functions of the clock, so a resumed run needs no state to go on with the right value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fop_core.types import Clock


@dataclass(frozen=True)
class Linear:
    """Goes linearly from `start` to `end`, then stays there."""

    start: float
    """Value at 0."""
    end: float
    """Value from `over` on."""
    over: int = 0
    """How long it takes, in `unit`; 0 gives `end` at once."""
    unit: Literal["env_steps", "episodes", "updates"] = "env_steps"
    """What of the clock it counts."""

    def __post_init__(self) -> None:
        if self.over < 0:
            raise ValueError(f"over is {self.over}; a schedule needs 0 or more {self.unit}")

    def __call__(self, clock: Clock) -> float:
        done = getattr(clock, self.unit)
        if done >= self.over:
            return self.end
        return float(self.start + (self.end - self.start) * done / self.over)
