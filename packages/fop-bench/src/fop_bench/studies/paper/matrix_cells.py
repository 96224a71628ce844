"""What the entries on the paper's matrix game share: cells by name, shares of seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fop_envs.games.matrix import MatrixGame

from .entry import Cell, Check, Result
from .learning_cells import at_best, cell, optimum_check
from .settings import MATRIX_ALPHA, MATRIX_UPDATES

OPTIMUM = MatrixGame("paper").optimum.best_reward


def fop_cell(seeds: int, what: str, **changes: Any) -> Cell:
    """FOP on the matrix game; entries that ask for the same setting get the same cell."""
    return cell(f"FOP, {what}, matrix game", "fop", seeds, MATRIX_UPDATES, **changes)


def alpha_cell(seeds: int, end: float) -> Cell:
    """Alpha from 1 to `end`; with 0.01 it is FOP's default on the game."""
    return fop_cell(seeds, f"alpha 1 to {end:g}", alpha=replace(MATRIX_ALPHA, end=end))


def method_cell(name: str, seeds: int) -> Cell:
    """A method with its own settings; FOP's is also one of Table 2's."""
    if name == "fop":
        return alpha_cell(seeds, 0.01)
    return cell(f"{name} on the paper's matrix game", name, seeds, MATRIX_UPDATES)


def hits(result: Result) -> tuple[int, int]:
    """How many seeds end at (A, A), and how many there are."""
    return at_best(result.value, OPTIMUM)


def at_optimum(what: str, result: Result, finds_it: bool, condition: str = "") -> Check:
    """How many seeds end at (A, A), beside whether the paper says so."""
    return optimum_check(what, *hits(result), finds_it, condition)
