"""FOP's published code against equation 18 as printed, step by step, and what the first alpha does to both.

Three things differ between the two: the factor of the gradient to `q_i - v_i` (1 or `lambda_i`), whether that
gradient goes on through `v_i`, and what `v_jt` is. All their combinations are tried, one by one. What is read
off is in docs/algorithms/fop.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .claims import Claim
from .entry import Cell, MeasuredTable, PaperEntry, Result
from .learning_cells import run, share
from .matrix_cells import alpha_cell, fop_cell, hits
from .settings import MATRIX_ALPHA, MATRIX_FIRST_ALPHAS

if TYPE_CHECKING:
    from fop_algos.algorithms.fop_variants import Routing

ROUTED = ("one", "constant", "sum")
LITERAL = ("weight", "learned", "free")
WAYS = (
    ROUTED,
    ("one", "constant", "free"),
    ("one", "learned", "free"),
    ("weight", "constant", "sum"),
    ("weight", "constant", "free"),
    ("weight", "learned", "sum"),
    LITERAL,
)
"""Gradient, v_i, v_jt; with `one` and `sum` nothing is left of the gradient through `v_i`."""

NAMES = {ROUTED: "published code", LITERAL: "equation 18 as printed"}
HARD = (ROUTED, LITERAL)
"""Ways that are tried with the largest q_i in place of the soft v_i, too."""


def routing(way: tuple[str, str, str]) -> Routing:
    from fop_algos.algorithms.fop_variants import Routing

    return Routing(*way)  # type: ignore[arg-type]


def ways(seeds: int) -> list[Cell]:
    """The matrix game, one cell for each way, then those with the hard baseline."""
    found = [
        alpha_cell(seeds, 0.01)
        if way == ROUTED
        else fop_cell(seeds, " ".join(("routing", *way)), routing=routing(way))
        for way in WAYS
    ]
    return found + [
        fop_cell(seeds, " ".join(("largest q_i, routing", *way)), routing=routing(way), baseline="max")
        for way in HARD
    ]


def first_alphas(seeds: int) -> list[Cell]:
    """The matrix game with other first temperatures, both ways."""
    return [
        fop_cell(
            seeds,
            f"alpha from {start:g}, routing {' '.join(way)}",
            alpha=replace(MATRIX_ALPHA, start=start),
            routing=routing(way),
        )
        for way in HARD
        for start in MATRIX_FIRST_ALPHAS
    ]


def cells(seeds: int) -> list[Cell]:
    return [*ways(seeds), *first_alphas(seeds)]


def tables(results: Sequence[Result]) -> list[MeasuredTable]:
    of_ways, of_alphas = results[: len(ways(1))], results[len(ways(1)) :]
    rows = [["way", "gradient to q_i - v_i", "through v_i", "v_jt", "v_i", "at (A, A)", "q_tot(A, A)"]]
    tried = [(way, "soft") for way in WAYS] + [(way, "largest q_i") for way in HARD]
    for (way, baseline), result in zip(tried, of_ways, strict=True):
        gradient, through, v_jt = way
        rows.append(
            [
                NAMES.get(way, ""),
                {"one": "1", "weight": "lambda_i"}[gradient],
                {"constant": "no", "learned": "yes"}[through],
                {"sum": "v(s) + sum_i v_i", "free": "v(s)"}[v_jt],
                baseline,
                share(*hits(result)),
                best_value(result),
            ]
        )
    found = [
        MeasuredTable(
            "Matrix game: between the published code and the equation as printed, one thing at a time "
            "(q_tot(A, A): 10 %, median, 90 % of the seeds; 8 is right).",
            rows,
            frozenset(rows[0]),
        )
    ]
    rows = [["way", *(f"alpha from {start:g}" for start in MATRIX_FIRST_ALPHAS)]]
    for k, way in enumerate(HARD):
        some = of_alphas[k * len(MATRIX_FIRST_ALPHAS) : (k + 1) * len(MATRIX_FIRST_ALPHAS)]
        rows.append([NAMES[way], *(share(*hits(result)) for result in some)])
    found.append(MeasuredTable("Matrix game: seeds at (A, A) by the first alpha.", rows, frozenset(rows[0])))
    return found


def best_value(result: Result) -> str:
    import numpy as np

    joint = np.array(result.value["joint"])[:, 0, 0]
    return " / ".join(f"{x:.1f}" for x in np.percentile(joint, (10, 50, 90)))


CLAIM = Claim(
    "Routing",
    "The paper states equation 18; its published code runs the gradients otherwise. What of it matters, and "
    "what does the first alpha do?",
    "",
)


ROUTING = PaperEntry(
    "routing",
    "beyond",
    "FOP's published code and equation 18 as printed, step by step",
    CLAIM,
    cells,
    run,
    tables=tables,
)
