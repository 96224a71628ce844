"""What one command will run: tasks x algorithms x seeds under one budget, and where it is written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fop_core.errors import DamagedFile, FopError
from fop_core.types import TaskSpec

from .records import Budget, read_json, write_json

PLAN = "plan.json"


class UsageError(FopError):
    """The command line asks for something that can't be done."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run: one task, one algorithm, one seed."""

    task: str
    algorithm: str
    seed: int

    @property
    def folder(self) -> str:
        return f"{self.task}/{self.algorithm}/seed-{self.seed}"

    def __str__(self) -> str:
        return f"{self.task} {self.algorithm} seed {self.seed}"


class AnyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the numbers of a folder depend on, and nothing that only the speed depends on."""

    suite: str


AnyPlanT = TypeVar("AnyPlanT", bound=AnyPlan)


class Plan(AnyPlan, frozen=True, kw_only=True):
    """What is trained. `payoffs` holds those from files as nested lists, by task."""

    preset: str
    tasks: list[str]
    algorithms: list[str]
    seeds: list[int]
    budget: Budget
    test_every: int
    test_episodes: int
    settings: dict[str, str]
    payoffs: dict[str, list[Any]] = {}

    def jobs(self) -> Iterator[Job]:
        """Seeds outermost: with several seeds every map has one result before any has two."""
        for seed in self.seeds:
            for task in self.tasks:
                for algorithm in self.algorithms:
                    yield Job(task=task, algorithm=algorithm, seed=seed)


def names(text: str, known: Sequence[str], kind: str) -> list[str]:
    """`all` or names separated by commas, each once, in the order given; `-` and `_` are the same.

    Raises:
        UnknownName: one isn't known (the message offers the nearest).
        UsageError: there are none.
    """
    from fop_core.errors import UnknownName

    if text == "all":
        return list(known)
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    if not chosen:
        raise UsageError(f"no {kind} given; known: {', '.join(known)}")
    exact = {spelling(name): name for name in known}
    for name in chosen:
        if spelling(name) not in exact:
            raise UnknownName(kind, name, known)
    return list(dict.fromkeys(exact[spelling(name)] for name in chosen))


def spelling(name: str) -> str:
    """What names that a user may take for the same have in common."""
    return name.lower().replace("-", "_")


def algorithms(text: str, specs: Sequence[TaskSpec]) -> list[str]:
    """`names` of algorithms; `all` are those that can play the tasks, without variants of others.

    Raises:
        UnknownName: one isn't known.
        UsageError: there are none, or one of them can't play one of the tasks.
    """
    from fop_algos import catalogue

    able = [
        name
        for name, entry in catalogue.CATALOGUE.items()
        if entry.variant_of is None and all(map(entry.plays, specs))
    ]
    chosen = names(text, able if text == "all" else list(catalogue.CATALOGUE), "algorithm")
    for name in chosen:
        for spec in specs:
            try:
                catalogue.check_plays(name, spec)
            except FopError as error:
                raise UsageError(str(error)) from error
    return chosen


def seeds(text: str) -> list[int]:
    """`3` is three seeds, 0, 1 and 2; `4,7` are those two; `4,` is 4 alone; `5-9` is 5 to 9.

    Raises:
        UsageError: it is none of these, or a seed is given twice.
    """
    try:
        if "," in text:
            chosen = [int(part) for part in text.split(",") if part.strip()]
        elif "-" in text:
            first, last = text.split("-")
            chosen = list(range(int(first), int(last) + 1))
        else:
            chosen = list(range(int(text)))
    except ValueError:
        chosen = []
    if not chosen or min(chosen) < 0 or len(set(chosen)) < len(chosen) or max(chosen) >= 2**31:
        raise UsageError(
            f"--seeds {text}: give how many (3 means 0,1,2), a list without repeats (0,4,7) or a range (5-9)"
        )
    return chosen


def start(plan: AnyPlan, out: Path | None) -> Path:
    """Makes the folder of a new run and writes the plan into it. An older run is never touched.

    Raises:
        UsageError: `out` holds a run already.
        FopError: the folder can't be written.
    """
    if out is not None and (out / PLAN).exists():
        raise UsageError(f"{out} holds a run already: add --resume to go on with it, or choose another --out")
    try:
        if out is None:
            out = _fresh(plan)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FopError(f"cannot write into {out}: {error.strerror or error}") from error
    write_json(out / PLAN, plan)
    return out


def _fresh(plan: AnyPlan) -> Path:
    name = f"{plan.suite}-{time.strftime('%Y%m%d-%H%M%S')}"
    for attempt in range(1, 1000):
        folder = Path("runs") / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FopError(f"cannot find a free name for {name} in runs/")


def resume(plan: AnyPlanT, out: Path | None) -> Path:
    """The folder of the run that `plan` goes on with: `out`, or the newest one below `runs/` with this plan.

    Raises:
        UsageError: there is none, or `out` holds another plan (the message says where they differ).
        DamagedFile: the plan in `out` can't be read.
    """
    if out is None:
        for path in sorted(Path("runs").glob(f"*/{PLAN}"), key=lambda p: p.stat().st_mtime, reverse=True):
            try:
                if read_json(path, type(plan)) == plan:
                    return path.parent
            except DamagedFile:
                continue
        raise UsageError(
            "nothing to resume: no run below runs/ was started with these options (or give --out)"
        )
    if not (out / PLAN).exists():
        raise UsageError(f"nothing to resume in {out}: it has no {PLAN}")
    stored: AnyPlanT = read_json(out / PLAN, type(plan))
    for name in plan.__struct_fields__:
        before, now = getattr(stored, name), getattr(plan, name)
        if before != now:
            change = f"{name} was {_show(before)}, now it is {_show(now)}"
            if name == "payoffs":  # the tasks are the same, or they would have differed first
                change = (
                    f"the payoff of {' and '.join(key for key in now if now[key] != before[key])} changed"
                )
            raise UsageError(
                f"{out} was started with another plan: {change}; "
                "give the same options to resume, or another --out"
            )
    return out


def _show(value: object) -> str:
    if isinstance(value, Budget):
        parts = [f"{value.env_steps:,} steps"] if value.env_steps is not None else []
        parts += [f"{value.updates:,} updates"] if value.updates is not None else []
        parts += [f"{value.minutes:g} minutes"] if value.minutes is not None else []
        return " or ".join(parts)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
