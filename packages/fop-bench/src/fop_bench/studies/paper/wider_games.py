"""Wider games: how often each method ends at the optimum of games that the paper doesn't play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fop_bench.jobs.blocks import Tell
from fop_envs.games.payoffs import payoff_table

from . import learning_cells
from .claims import Claim
from .entry import Cell, MeasuredTable, PaperEntry, Result
from .matrix_cells import method_cell
from .settings import FOR_UNKNOWN_GAMES, MATRIX_UPDATES, WIDER_GAMES

METHODS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "FOP": ("fop", {}),
    "FOP, for unknown games": ("fop", FOR_UNKNOWN_GAMES),
    "QPLEX": ("qplex", {}),
    "QTRAN-alt": ("qtran_alt", {}),
    "QTRAN-base": ("qtran_base", {}),
    "QMIX": ("qmix", {}),
    "Qatten": ("qatten", {}),
    "VDN": ("vdn", {}),
    "IQL": ("iql", {}),
    "MAVEN": ("maven", {}),
    "FMQ": ("fmq", {}),
    "DOP": ("dop", {}),
    "FacMADDPG": ("facmaddpg", {}),
}
"""A row's name, its algorithm, and what is set otherwise than in the catalogue."""

CLAIM = Claim(
    "Wider games",
    "How often does each method find the optimum of matrix games, most of which the paper doesn't play, with "
    "the settings that it has for the paper's?",
    "",
)


def cells(seeds: int) -> list[Cell]:
    """A method on all its games, then the next."""
    return [
        method_cell(algorithm, seeds)
        if game == "paper" and not changes
        else learning_cells.cell(f"{row} on {game}", algorithm, seeds, MATRIX_UPDATES, payoff=game, **changes)
        for row, (algorithm, changes) in METHODS.items()
        for game in WIDER_GAMES
    ]


def run(cell: Cell, tell: Tell) -> Any:
    """Trains a cell; what greedy play does at the end: `actions` `[1, K, N]` and `returns` `[1, K]`.

    Cells of the paper's game are other entries', too, which read more.
    """
    value = learning_cells.run(cell, tell)
    if cell.settings["payoff"] == "paper":
        return value
    return {name: value[name][-1:] for name in ("actions", "returns")}


def tables(results: Sequence[Result]) -> list[MeasuredTable]:
    """Seeds at the optimum, a row for each method; and what makes each game hard."""
    places = iter(results)
    rows = [["method", *WIDER_GAMES]]
    rows += [[row, *(_share(next(places), game) for game in WIDER_GAMES)] for row in METHODS]
    title = (
        f"Seeds that play an optimum after {MATRIX_UPDATES:,} updates, with Wilson's 95 % interval: a row "
        "for each method, with one setting for all games, a column for each game. FOP for unknown games: "
        "alpha 10 to 0.01 and epsilon 0.1, found on climbing, penalty-100 and random-3x4-0 with other seeds."
    )
    return [MeasuredTable(title, rows, frozenset({"method"})), games()]


def _share(result: Result, game: str) -> str:
    hits, n = learning_cells.at_best(result.value, float(payoff_table(game).max()))
    return f"{hits} of {n} ({learning_cells.interval(hits, n)})"


def games() -> MeasuredTable:
    """The games' sizes, and how good an agent's part of the optimum is among agents that act at random."""
    rows = [["game", "agents", "actions", "optimum", "next best", "worst", "rank among random partners"]]
    for name in WIDER_GAMES:
        payoff = payoff_table(name)
        best = payoff.max()
        rows.append(
            [
                name,
                str(payoff.ndim),
                str(len(payoff)),
                f"{best:g}" + (f", {(payoff == best).sum()} times" if (payoff == best).sum() > 1 else ""),
                f"{payoff[payoff < best].max():g}",
                f"{payoff.min():g}",
                ", ".join(map(str, ranks(payoff))),
            ]
        )
    title = (
        "The games. The last column ranks each agent's action in the (first) optimum by what it earns on "
        "average while the others act at random: where it isn't 1, exploration speaks against the optimum."
    )
    return MeasuredTable(title, rows, frozenset({"game"}))


def ranks(payoff: Any) -> list[int]:
    """For each agent, the rank of its action in the first optimum by mean payoff over the others' actions."""
    import numpy as np

    best = np.unravel_index(payoff.argmax(), payoff.shape)
    found = []
    for agent, action in enumerate(best):
        means = payoff.mean(axis=tuple(other for other in range(payoff.ndim) if other != agent))
        found.append(int((means > means[action]).sum()) + 1)
    return found


WIDER = PaperEntry(
    "wider",
    "beyond",
    "every method on matrix games, most of which the paper doesn't play",
    CLAIM,
    cells,
    run,
    tables=tables,
)
