"""Table 2: final values of alpha in the matrix game."""

from __future__ import annotations

from collections.abc import Sequence

from fop_algos.schedules import Temperature
from fop_bench.statistics import wilson

from . import paper
from .entry import Cell, Check, Entry, Result
from .learning import cell, final_returns, run
from .presets import FINAL_ALPHAS, MATRIX_UPDATES, MOST

OPTIMUM = 8.0


def cells(seeds: int) -> list[Cell]:
    return [
        cell(
            f"fop, alpha 1 to {end:g}",
            "fop",
            seeds,
            MATRIX_UPDATES,
            alpha=Temperature(1.0, end, MATRIX_UPDATES, "updates"),
        )
        for end in FINAL_ALPHAS
    ]


def checks(results: Sequence[Result]) -> list[Check]:
    """The share of seeds whose greedy joint action is (A, A), for each final alpha."""
    found = []
    for end, result in zip(FINAL_ALPHAS, results, strict=True):
        returns = final_returns(result.value)
        hits, n = int((returns > OPTIMUM - 1e-6).sum()), len(returns)
        share = wilson(hits, n)
        found.append(
            Check(
                f"alpha 1 to {end:g}",
                "the optimum",
                f"the optimum in {hits} of {n} (95 % interval {share.low:.0%} to {share.high:.0%})",
                hits >= MOST * n,
                n,
                "the paper's final values of alpha could not be read; 1, 0.5, 0.1 and 0.01 are ours",
            )
        )
    return found


TABLE_2 = Entry("table2", "games", paper.CLAIMS["table2"], cells, run, checks)
