"""Figure 3: FOP in the differential game under other temperatures, with DOP's decomposition, and greedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fop_bench.report.figure_style import pyplot

from . import claims
from .differential_cells import at_optimum, draw_curves, fop_cell
from .entry import Cell, Check, PaperEntry, Result
from .learning_cells import run
from .settings import AUTOMATIC, DIFFERENTIAL_UPDATES, GREEDY, SCHEDULES

NAMES = (*(schedule.name for schedule in SCHEDULES), AUTOMATIC)
TEMPERATURE = (
    "the paper's first and least alpha could not be read; 1 and 0.01 are ours, rewards divided by 20"
)


def soft_cells(seeds: int, what: str = "", **changes: Any) -> list[Cell]:
    """FOP under the five temperatures, in the order of `NAMES`."""
    found = [fop_cell(seeds, what + s.name, s.updates, alpha=s.alpha, **changes) for s in SCHEDULES]
    return [*found, fop_cell(seeds, what and what + AUTOMATIC, **changes)]


def cells(seeds: int) -> list[Cell]:
    """(a) five temperatures, (b) the same with DOP's decomposition, (c) none."""
    dop = soft_cells(seeds, "DOP's decomposition, ", decomposition="dop")
    return [*soft_cells(seeds), *dop, fop_cell(seeds, "greedy", DIFFERENTIAL_UPDATES // 2, **GREEDY)]


def panels(results: Sequence[Result]) -> tuple[Sequence[Result], Sequence[Result], Result]:
    return results[:5], results[5:10], results[10]


def checks(results: Sequence[Result]) -> list[Check]:
    soft, dop, greedy = panels(results)
    found = [
        at_optimum(f"(a) {name}", result, True, TEMPERATURE) for name, result in zip(NAMES, soft, strict=True)
    ]
    slower = ((NAMES[0], soft[0], NAMES[1], soft[1]), (NAMES[2], soft[2], NAMES[3], soft[3]))
    found += [
        Check(
            f"(a) learning steps to the optimum, {fast} and {slow}",
            "fewer with the first",
            f"{median_steps(first):,} and {median_steps(second):,} (medians of seeds)",
            median_steps(first) < median_steps(second),
            len(first.value["converged"]),
            TEMPERATURE,
        )
        for fast, first, slow, second in slower
    ]
    found += [
        at_optimum(f"(b) DOP's decomposition, {name}", result, False, TEMPERATURE)
        for name, result in zip(NAMES, dop, strict=True)
    ]
    return [*found, at_optimum("(c) greedy policies", greedy, False)]


def median_steps(result: Result) -> int:
    """After how many learning steps half of the seeds have converged."""
    steps: list[int] = sorted(result.value["converged"])
    return steps[(len(steps) - 1) // 2]


def figure(results: Sequence[Result]) -> Any:
    soft, dop, greedy = panels(results)
    drawn, axes = pyplot().subplots(1, 3, figsize=(9.6, 3.1), sharey=True, layout="constrained")
    titles = ("(a) FOP", "(b) with DOP's decomposition", "(c) greedy policies")
    for axis, title, curves in zip(axes, titles, (soft, dop, [greedy]), strict=True):
        draw_curves(axis, list(zip(NAMES if len(curves) > 1 else ("alpha = 0",), curves, strict=True)))
        axis.set_title(title, loc="left", fontsize=9)
        axis.set_xlim(0, DIFFERENTIAL_UPDATES / 1000)
    axes[0].set_ylabel("reward of the greedy joint action")
    drawn.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return drawn


FIGURE_3 = PaperEntry(
    "figure3",
    "games",
    "FOP in the differential game under other temperatures, with DOP's decomposition, and greedy",
    claims.CLAIMS["figure3"],
    cells,
    run,
    checks,
    figure=figure,
    caption="Median of the seeds, band from the 25th to the 75th percentile. Dotted: the rewards of the "
    "global and of the local optimum. A schedule is shown to a little after alpha has reached its least "
    "value.",
)
