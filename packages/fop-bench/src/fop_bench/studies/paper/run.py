"""From a command line to cells, tables and figures."""

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

from fop_bench.jobs.blocks import Tell, carry_out
from fop_bench.run.manifest import origin
from fop_bench.run.records import Writer
from fop_core.errors import FopError

from . import output, registry
from .entry import Cell
from .records import CELLS, Done, read, results


@dataclass(frozen=True)
class Ran:
    """A cell's result and the seconds it took."""

    cell: Cell
    value: Any
    seconds: float


@dataclass(frozen=True)
class Task:
    """A cell with the function that runs it, timed."""

    cell: Cell
    function: Callable[[Cell, Tell], Any]

    @property
    def size(self) -> float:
        """Learning steps, by which the time left is told; cells that don't learn take seconds."""
        return float(self.cell.settings.get("updates", 100))

    def __call__(self, tell: Tell) -> Ran:
        start = time.perf_counter()
        value = self.function(self.cell, tell)
        return Ran(self.cell, value, round(time.perf_counter() - start, 3))


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Runs what isn't on record, shows, writes. Returns the exit status."""
    entries = registry.choose(args.entries)
    folder: Path = args.out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FopError(f"cannot write into {folder}: {error.strerror or error}") from error
    with closing(Writer(folder / CELLS, keep_bytes=None)) as writer:
        done = read(folder)
        tasks = {cell.key: Task(cell, entry.run) for entry in entries for cell in entry.cells(args.seeds)}
        todo = longest_first({key: task for key, task in tasks.items() if key not in done})
        workers = min(args.workers or os.cpu_count() or 1, max(1, len(todo)))
        print(_banner(args, len(tasks), len(todo), workers), flush=True)
        made_by = origin()

        def keep(ran: Ran) -> None:
            record = Done(
                key=ran.cell.key,
                settings=dict(ran.cell.settings),
                result=ran.value,
                seconds=ran.seconds,
                **made_by,
            )
            writer.write(record)

        stopped, failure = False, None
        try:
            stopped = carry_out(
                todo,
                len(tasks),
                workers,
                "cells",
                keep,
                sizes={key: task.size for key, task in tasks.items()},
                debug=args.debug,
                announce=True,
            )
        except FopError as error:
            failure = error  # what the other cells gave is shown first
        done = read(folder)
    for entry in entries:
        found = results(entry, args.seeds, done)
        if found is None:
            continue
        written = output.write(folder, entry, found, args.seeds)
        print("\n" + output.text(output.document(entry, found, args.seeds)) + "\n")
        print("\n".join(f"wrote {path}" for path in written), flush=True)
    if stopped:
        print(f"\nstopped; the same command goes on:\n  {shlex.join(command)}", flush=True)
        return 130
    if failure:
        raise failure
    return 0


def longest_first(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """The most learning steps first, so that all workers end at about the same time."""
    return dict(sorted(tasks.items(), key=lambda item: -item[1].size))


def _banner(args: argparse.Namespace, total: int, todo: int, workers: int) -> str:
    lines = {
        "entries": ", ".join(entry.name for entry in registry.choose(args.entries)),
        "seeds": str(args.seeds),
        "cells": f"{total}, {workers} at a time" + (f" ({total - todo} done before)" if todo < total else ""),
        "writes to": str(args.out),
    }
    return "\n".join(f"{name:<12} {value}" for name, value in lines.items()) + "\n"
