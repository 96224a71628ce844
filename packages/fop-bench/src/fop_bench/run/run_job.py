"""What a process is given to train: one run of a plan, or the seeds of one setting as a stack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fop_bench.records.plan import Plan, RunKey


@dataclass(frozen=True)
class RunJob:
    """Runs that differ in nothing but the seed; several are trained together.

    Attributes:
        runs: which of the plan.
        plan: the whole of it.
        folder: of the plan; each run writes into its own below it.
        n_envs: environments stepped together; None for what the algorithm's config makes best. A stack's
            number is fixed.
        checkpoint_seconds: between two checkpoints.
        command: the command line, for the manifest.
    """

    runs: tuple[RunKey, ...]
    plan: Plan
    folder: Path
    n_envs: int | None
    checkpoint_seconds: float
    command: list[str]

    @property
    def key(self) -> str:
        """`matrix fop seed 3`, or `matrix fop seeds 0-19`."""
        first = self.runs[0]
        return str(first) if len(self.runs) == 1 else f"{first.task} {first.algorithm} seeds {self._seeds()}"

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.seed for run in self.runs)

    @property
    def folders(self) -> list[Path]:
        """Of each run."""
        return [self.folder / run.folder for run in self.runs]

    def _seeds(self) -> str:
        seeds = self.seeds
        if seeds == tuple(range(seeds[0], seeds[-1] + 1)):
            return f"{seeds[0]}-{seeds[-1]}"
        return ",".join(map(str, seeds))
