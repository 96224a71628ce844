"""Why the gradient of 1 to `q_i` decides: FOP's weights while it learns the matrix game, both ways.

The joint action (A, A) pays 8, but 12 is lost when one agent alone plays A. `routing` says which way finds
the optimum; here is what happens on the way. What is read off is in docs/algorithms/fop.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fop_bench.jobs.blocks import Tell
from fop_bench.report.figure_style import COLOURS, pyplot

from .claims import Claim
from .entry import Cell, MeasuredTable, PaperEntry, Result
from .learning_cells import at_best, built, cell, share, short
from .matrix_cells import OPTIMUM
from .routing import ROUTED, routing

if TYPE_CHECKING:
    from fop_algos.algorithms.fop import Fop
    from fop_core.types import Clock

UPDATES, EVERY = 3_000, 50
"""Learning steps, a third of the game's, and between two looks."""

WAYS = {"1 (published code)": ROUTED, "lambda_i (all else alike)": ("weight", *ROUTED[1:])}
"""Gradient to `q_i - v_i`, by a name for people."""

ROWS = (0, 250, 500, 1_000, 3_000)
"""Learning steps that the table shows."""


def cells(seeds: int) -> list[Cell]:
    found = []
    for way in WAYS.values():
        trained = cell(
            f"FOP's weights, routing {' '.join(way)}, matrix game",
            "fop",
            seeds,
            UPDATES,
            routing=routing(way),
        )
        found.append(replace(trained, settings={**trained.settings, "looks": EVERY}))
    return found


def run(cell: Cell, tell: Tell) -> Any:
    """Trains a cell, and looks at it along the way.

    Returns:
        `updates` `[M]`, `returns` `[M, K]` of greedy play, and `look`'s numbers `[M, K]`.
    """
    from fop_algos.algorithms.fop import Fop
    from fop_algos.training.snapshots import snapshots

    settings = cell.settings
    state, env, test_env = built(cell)
    assert isinstance(state.algorithm, Fop)
    looks = []
    for snapshot in snapshots(state, env, test_env, updates=settings["updates"], every=settings["looks"]):
        found = look(state.algorithm, snapshot.clock)
        looks.append({"updates": snapshot.clock.updates, "returns": snapshot.returns.tolist(), **found})
        tell(snapshot.clock.updates / settings["updates"])
    return {name: [one[name] for one in looks] for name in looks[0]}


def look(algorithm: Fop, clock: Clock) -> dict[str, list[float]]:
    """Of each seed `[K]`, means over the agents.

    Returns:
        `best`: `lambda_i(A, A)`; `alone`: the `lambda_i` of the agent who plays A while the other doesn't;
        `advantage`: `q_i(A) - v_i`; `probability`: `pi_i(A)`.
    """
    import torch

    from fop_algos.batch import onehot

    spec, (n_seeds,) = algorithm.spec, algorithm.stack
    n = spec.n_actions
    with torch.no_grad():
        joint = torch.cartesian_prod(torch.arange(n), torch.arange(n)).expand(n_seeds, 1, -1, -1)
        state = torch.ones(n_seeds, 1, n * n, spec.state_dim)
        lam = algorithm.mixers[0].weights(state, onehot(joint, n)).view(n_seeds, n, n, spec.n_agents)
        obs = torch.ones(n_seeds, 1, spec.n_agents, spec.obs_dim)
        available = torch.ones(n_seeds, spec.n_agents, n, dtype=torch.bool)
        alpha_i = algorithm.temperatures.of_agents(algorithm.temperatures.of_team(clock))
        q = algorithm.individual_values(obs, state[:, :, 0])[:, 0]
        v = algorithm.v(q, available, alpha_i)
        last = torch.zeros(n_seeds, 1, 1, spec.n_agents, n)
        logits = algorithm.actor.unroll(obs.unsqueeze(-3), last)[:, 0, 0]
        pi = algorithm.policy(logits, available, 0.0).policy
    found = {
        "best": lam[:, 0, 0].mean(-1),
        "alone": (lam[:, 0, 1:, 0].mean(-1) + lam[:, 1:, 0, 1].mean(-1)) / 2,
        "advantage": (q[..., 0] - v).mean(-1),
        "probability": pi[..., 0].mean(-1),
    }
    return {name: [short(x) for x in numbers.tolist()] for name, numbers in found.items()}


def tables(results: Sequence[Result]) -> list[MeasuredTable]:
    import numpy as np

    rows = [["gradient to q_i - v_i", "learning steps", *COLUMNS, "at (A, A)"]]
    for name, result in zip(WAYS, results, strict=True):
        value = result.value
        for k, updates in enumerate(value["updates"]):
            if updates in ROWS:
                middle = [f"{np.median(value[what][k]):{digits}}" for what, digits in COLUMNS.values()]
                hits = at_best({"returns": value["returns"][k : k + 1]}, OPTIMUM)
                rows.append([name, f"{updates:,}", *middle, share(*hits)])
    title = (
        "Matrix game, medians of the seeds, means over the agents; lambda_i(A, not A) is that of the agent "
        "who plays A."
    )
    return [MeasuredTable(title, rows, frozenset({rows[0][0], rows[0][-1]}))]


COLUMNS = {
    "lambda_i(A, A)": ("best", ".3f"),
    "lambda_i(A, not A)": ("alone", ".2f"),
    "q_i(A) - v_i": ("advantage", ".1f"),
    "pi_i(A)": ("probability", ".2f"),
}


def figure(results: Sequence[Result]) -> Any:
    import numpy as np

    drawn, axes = pyplot().subplots(1, 3, figsize=(9.6, 2.9), sharex=True, layout="constrained")
    panels = (
        (axes[0], r"$\lambda_i$", {"best": ("-", ", at (A, A)"), "alone": ("--", ", at (A, not A)")}),
        (axes[1], r"$q_i(A) - v_i$", {"advantage": ("-", "")}),
        (axes[2], r"$\pi_i(A)$", {"probability": ("-", "")}),
    )
    for axis, title, lines in panels:
        for k, (name, result) in enumerate(zip(WAYS, results, strict=True)):
            steps = result.value["updates"]
            for what, (style, where) in lines.items():
                low, middle, high = np.percentile(result.value[what], (25, 50, 75), axis=1)
                axis.plot(steps, middle, style, color=COLOURS[k], label=name + where, linewidth=1.3)
                axis.fill_between(steps, low, high, color=COLOURS[k], alpha=0.18, linewidth=0)
        axis.set_title(title, loc="left", fontsize=9)
        axis.set_xlabel("learning steps")
        axis.set_xlim(0, UPDATES)
    axes[0].set_yscale("log")
    axes[1].axhline(0, color="#999999", linewidth=0.8, linestyle=":")
    axes[2].set_ylim(-0.02, 1.02)
    drawn.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        title=r"gradient to $q_i - v_i$",
    )
    return drawn


CLAIM = Claim(
    "Weights",
    "Why does FOP miss the matrix game's optimum when `lambda_i` stands in the place of 1 in the gradient to "
    "`q_i - v_i` ([Routing](routing.md))?",
    "",
)

WEIGHTS = PaperEntry(
    "weights",
    "beyond",
    "FOP's weights lambda_i while it learns the matrix game",
    CLAIM,
    cells,
    run,
    tables=tables,
    figure=figure,
    caption="FOP on the matrix game with the two gradients to `q_i - v_i`: median of the seeds, band from "
    "the 25th to the 75th percentile. (A, not A): the weight of the agent who plays A while the other "
    "doesn't.",
)
