"""Table 3: what value-based methods think of the matrix game's actions, and who finds its optimum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import claims
from .entry import Check, PaperEntry, Result
from .learning_cells import run
from .matrix_cells import at_optimum
from .matrix_sweeps import best_of, counted, individual_values, joint_values, like_the_payoff, swept_cells
from .settings import SWEEP_OF_VALUES, Settings

METHODS = {"VDN": "vdn", "QMIX": "qmix", "QTRAN-alt": "qtran_alt", "QPLEX": "qplex"}

SWEEP: dict[str, Settings] = {"VDN": SWEEP_OF_VALUES, "QMIX": SWEEP_OF_VALUES}

# What a method's joint values have to look like. The bands are ours: the paper's numbers lie well inside.


def like_vdn(joint: Any) -> bool:
    """(A, A) lowest, between -16 and -9; beside it -9 to -4.5; the rest -2.5 to 0.2."""
    beside = [*joint[0, 1:], *joint[1:, 0]]
    rest = joint[1:, 1:].flatten()
    return bool(
        -16 <= joint[0, 0] <= -9
        and -9 <= min(beside) <= max(beside) <= -4.5
        and -2.5 <= rest.min() <= rest.max() <= 0.2
    )


def like_qmix(joint: Any) -> bool:
    """All cells with an A equal within 0.5, between -12 and -7; the rest within 0.5 of 0."""
    with_a = [*joint[0], *joint[1:, 0]]
    return bool(
        -12 <= min(with_a) <= max(with_a) <= -7
        and max(with_a) - min(with_a) <= 0.5
        and abs(joint[1:, 1:]).max() <= 0.5
    )


def checks(results: Sequence[Result]) -> list[Check]:
    shapes = (like_vdn, like_qmix, like_the_payoff(0.5), like_the_payoff(0.5))
    found = []
    for name, shape, result in zip(METHODS, shapes, results, strict=False):  # the sweep comes after
        printed = claims.TABLE_3[name]
        found.append(at_optimum(counted(name), result, finds_it=name in ("QTRAN-alt", "QPLEX")))
        found += individual_values(name, result, (printed.q_1, printed.q_2))
        found.append(joint_values(name, result, printed.q_tot, shape))
    return found


TABLE_3 = PaperEntry(
    "table3",
    "games",
    "what value-based methods think of the matrix game's actions",
    claims.CLAIMS["table3"],
    swept_cells(METHODS, SWEEP),
    run,
    checks,
    best_of(METHODS, SWEEP),
)
