"""One training run as a job: all that a process needs to know of the plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fop_bench.records.plan import Plan, RunKey


@dataclass(frozen=True)
class RunJob:
    """One run.

    Attributes:
        key: which run of the plan.
        plan: the whole of it.
        folder: where this run writes.
        n_envs: environments stepped together; None for what the algorithm's config makes best.
        checkpoint_seconds: between two checkpoints.
        command: the command line, for the manifest.
    """

    key: RunKey
    plan: Plan
    folder: Path
    n_envs: int | None
    checkpoint_seconds: float
    command: list[str]
