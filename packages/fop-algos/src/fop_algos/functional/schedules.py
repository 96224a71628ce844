"""Schedules: pure functions of the clock, so a resumed run needs no state to go on with the right value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from fop_core.types import Clock


@dataclass(frozen=True)
class LinearSchedule:
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


@dataclass(frozen=True)
class Temperature(LinearSchedule):
    """A temperature: annealed on a straight line, annealed exponentially, or learned."""

    kind: Literal["linear", "exponential", "automatic"] = "linear"
    """`exponential`: its logarithm falls on a straight line. `automatic`: learned from `start` on, so that
    the policies' entropy becomes `target_entropy`, and never below `end`."""
    target_entropy: float = -1.0
    """Nats for each agent (automatic only); of densities over [-1, 1] where actions are continuous."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind != "linear" and not 0 < self.end <= self.start:
            raise ValueError(f"start is {self.start} and end {self.end}; {self.kind} needs 0 < end <= start")

    def __call__(self, clock: Clock) -> float:
        done = getattr(clock, self.unit)
        if self.kind == "linear" or done >= self.over:
            return super().__call__(clock)
        return self.start * math.exp(math.log(self.end / self.start) * done / self.over)
