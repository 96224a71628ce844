"""Table 1: who finds the matrix game's optimum, FOP or the other methods with factored critics."""

from __future__ import annotations

from collections.abc import Sequence

from . import claims
from .entry import Check, PaperEntry, Result
from .learning_cells import run
from .matrix_cells import at_optimum, hits
from .matrix_sweeps import best_of, counted, joint_values, like_the_payoff, swept_cells
from .settings import SWEEP_OF_DOP, SWEEP_OF_FACMADDPG, Settings

METHODS = {"FOP": "fop", "DOP": "dop", "FacMADDPG": "facmaddpg"}

SWEEP: dict[str, Settings] = {"DOP": SWEEP_OF_DOP, "FacMADDPG": SWEEP_OF_FACMADDPG}


def checks(results: Sequence[Result]) -> list[Check]:
    fop, dop, facmaddpg = results[: len(METHODS)]
    by_chance, n = hits(results[len(METHODS)])
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


TABLE_1 = PaperEntry(
    "table1",
    "games",
    "who finds the matrix game's optimum: FOP, DOP and FacMADDPG",
    claims.CLAIMS["table1"],
    swept_cells(METHODS, SWEEP),
    run,
    checks,
    best_of(METHODS, SWEEP),
)
