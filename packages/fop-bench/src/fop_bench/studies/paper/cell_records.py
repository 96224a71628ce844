"""What is left of cells that were run: one line of JSON each, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from fop_bench.records.json_files import read_lines

from .entry import PaperEntry, Result

CELLS = "cells.jsonl"


class CellRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that was run: its key, its settings, what came out, and what made it."""

    key: str
    settings: dict[str, Any]
    result: Any
    seconds: float
    versions: dict[str, str]
    machine: dict[str, str]
    git_commit: str | None
    created: str


_decoder: msgspec.json.Decoder[CellRecord] = msgspec.json.Decoder(CellRecord)


def read_cells(folder: Path) -> dict[str, CellRecord]:
    """All cells on record, by key; none where there is no file.

    Raises:
        DamagedFile: the file can't be read, or a line before the last isn't a record.
    """
    path = folder / CELLS
    return {done.key: done for done in read_lines(path, _decoder)} if path.exists() else {}


def results_of(entry: PaperEntry, seeds: int, done: Mapping[str, CellRecord]) -> list[Result] | None:
    """The results of an entry's cells in their order; None where some are missing."""
    cells = entry.cells(seeds)
    if any(cell.key not in done for cell in cells):
        return None
    return [Result(cell, done[cell.key].result, done[cell.key].seconds) for cell in cells]
