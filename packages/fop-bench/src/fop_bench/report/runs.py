"""Runs as their folders tell them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fop_bench.records.json_files import read_json
from fop_bench.records.plan import PLAN, Plan
from fop_bench.records.run_records import (
    MANIFEST,
    RECORDS,
    End,
    Manifest,
    Record,
    Test,
    read_records,
)
from fop_core.errors import FopError


@dataclass(frozen=True)
class Run:
    """One run (task, algorithm, seed) as its folder tells it."""

    folder: Path
    manifest: Manifest
    records: list[Record]

    @property
    def tests(self) -> list[Test]:
        return [record for record in self.records if isinstance(record, Test)]

    @property
    def end(self) -> End | None:
        last = self.records[-1] if self.records else None
        return last if isinstance(last, End) else None

    @property
    def status(self) -> str:
        """`finished`, `failed` or `stopped` (can be resumed)."""
        return self.end.outcome if self.end else "stopped"


def load(folder: Path) -> list[Run]:
    """Every run below `folder`, in the order of its plan where there is one.

    Raises:
        FopError: there is none.
        DamagedFile: one can't be read.
    """
    manifests = sorted(folder.rglob(MANIFEST)) if folder.is_dir() else []
    if not manifests:
        raise FopError(f"no runs in {folder}: expected {MANIFEST} in it or below it")
    runs = []
    for path in manifests:
        records = path.with_name(RECORDS)
        runs.append(
            Run(path.parent, read_json(path, Manifest), read_records(records) if records.exists() else [])
        )
    order = _order(folder)
    return sorted(
        runs,
        key=lambda run: (*order.get((run.manifest.task, run.manifest.algorithm), (0, 0)), run.manifest.seed),
    )


def _order(folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """Places of tasks and algorithms in the folder's plan, if it has one."""
    if not (folder / PLAN).exists():
        return {}
    plan: Plan = read_json(folder / PLAN, Plan)
    return {
        (task, algorithm): (i, k)
        for i, task in enumerate(plan.tasks)
        for k, algorithm in enumerate(plan.algorithms)
    }


def groups(runs: Sequence[Run]) -> dict[tuple[str, str], list[Run]]:
    """Runs that differ in nothing but the seed, by (task, algorithm)."""
    grouped: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        grouped.setdefault((run.manifest.task, run.manifest.algorithm), []).append(run)
    return grouped
