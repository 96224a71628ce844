"""Table 2: final values of alpha in the matrix game."""

from __future__ import annotations

from collections.abc import Sequence

from . import claims
from .entry import Cell, Check, PaperEntry, Result
from .learning_cells import run, share
from .matrix_cells import alpha_cell, hits
from .settings import FINAL_ALPHAS, MOST


def cells(seeds: int) -> list[Cell]:
    return [alpha_cell(seeds, end) for end in FINAL_ALPHAS]


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


TABLE_2 = PaperEntry(
    "table2",
    "games",
    "FOP in the matrix game, with different final values of alpha",
    claims.CLAIMS["table2"],
    cells,
    run,
    checks,
)
