"""Runs the cells of entries that aren't on record, then shows and writes what was found."""

from __future__ import annotations

import argparse
import os
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fop_bench.jobs.blocks import Tell, run_blocks
from fop_bench.records.json_files import LineWriter
from fop_bench.run.manifest import origin
from fop_core.errors import FopError

from .cell_records import CELLS, CellRecord, read_cells, results_of
from .entries import choose
from .entry import Cell
from .entry_output import document, text, write


@dataclass(frozen=True)
class TimedResult:
    """A cell's result and the seconds it took."""

    cell: Cell
    value: Any
    seconds: float


@dataclass(frozen=True)
class TimedCell:
    """A cell with the function that runs it, as a block that is timed."""

    cell: Cell
    function: Callable[[Cell, Tell], Any]

    @property
    def size(self) -> float:
        """Learning steps, by which the time left is told; cells that don't learn take seconds."""
        return float(self.cell.settings.get("updates", 100))

    def __call__(self, tell: Tell) -> TimedResult:
        start = time.perf_counter()
        value = self.function(self.cell, tell)
        return TimedResult(self.cell, value, round(time.perf_counter() - start, 3))


def run_entries(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Runs what isn't on record, shows, writes. Returns the exit status."""
    entries = choose(args.entries)
    folder: Path = args.out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FopError(f"cannot write into {folder}: {error.strerror or error}") from error
    with closing(LineWriter(folder / CELLS, keep_bytes=None)) as writer:
        done = read_cells(folder)
        cells = {
            cell.key: TimedCell(cell, entry.run) for entry in entries for cell in entry.cells(args.seeds)
        }
        todo = longest_first({key: cell for key, cell in cells.items() if key not in done})
        processes = min(args.workers or os.cpu_count() or 1, max(1, len(todo)))
        print(_banner(args, len(cells), len(todo), processes), flush=True)
        made_by = origin()

        def keep(ran: TimedResult) -> None:
            record = CellRecord(
                key=ran.cell.key,
                settings=dict(ran.cell.settings),
                result=ran.value,
                seconds=ran.seconds,
                **made_by,
            )
            writer.write(record)

        stopped, failure = False, None
        try:
            stopped = run_blocks(
                todo,
                len(cells),
                processes,
                "cells",
                keep,
                sizes={key: cell.size for key, cell in cells.items()},
                debug=args.debug,
                announce=True,
            )
        except FopError as error:
            failure = error  # what the other cells gave is shown first
        done = read_cells(folder)
    for entry in entries:
        found = results_of(entry, args.seeds, done)
        if found is None:
            continue
        written = write(folder, entry, found, args.seeds)
        print("\n" + text(document(entry, found, args.seeds)) + "\n")
        print("\n".join(f"wrote {path}" for path in written), flush=True)
    if stopped:
        print(f"\nstopped; the same command goes on:\n  {shlex.join(command)}", flush=True)
        return 130
    if failure:
        raise failure
    return 0


def longest_first(cells: Mapping[str, TimedCell]) -> dict[str, TimedCell]:
    """The most learning steps first, so that all processes end at about the same time."""
    return dict(sorted(cells.items(), key=lambda item: -item[1].size))


def _banner(args: argparse.Namespace, total: int, todo: int, processes: int) -> str:
    lines = {
        "entries": ", ".join(entry.name for entry in choose(args.entries)),
        "seeds": str(args.seeds),
        "cells": f"{total}, {processes} at a time"
        + (f" ({total - todo} done before)" if todo < total else ""),
        "writes to": str(args.out),
    }
    return "\n".join(f"{name:<12} {value}" for name, value in lines.items()) + "\n"
