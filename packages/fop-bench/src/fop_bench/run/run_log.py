"""What one run leaves in its folder while it trains: manifest, records, TensorBoard's scalars."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fop_bench.records.json_files import LineWriter, write_json
from fop_bench.records.run_records import MANIFEST, RECORDS, Manifest, Record, RunState, Test, Train
from fop_bench.report.tensorboard import Scalars
from fop_core.errors import DamagedFile

if TYPE_CHECKING:
    from fop_algos.training.evaluate import EvaluationResult


class RunLog:
    """The records of one run; `state` and the records' length belong to a checkpoint."""

    def __init__(self, folder: Path, manifest: Manifest, saved: RunState | None, env_steps: int) -> None:
        """
        Args:
            folder: the run's; made if missing.
            manifest: written if the run is new.
            saved: what the checkpoint that the run goes on from has; None for a new run.
            env_steps: where it goes on.

        Raises:
            DamagedFile: the records are shorter than when the checkpoint was written.
        """
        records = folder / RECORDS
        folder.mkdir(parents=True, exist_ok=True)
        if saved is None:
            write_json(folder / MANIFEST, manifest)
        elif not records.exists() or records.stat().st_size < saved.records_bytes:
            raise DamagedFile(f"{records} is shorter than when its checkpoint was written")
        self._writer = LineWriter(records, 0 if saved is None else saved.records_bytes)
        self._scalars = Scalars(folder / "tensorboard", None if saved is None else env_steps)
        self._window = [] if saved is None else saved.window  # of each episode that no train record tells
        self._last_logged = 0 if saved is None else saved.last_logged
        self._recent: deque[list[float]] = deque(maxlen=100)
        self._winnable = False
        self.win_rate = None if saved is None else saved.win_rate
        """Of the newest test."""
        self.failed = False
        """It has ended by an error, and takes no more records."""

    def write(self, record: Record) -> None:
        self._writer.write(record)
        self._scalars.add(record)

    def trained(
        self,
        returns: npt.NDArray[Any],
        lengths: npt.NDArray[Any],
        won: npt.NDArray[Any] | None,
        metrics: dict[str, float],
        position: int,
        when: dict[str, Any],
    ) -> None:
        """Takes a round's `[n]` episodes; writes a record whenever `position` has changed."""
        self._winnable = won is not None
        wins = np.zeros(len(returns)) if won is None else won
        rows = [[float(x) for x in row] for row in zip(returns, lengths, wins, strict=True)]
        self._window += rows
        self._recent += rows
        if position == self._last_logged:
            return
        self._last_logged = position
        mean_return, mean_length, mean_win = np.mean(self._window, axis=0)
        self._window = []
        self.write(
            Train(
                **when,
                steps_per_second=when["env_steps"] / max(when["elapsed"], 1e-9),
                episode_return=float(mean_return),
                episode_length=float(mean_length),
                win_rate=float(mean_win) if self._winnable else None,
                metrics=metrics,
            )
        )

    def tested(
        self, result: EvaluationResult, final: bool, extra: dict[str, Any], when: dict[str, Any]
    ) -> None:
        """Writes a test's record."""
        self.win_rate = result.win_rate
        self.write(
            Test(
                **when,
                returns=[float(x) for x in result.returns],
                lengths=[int(n) for n in result.lengths],
                won=None if result.won is None else [bool(w) for w in result.won],
                final=final,
                extra=extra,
            )
        )

    @property
    def recent_return(self) -> float:
        """Mean of the training episodes of late."""
        return float(np.mean([row[0] for row in self._recent])) if self._recent else 0.0

    def state(self, elapsed: float) -> RunState:
        """For a checkpoint."""
        return RunState(
            records_bytes=self._writer.bytes,
            elapsed=elapsed,
            window=self._window,
            last_logged=self._last_logged,
            win_rate=self.win_rate,
        )

    def close(self) -> None:
        self._writer.close()
        self._scalars.close()
