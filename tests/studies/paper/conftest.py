"""What tests of several entries need."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from fop_bench.studies.paper.entry import PaperEntry, Result


def silent(fraction: float, phase: str = "") -> None:
    pass


@pytest.fixture(scope="session")
def ran() -> Callable[[PaperEntry], list[Result]]:
    """`ran(entry)`: the entry's cells, run here and now, as JSON gives their results back."""

    def run(entry: PaperEntry) -> list[Result]:
        return [
            Result(cell, json.loads(json.dumps(entry.run(cell, silent))), 0.1) for cell in entry.cells(20)
        ]

    return run


@pytest.fixture(scope="session")
def changed() -> Callable[..., list[Result]]:
    """`changed(results, place, change)`: `results` with the value at `place` changed."""

    def make(results: Sequence[Result], place: int, change: Callable[[Any], Any]) -> list[Result]:
        value = json.loads(json.dumps(results[place].value))
        change(value)
        return [replace(r, value=value) if k == place else r for k, r in enumerate(results)]

    return make


@pytest.fixture(scope="session")
def rows_of() -> Callable[[str], list[list[str]]]:
    """`rows_of(markdown)`: the cells of all its tables, row by row."""

    def read(markdown: str) -> list[list[str]]:
        lines = [line for line in markdown.splitlines() if line.startswith("|")]
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]

    return read
