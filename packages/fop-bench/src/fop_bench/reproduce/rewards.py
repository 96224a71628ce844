"""What the scale of the rewards and the first alpha do to FOP in the differential game."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fop_algos.schedules import Temperature

from .differential import fop_cell, hits
from .entry import Cell, Entry, Result, Table
from .learning import run, share
from .paper import Claim
from .presets import AUTOMATIC, DIFFERENTIAL_UPDATES, FIRST_ALPHAS, SCHEDULES, UNSCALED

NAMES = (*(schedule.name for schedule in SCHEDULES), AUTOMATIC)


def cells(seeds: int) -> list[Cell]:
    """Rewards as they are: every schedule from every first alpha, down to a hundredth of it."""
    found = []
    for start in FIRST_ALPHAS:
        for schedule in SCHEDULES:
            alpha = replace(schedule.alpha, start=start, end=start / 100)
            what = f"unscaled rewards, alpha from {start:g}, {schedule.name}"
            found.append(fop_cell(seeds, what, schedule.updates, alpha=alpha, **UNSCALED))
        learned = Temperature(start, start / 100, DIFFERENTIAL_UPDATES, "updates", kind="automatic")
        what = f"unscaled rewards, alpha from {start:g}, {AUTOMATIC}"
        found.append(fop_cell(seeds, what=what, alpha=learned, **UNSCALED))
    return found


def tables(results: Sequence[Result]) -> list[Table]:
    rows = [["alpha", *(f"from {start:g} to {start / 100:g}" for start in FIRST_ALPHAS)]]
    for k, name in enumerate(NAMES):
        rows.append([name, *(share(*hits(result)) for result in results[k :: len(NAMES)])])
    title = (
        "Differential game, rewards as they are: seeds at the global optimum, by the first alpha. Alpha is "
        "annealed to a hundredth of it in the learning steps of Figure 3, where rewards are divided by 20 "
        "and alpha begins at 1."
    )
    return [Table(title, rows, frozenset(rows[0]))]


CLAIM = Claim(
    "Rewards",
    "What do the rewards' scale and the first alpha do to FOP in the differential game? The paper states "
    "neither.",
    "",
)

REWARDS = Entry("rewards", "beyond", CLAIM, cells, run, tables=tables)
