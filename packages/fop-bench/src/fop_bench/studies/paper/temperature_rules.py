"""How FOP fares with every way of setting the temperatures of team and agents (section C), on both games."""

from __future__ import annotations

from collections.abc import Sequence

from . import claims, differential_cells, figure3, matrix_cells
from .entry import Cell, Check, PaperEntry, Result
from .learning_cells import run, share
from .settings import AUTOMATIC, MATRIX_ALPHAS, MOST, SCHEDULES

OF_AGENTS = {"average": "the moving average of equation 17", "objective": "down the gradient of J(alpha_i)"}

CONDITION = (
    "first values of alpha and target entropies aren't stated; alpha_i is averaged as a ratio to alpha"
)


def settings(seeds: int) -> dict[tuple[str, str, str], Cell]:
    """Cells by game, alpha and alpha_i; those that Table 2 and Figure 3 have, too, are theirs."""
    found = {("matrix", "linear", "tied"): matrix_cells.alpha_cell(seeds, 0.01)}
    for kind in ("exponential", AUTOMATIC):
        found["matrix", kind, "tied"] = matrix_cells.fop_cell(
            seeds, f"alpha {kind}", alpha=MATRIX_ALPHAS[kind]
        )
    for rule in OF_AGENTS:
        found["matrix", "linear", rule] = matrix_cells.fop_cell(seeds, f"alpha_i {rule}", alpha_i=rule)
    soft = dict(zip(figure3.NAMES, figure3.soft_cells(seeds), strict=True))
    found["differential", "linear", "tied"] = soft[SCHEDULES[2].name]
    found["differential", "exponential", "tied"] = soft[SCHEDULES[0].name]
    found["differential", AUTOMATIC, "tied"] = soft[AUTOMATIC]
    for rule in OF_AGENTS:
        found["differential", AUTOMATIC, rule] = differential_cells.fop_cell(
            seeds, f"alpha_i {rule}", alpha_i=rule
        )
    return found


def cells(seeds: int) -> list[Cell]:
    return list(settings(seeds).values())


def checks(results: Sequence[Result]) -> list[Check]:
    """Whether the seeds still find the optimum."""
    found = []
    for (game, alpha, alpha_i), result in zip(settings(1), results, strict=True):
        hits, n = (matrix_cells if game == "matrix" else differential_cells).hits(result)
        rule = OF_AGENTS.get(alpha_i, "tied to the team's")
        found.append(
            Check(
                f"{game} game, alpha {alpha}, alpha_i {rule}",
                "the optimum",
                share(hits, n),
                hits >= MOST * n,
                n,
                CONDITION,
            )
        )
    return found


TEMPERATURES = PaperEntry(
    "temperatures",
    "games",
    "FOP with every rule for the temperatures of team and agents, on both games",
    claims.CLAIMS["temperatures"],
    cells,
    run,
    checks,
)
