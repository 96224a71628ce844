"""What Tables 1 and 3 share: methods on the matrix game, sweeps of their settings, checks of their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .entry import Cell, Check, MeasuredTable, Result
from .learning_cells import cell, interval
from .matrix_cells import hits, method_cell
from .settings import AS_IN_D1, MATRIX_UPDATES, Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PAYOFF = ((8.0, -12.0, -12.0), (-12.0, 0.0, 0.0), (-12.0, 0.0, 0.0))

Values = Sequence[Sequence[float]]


def swept_cells(methods: Mapping[str, str], sweep: Mapping[str, Settings]) -> Callable[[int], list[Cell]]:
    """Each method as the paper has it, then what is swept."""
    return lambda seeds: [
        *(method_cell(name, seeds) for name in methods.values()),
        *(
            cell(f"{methods[method]}, {name}", methods[method], seeds, MATRIX_UPDATES, **changes)
            for method, settings in sweep.items()
            for name, changes in settings.items()
        ),
    ]


def best_of(
    methods: Mapping[str, str], sweep: Mapping[str, Settings]
) -> Callable[[Sequence[Result]], list[MeasuredTable]]:
    """A table of every setting of the swept methods: no baseline fails for want of a better one.

    Args:
        methods: of the entry, in the order of its cells.
        sweep: settings beside those that the checks are made of.
    """

    def tables(results: Sequence[Result]) -> list[MeasuredTable]:
        found = dict(zip(methods, results, strict=False))
        others = iter(results[len(methods) :])
        rows = [["method", "setting", "seeds that play (A, A)", "95 % interval"]]
        for method, settings in sweep.items():
            counts = [
                hits(found[method]),
                *(hits(next(others)) for _ in settings),
            ]
            most = max(successes for successes, _ in counts)
            for name, (successes, n) in zip((AS_IN_D1, *settings), counts, strict=True):
                count = f"{successes} of {n}"
                if successes == most > 0:
                    count = f"**{count}**"
                rows.append([method, name, count, interval(successes, n)])
        title = (
            f"A sweep of {' and '.join(sweep)}: seeds that play (A, A) after {MATRIX_UPDATES:,} updates, a "
            "row for each setting, the best in bold. The verdict goes by the first setting of each."
        )
        return [MeasuredTable(title, rows, frozenset(rows[0]))]

    return tables


def counted(name: str) -> str:
    """What is counted of a method, for people."""
    return f"{name}, seeds that play (A, A)"


def joint_values(name: str, result: Result, printed: Values | None, holds: Callable[[Any], bool]) -> Check:
    """`q_tot` of all joint actions, mean over seeds."""
    joint = _mean(result, "joint")
    return Check(
        f"{name}, q_tot",
        rows_of(printed) if printed is not None else "not read",
        rows_of(joint.tolist()),
        holds(joint),
        len(result.value["joint"]),
        "" if printed is not None else "the paper's values could not be read; compared with the payoff alone",
    )


def individual_values(name: str, result: Result, printed: Sequence[Sequence[float]]) -> list[Check]:
    """`q_1` and `q_2`, mean over seeds: what counts is whether A is the best."""
    ours = _mean(result, "individual").tolist()
    return [
        Check(
            f"{name}, q_{i + 1}",
            row_of(theirs),
            row_of(mine),
            (max(mine) == mine[0]) == (max(theirs) == theirs[0]),
            len(result.value["individual"]),
            "single values aren't determined by the game, only whether A is the best of them counts",
        )
        for i, (theirs, mine) in enumerate(zip(printed, ours, strict=True))
    ]


def _mean(result: Result, what: str) -> npt.NDArray[np.float64]:
    import numpy as np

    mean: npt.NDArray[np.float64] = np.array(result.value[what]).mean(0)
    return mean


def row_of(values: Sequence[float]) -> str:
    """Numbers with the greedy action's in bold."""
    best = list(values).index(max(values))
    return " ".join(f"**{_text(v)}**" if a == best else _text(v) for a, v in enumerate(values))


def rows_of(table: Values) -> str:
    return " / ".join(" ".join(map(_text, row)) for row in table)


def _text(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}"  # no -0.0


def like_the_payoff(tolerance: float) -> Callable[[Any], bool]:
    """Do joint values equal the payoff, each within `tolerance`?"""
    return lambda joint: bool(abs(joint - PAYOFF).max() <= tolerance)
