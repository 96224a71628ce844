"""What the entries on the differential game share: cells by name, shares of seeds, curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fop_bench.report.figure_style import COLOURS
from fop_envs.games.differential import DifferentialGame

from .entry import Cell, Check, Result
from .learning_cells import cell, final_returns, optimum_check
from .settings import DIFFERENTIAL_UPDATES, SUCCESS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def fop_cell(seeds: int, what: str = "", updates: int = DIFFERENTIAL_UPDATES, **changes: Any) -> Cell:
    """FOP on the differential game; entries that ask for the same setting get the same cell."""
    name = f"FOP, {what}, differential game" if what else "FOP, differential game"
    return cell(name, "fop", seeds, updates, game="differential", **changes)


def hits(result: Result) -> tuple[int, int]:
    """How many seeds end at the global optimum, and how many there are."""
    returns = final_returns(result.value)
    return int((returns > SUCCESS).sum()), len(returns)


def at_optimum(what: str, result: Result, finds_it: bool, condition: str = "") -> Check:
    """How many seeds end at the global optimum, beside whether the paper says so."""
    return optimum_check(what, *hits(result), finds_it, condition)


def draw_curves(axis: Axes, curves: Sequence[tuple[str, Result]]) -> None:
    """The greedy joint action's reward over learning steps: median of the seeds, band from 25 % to 75 %."""
    import numpy as np

    for k, (label, result) in enumerate(curves):
        steps = np.array(result.value["updates"]) / 1000
        low, middle, high = np.percentile(result.value["returns"], (25, 50, 75), axis=1)
        axis.fill_between(steps, low, high, color=COLOURS[k], alpha=0.2, linewidth=0)
        axis.plot(steps, middle, color=COLOURS[k], label=label, linewidth=1.3)
    axis.axhline(DifferentialGame.optimum.best_reward, color="#999999", linewidth=0.8, linestyle=":")
    axis.axhline(0, color="#999999", linewidth=0.8, linestyle=":")
    axis.set_xlabel("learning steps (thousands)")
    axis.set_ylim(-8, 11)
