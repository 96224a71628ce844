"""Tables 1 and 3: who finds the matrix game's optimum, and what each method thinks of the joint actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import paper
from .entry import Cell, Check, Entry, Result, Table
from .learning import cell, interval, run
from .matrix import at_optimum, hits, method_cell
from .presets import AS_IN_D1, MATRIX_UPDATES, SWEEP_OF_DOP, SWEEP_OF_FACMADDPG, SWEEP_OF_VALUES, Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PAYOFF = ((8.0, -12.0, -12.0), (-12.0, 0.0, 0.0), (-12.0, 0.0, 0.0))

Values = Sequence[Sequence[float]]


def tables_cells(methods: Mapping[str, str], sweep: Mapping[str, Settings]) -> Callable[[int], list[Cell]]:
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
) -> Callable[[Sequence[Result]], list[Table]]:
    """A table of every setting of the swept methods: no baseline fails for want of a better one.

    Args:
        methods: of the entry, in the order of its cells.
        sweep: settings beside those that the checks are made of.
    """

    def tables(results: Sequence[Result]) -> list[Table]:
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
        return [Table(title, rows, frozenset(rows[0]))]

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
        "" if printed is not None else "the paper's values could not be read; held against the payoff alone",
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


# What a method's joint values have to look like. The bands are ours: the paper's numbers lie well inside.


def like_the_payoff(tolerance: float) -> Callable[[Any], bool]:
    """Each cell within `tolerance`."""
    return lambda joint: bool(abs(joint - PAYOFF).max() <= tolerance)


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


# ---- Table 3 ----

VALUE_METHODS = {"VDN": "vdn", "QMIX": "qmix", "QTRAN-alt": "qtran_alt", "QPLEX": "qplex"}

SWEEP_3: dict[str, Settings] = {"VDN": SWEEP_OF_VALUES, "QMIX": SWEEP_OF_VALUES}


def checks_3(results: Sequence[Result]) -> list[Check]:
    shapes = (like_vdn, like_qmix, like_the_payoff(0.5), like_the_payoff(0.5))
    found = []
    for name, shape, result in zip(VALUE_METHODS, shapes, results, strict=False):  # the sweep comes after
        printed = paper.TABLE_3[name]
        found.append(at_optimum(counted(name), result, finds_it=name in ("QTRAN-alt", "QPLEX")))
        found += individual_values(name, result, (printed.q_1, printed.q_2))
        found.append(joint_values(name, result, printed.q_tot, shape))
    return found


TABLE_3 = Entry(
    "table3",
    "games",
    paper.CLAIMS["table3"],
    tables_cells(VALUE_METHODS, SWEEP_3),
    run,
    checks_3,
    best_of(VALUE_METHODS, SWEEP_3),
)

# ---- Table 1 ----

METHODS_1 = {"FOP": "fop", "DOP": "dop", "FacMADDPG": "facmaddpg"}

SWEEP_1: dict[str, Settings] = {"DOP": SWEEP_OF_DOP, "FacMADDPG": SWEEP_OF_FACMADDPG}


def checks_1(results: Sequence[Result]) -> list[Check]:
    fop, dop, facmaddpg = results[: len(METHODS_1)]
    by_chance, n = hits(results[len(METHODS_1)])
    exploring = (
        "DOP explores by the epsilon that D.1 states for value-based methods; with nothing but its policies "
        f"to explore with, {by_chance} of {n} seeds commit to A by chance (see the sweep)"
    )
    return [
        at_optimum(counted("FOP"), fop, finds_it=True),
        joint_values("FOP", fop, None, like_the_payoff(0.5)),
        at_optimum(counted("DOP"), dop, finds_it=False, condition=exploring),
        at_optimum(counted("FacMADDPG"), facmaddpg, finds_it=False),
    ]


TABLE_1 = Entry(
    "table1",
    "games",
    paper.CLAIMS["table1"],
    tables_cells(METHODS_1, SWEEP_1),
    run,
    checks_1,
    best_of(METHODS_1, SWEEP_1),
)
