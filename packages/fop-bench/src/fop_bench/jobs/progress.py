"""What is shown while runs go on: bars on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class AnyProgress(Protocol):
    """How far something has come; as text, what a log says of it."""

    @property
    def fraction(self) -> float:
        """In [0, 1]."""
        ...

    @property
    def phase(self) -> str:
        """What it does now."""
        ...

    @property
    def short(self) -> str:
        """Beside its bar."""
        ...


@dataclass(frozen=True)
class Progress:
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


@dataclass(frozen=True)
class Share:
    """How far a block of work has come, and what it does now."""

    fraction: float
    phase: str

    @property
    def short(self) -> str:
        return self.phase

    def __str__(self) -> str:
        return f"{self.fraction:4.0%}"


class Display(Protocol):
    def update(self, tracker: Tracker) -> None: ...

    def say(self, text: str) -> None:
        """A line that stays."""
        ...

    def close(self) -> None: ...


@dataclass
class Tracker:
    """Progress of all runs. Times left come from the speed of this session, so they hold after a resume.

    Attributes:
        total: how many there are.
        done: how many of them have ended.
        what: they are, in the plural, where they are no runs.
        sizes: the work in each of them, where not all are alike; any unit.
        before: how much of it was done before this session.
        running: how far those have come that are at work.
    """

    total: int
    done: int = 0
    what: str = "runs"
    sizes: Mapping[Any, float] = field(default_factory=dict)
    before: float | None = None
    running: dict[Hashable, AnyProgress] = field(default_factory=dict)
    _first: dict[Hashable, tuple[float, float]] = field(default_factory=dict)
    _all: float = 0.0
    _left: float = 0.0
    _work: float = 0.0
    _start: float = field(default_factory=lambda: time.monotonic())

    def __post_init__(self) -> None:
        self._all = sum(self.sizes.values()) if self.sizes else float(self.total)
        self._left = self._all - (self.done if self.before is None else self.before)

    def progress(self, job: Hashable, progress: AnyProgress) -> None:
        self._first.setdefault(job, (time.monotonic(), progress.fraction))
        self.running[job] = progress

    def finish(self, job: Hashable) -> None:
        """One is done, whether it told any progress or not."""
        self.running.pop(job, None)
        self._work += self._of(job) * (1.0 - self._first.pop(job, (0.0, 0.0))[1])
        self._left -= self._of(job)
        self.done += 1

    @property
    def fraction(self) -> float:
        return 1.0 - self._to_do() / self._all if self._all else 0.0

    def seconds_left(self, job: Hashable) -> float | None:
        since, start = self._first[job]
        gained = self.running[job].fraction - start
        return (
            (time.monotonic() - since) * (1 - self.running[job].fraction) / gained if gained > 1e-3 else None
        )

    def all_seconds_left(self) -> float | None:
        gained = self._work + sum(
            self._of(job) * (p.fraction - self._first[job][1]) for job, p in self.running.items()
        )
        spent = time.monotonic() - self._start
        return spent * self._to_do() / gained if gained > 1e-2 * self._all / max(1, self.total) else None

    def _of(self, job: Hashable) -> float:
        return self.sizes.get(job, 1.0)

    def _to_do(self) -> float:
        return self._left - sum(self._of(job) * p.fraction for job, p in self.running.items())


def duration(seconds: float | None) -> str:
    """`7s`, `3m40s`, `2h05m`; `?` for None."""
    if seconds is None:
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


class Lines:
    """For logs and pipes: one line at most every `seconds`."""

    def __init__(self, seconds: float = 15.0) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def update(self, tracker: Tracker) -> None:
        if time.monotonic() - self._last < self._seconds or not (tracker.running or tracker.done):
            return
        self._last = time.monotonic()
        self.say(
            f"[{tracker.fraction:.0%}, {tracker.done} of {tracker.total} {tracker.what} done, "
            f"{duration(tracker.all_seconds_left())} left]"
        )
        for job, progress in tracker.running.items():
            phase = f"  ({progress.phase})" if progress.phase else ""
            self.say(f"  {job}: {progress}  {duration(tracker.seconds_left(job))} left{phase}")

    def say(self, text: str) -> None:
        print(text, flush=True)

    def close(self) -> None:
        pass


class Bars:
    """For terminals: a bar for everything, and one for each run that goes on."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._console = Console(highlight=False)
        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[text]}"),
            TextColumn("[dim]{task.fields[left]} left"),
            console=self._console,
            transient=True,
        )
        self._all = self._bars.add_task("[bold]all", total=1.0, text="", left="?")
        self._rows: dict[Hashable, object] = {}
        self._bars.start()

    def update(self, tracker: Tracker) -> None:
        self._bars.update(
            self._all,
            description=f"[bold]all {tracker.what}",
            completed=tracker.fraction,
            text=f"{tracker.done} of {tracker.total} done",
            left=duration(tracker.all_seconds_left()),
        )
        for job in [job for job in self._rows if job not in tracker.running]:
            self._bars.remove_task(self._rows.pop(job))  # type: ignore[arg-type]
        for job, progress in tracker.running.items():
            if job not in self._rows:
                self._rows[job] = self._bars.add_task(str(job), total=1.0, text="", left="?")
            self._bars.update(
                self._rows[job],  # type: ignore[arg-type]
                completed=progress.fraction,
                text=progress.short,
                left=duration(tracker.seconds_left(job)),
            )

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def close(self) -> None:
        self._bars.stop()


def display() -> Display:
    return Bars() if sys.stdout.isatty() else Lines()
