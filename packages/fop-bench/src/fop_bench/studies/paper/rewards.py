"""What the scale of the rewards and the first alpha do to FOP in the differential game."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fop_algos.functional.schedules import Temperature

from . import figure3
from .claims import Claim
from .differential_cells import fop_cell, hits
from .entry import Cell, MeasuredTable, PaperEntry, Result
from .figure3 import NAMES
from .learning_cells import final_returns, run, share
from .settings import AUTOMATIC, DIFFERENTIAL_UPDATES, FIRST_ALPHAS, SCHEDULES, SUCCESS, UNSCALED


def cells(seeds: int) -> list[Cell]:
    """Figure 3 (a); then rewards as they are: every schedule from every first alpha to a hundredth of it."""
    found = figure3.soft_cells(seeds)
    for start in FIRST_ALPHAS:
        for schedule in SCHEDULES:
            alpha = replace(schedule.alpha, start=start, end=start / 100)
            what = f"unscaled rewards, alpha from {start:g}, {schedule.name}"
            found.append(fop_cell(seeds, what, schedule.updates, alpha=alpha, **UNSCALED))
        learned = Temperature(start, start / 100, DIFFERENTIAL_UPDATES, "updates", kind="automatic")
        what = f"unscaled rewards, alpha from {start:g}, {AUTOMATIC}"
        found.append(fop_cell(seeds, what, alpha=learned, **UNSCALED))
    return found


def tables(results: Sequence[Result]) -> list[MeasuredTable]:
    counted = (
        (hits, f"Seeds at the global optimum (final reward above {SUCCESS:g})."),
        (on_its_hill, "Seeds on the global optimum's hill (final reward above 0, which no other place has)."),
    )
    return [_table(results, count, title) for count, title in counted]


def on_its_hill(result: Result) -> tuple[int, int]:
    """How many seeds end with a reward above 0: the local optimum's is 0."""
    returns = final_returns(result.value)
    return int((returns > 0).sum()), len(returns)


def _table(
    results: Sequence[Result], count: Callable[[Result], tuple[int, int]], title: str
) -> MeasuredTable:
    unscaled = (f"rewards as they are, alpha from {start:g} to {start / 100:g}" for start in FIRST_ALPHAS)
    rows = [["alpha", "rewards / 20, alpha from 1 to 0.01", *unscaled]]
    for k, name in enumerate(NAMES):
        rows.append([name, *(share(*count(result)) for result in results[k :: len(NAMES)])])
    return MeasuredTable(f"Differential game. {title}", rows, frozenset(rows[0]))


CLAIM = Claim(
    "Rewards",
    "What do the rewards' scale and the first alpha do to FOP in the differential game? The paper states "
    "neither.",
    "",
)

REWARDS = PaperEntry(
    "rewards",
    "beyond",
    "the rewards' scale and the first alpha, in the differential game",
    CLAIM,
    cells,
    run,
    tables=tables,
)
