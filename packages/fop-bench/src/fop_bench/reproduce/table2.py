"""Table 2: final values of alpha in the matrix game."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from . import paper
from .entry import Cell, Check, Entry, Result
from .learning import at_best, cell, run, share
from .presets import FINAL_ALPHAS, MATRIX_ALPHA, MATRIX_UPDATES, MOST

OPTIMUM = 8.0


def fop_cell(what: str, seeds: int, **changes: Any) -> Cell:
    """FOP on the matrix game; entries that ask for the same setting get the same cell."""
    return cell(f"FOP, {what}, matrix game", "fop", seeds, MATRIX_UPDATES, **changes)


def alpha_cell(seeds: int, end: float) -> Cell:
    """Alpha from 1 to `end`; with 0.01 it is FOP's default on the game."""
    return fop_cell(f"alpha 1 to {end:g}", seeds, alpha=replace(MATRIX_ALPHA, end=end))


def cells(seeds: int) -> list[Cell]:
    return [alpha_cell(seeds, end) for end in FINAL_ALPHAS]


def hits(result: Result) -> tuple[int, int]:
    """How many seeds end at (A, A), and how many there are."""
    return at_best(result.value, OPTIMUM)


def checks(results: Sequence[Result]) -> list[Check]:
    """The share of seeds whose greedy joint action is (A, A), for each final alpha."""
    found = []
    for end, result in zip(FINAL_ALPHAS, results, strict=True):
        successes, n = hits(result)
        found.append(
            Check(
                f"alpha 1 to {end:g}",
                "the optimum",
                f"the optimum in {share(successes, n)}",
                successes >= MOST * n,
                n,
                "the paper's final values of alpha could not be read; 1, 0.5, 0.1 and 0.01 are ours",
            )
        )
    return found


TABLE_2 = Entry("table2", "games", paper.CLAIMS["table2"], cells, run, checks)
