"""Which runs of a plan are trained together: a way to carry them out; plan and records are the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fop_bench.records.plan import Plan, RunKey
from fop_bench.records.run_records import CHECKPOINT
from fop_core.errors import DamagedFile

from . import presets
from .tasks import environment

MOST_SEEDS = 32
"""Of a stack: more seeds share its fixed costs, and need more memory and cache."""


def together(plan: Plan, folder: Path, todo: Sequence[RunKey]) -> Iterator[tuple[RunKey, ...]]:
    """The runs of `todo` in groups that a process trains at once, in the order of `todo`.

    Seeds of one setting stack where the game has one step and states its optimum (its rewards are then a
    function of the actions alone), no net is recurrent, and the budget isn't in minutes, which a stack would
    spend on all seeds at once. Which seeds are together follows from the plan, so that how many processes
    there are, or where a run was stopped, changes no number.
    """
    left = dict.fromkeys(todo)
    sizes: dict[tuple[str, str], int] = {}
    for run in todo:
        if run not in left:
            continue
        setting = run.task, run.algorithm
        if setting not in sizes:
            sizes[setting] = MOST_SEEDS if len(plan.seeds) > 1 and _stacks(plan, *setting) else 1
        start = plan.seeds.index(run.seed) // sizes[setting] * sizes[setting]
        seeds = plan.seeds[start : start + sizes[setting]]
        alike = [RunKey(task=run.task, algorithm=run.algorithm, seed=seed) for seed in seeds]
        alike = [one for one in alike if one in left]
        for one in alike:
            del left[one]
        yield from _as_far(folder, alike)


def _stacks(plan: Plan, task: str, algorithm: str) -> bool:
    if plan.budget.minutes is not None:
        return False
    env = environment(task, plan.payoffs)
    if env.spec.episode_limit != 1 or env.optimum is None:
        return False
    from fop_algos.catalogue import build
    from fop_algos.training.stack import stackable

    return stackable(build(algorithm, env.spec, presets.configure(plan, algorithm, env.spec)))


def _as_far(folder: Path, runs: Iterable[RunKey]) -> list[tuple[RunKey, ...]]:
    """Grouped by how far they have come: all as far, unless a stop fell between two of their checkpoints or a
    seed failed. One whose checkpoint is damaged is alone, so that it fails alone.
    """
    runs = list(runs)
    if len(runs) == 1:
        return [tuple(runs)]
    groups: dict[str, list[RunKey]] = {}
    for run in runs:
        groups.setdefault(_clock(folder / run.folder / CHECKPOINT), []).append(run)
    return [tuple(group) for group in groups.values()]


def _clock(path: Path) -> str:
    if not path.exists():
        return ""
    from fop_algos.training.checkpoint import read_header

    try:
        return str(read_header(path).clock)
    except DamagedFile:
        return str(path)
