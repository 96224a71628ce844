"""What is shown while jobs go on: bars on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Progress(Protocol):
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
class BlockProgress:
    """How far a block has come, and what it does now."""

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
    """Progress of all jobs. Times left come from the speed of this session, so they hold after a resume.

    Attributes:
        total: how many there are.
        done: how many of them have ended.
        what: a word for them, in the plural.
        sizes: the work in each job, by its key, where not all are alike; any unit.
        before: how much of it was done before this session.
        counts: how many of `what` a job is, by its key, where that isn't one.
        running: how far the running ones have come, by key.
    """

    total: int
    done: int = 0
    what: str = "jobs"
    sizes: Mapping[Any, float] = field(default_factory=dict)
    before: float | None = None
    counts: Mapping[Any, int] = field(default_factory=dict)
    running: dict[Hashable, Progress] = field(default_factory=dict)
    _first: dict[Hashable, tuple[float, float]] = field(default_factory=dict)
    _all: float = 0.0
    _left: float = 0.0
    _work: float = 0.0
    _start: float = field(default_factory=lambda: time.monotonic())

    def __post_init__(self) -> None:
        self._all = sum(self.sizes.values()) if self.sizes else float(self.total)
        self._left = self._all - (self.done if self.before is None else self.before)

    def progress(self, key: Hashable, progress: Progress) -> None:
        self._first.setdefault(key, (time.monotonic(), progress.fraction))
        self.running[key] = progress

    def finish(self, key: Hashable) -> None:
        """One is done, whether it told any progress or not."""
        self.running.pop(key, None)
        self._work += self._of(key) * (1.0 - self._first.pop(key, (0.0, 0.0))[1])
        self._left -= self._of(key)
        self.done += self.counts.get(key, 1)

    @property
    def fraction(self) -> float:
        return 1.0 - self._to_do() / self._all if self._all else 0.0

    def seconds_left(self, key: Hashable) -> float | None:
        since, start = self._first[key]
        gained = self.running[key].fraction - start
        return (
            (time.monotonic() - since) * (1 - self.running[key].fraction) / gained if gained > 1e-3 else None
        )

    def all_seconds_left(self) -> float | None:
        gained = self._work + sum(
            self._of(key) * (p.fraction - self._first[key][1]) for key, p in self.running.items()
        )
        spent = time.monotonic() - self._start
        return spent * self._to_do() / gained if gained > 1e-2 * self._all / max(1, self.total) else None

    def _of(self, key: Hashable) -> float:
        return self.sizes.get(key, float(self.counts.get(key, 1)))

    def _to_do(self) -> float:
        return self._left - sum(self._of(key) * p.fraction for key, p in self.running.items())


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
        for key, progress in tracker.running.items():
            phase = f"  ({progress.phase})" if progress.phase else ""
            self.say(f"  {key}: {progress}  {duration(tracker.seconds_left(key))} left{phase}")

    def say(self, text: str) -> None:
        print(text, flush=True)

    def close(self) -> None:
        pass


class Bars:
    """For terminals: a bar for everything, and one for each job that goes on."""

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
        for key in [key for key in self._rows if key not in tracker.running]:
            self._bars.remove_task(self._rows.pop(key))  # type: ignore[arg-type]
        for key, progress in tracker.running.items():
            if key not in self._rows:
                self._rows[key] = self._bars.add_task(str(key), total=1.0, text="", left="?")
            self._bars.update(
                self._rows[key],  # type: ignore[arg-type]
                completed=progress.fraction,
                text=progress.short,
                left=duration(tracker.seconds_left(key)),
            )

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def close(self) -> None:
        self._bars.stop()


def display() -> Display:
    return Bars() if sys.stdout.isatty() else Lines()
