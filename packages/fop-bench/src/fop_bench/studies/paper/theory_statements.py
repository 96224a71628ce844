"""The statements of the paper's sections A to C, measured on random small games: by how much each fails."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fop_bench.jobs.blocks import Tell
from fop_bench.report.figure_style import COLOURS, pyplot

from . import claims
from .entry import Cell, Check, MeasuredTable, PaperEntry, Result

if TYPE_CHECKING:
    import numpy as np

KINDS = ("additive", "independent", "random")
"""Of games: the two in which (15) holds for every product policy, and any."""

GAMES_PER_SEED = 10
STEPS = 40
"""Iterations of a game."""

GAMMA = 0.9
ROUNDING = 1e-8
"""Less than this is zero: values are of order 10, linear systems are solved in float64."""


def cells(seeds: int) -> list[Cell]:
    return [
        Cell(
            f"theory, {kind} games",
            {"games": kind, "n": seeds * GAMES_PER_SEED, "steps": STEPS, "version": 2},
        )
        for kind in KINDS
    ]


def run(cell: Cell, tell: Tell) -> Any:
    """Each measure of each game, by the measure's name; for each iteration `gap`, the least, median and
    largest distance of a q_tot from the optimum, and `falls`, the games in which some q_tot falls.
    """
    import numpy as np

    found: dict[str, list[Any]] = {}
    for k in range(cell.settings["n"]):
        rng = np.random.default_rng((k, KINDS.index(cell.settings["games"])))
        for name, value in of_game(cell.settings["games"], rng, cell.settings["steps"]).items():
            found.setdefault(name, []).append(np.asarray(value).tolist())
        tell((k + 1) / cell.settings["n"])
    summed: dict[str, Any] = {name: [float(f"{x:.3g}") for x in found[name]] for name in SCALARS}
    levels = np.percentile(found["gap"], (0, 50, 100), axis=0)  # of the games: records stay small
    summed["gap"] = [[float(f"{x:.3g}") for x in level] for level in levels]
    summed["falls"] = (np.array(found["fall"]) > ROUNDING).sum(0).tolist()
    return summed


SCALARS = ("a1", "igm", "contraction", "lemma2", "theorem1", "eq15", "eq18", "eq17", "team", "objective")


def of_game(kind: str, rng: np.random.Generator, steps: int) -> dict[str, Any]:
    """One random game with its temperatures and policies: by how much each statement fails in it."""
    import numpy as np

    from fop_bench.studies.theory import factorisation as f
    from fop_bench.studies.theory import games, soft_values, temperatures
    from fop_bench.studies.theory.iteration import factorised_soft_policy_iteration

    make = {
        "additive": games.additive_game,
        "independent": games.independent_game,
        "random": games.random_game,
    }[kind]
    n_agents, n_actions = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    game = make(rng, 2 if kind == "independent" else 4, n_agents, n_actions, GAMMA)
    alpha, alpha_i = float(rng.uniform(0.1, 2.0)), rng.uniform(0.1, 2.0, n_agents)
    policies, others = games.random_policies(rng, game), games.random_policies(rng, game)
    joint = f.joint_policy(policies)

    # A.1 and A.2
    a1 = np.abs(f.kl(joint, f.joint_policy(others)) - f.kl(policies, others).sum(0)).max()
    q = game.seen(rng.normal(size=policies.shape))
    q_tot = f.mix(q, np.ones((n_agents, 1, 1)), np.zeros(len(game.reward)))
    igm = f.satisfies_igm(q_tot, q) and f.satisfies_igo(game, f.greedy(q_tot))

    # Lemma 1
    x, y = rng.normal(size=(2, *game.reward.shape))
    tx, ty = (soft_values.evaluate_once(game, z, joint, alpha) for z in (x, y))
    contraction = np.abs(tx - ty).max() / np.abs(x - y).max()

    # Lemma 2 and Theorem 1
    iterates = list(
        itertools.islice(factorised_soft_policy_iteration(game, policies, alpha, alpha_i), steps + 1)
    )
    values = np.stack([iterate.q_tot for iterate in iterates])
    best = soft_values.optimal_q(game, alpha)
    fall = np.maximum(-np.diff(values, axis=0), 0).max((1, 2))
    gap = np.abs(best - values).max((1, 2))

    # (15), (18), (17) and the objectives of section C, at the first policies
    exact = iterates[0].q_tot
    fitted = f.factors(game, exact, policies, alpha, alpha_i)
    eq15 = f.misfit(exact, fitted, alpha, alpha_i)
    v_tot, gains = soft_values.log_partition(exact, alpha), f.advantages(q, alpha_i)
    eq18 = np.abs(f.mix(gains, f.free_weights(exact, q, alpha, alpha_i), v_tot) - exact).max()
    ratio = np.broadcast_to((alpha / alpha_i)[:, None, None], (n_agents, *exact.shape))
    eq17 = np.abs(temperatures.individual_alpha(alpha, ratio, gains, policies) - alpha_i[:, None]).max()
    weights = rng.uniform(0.5, 2.0, ratio.shape)
    minimiser = temperatures.individual_minimiser(alpha, weights, policies)
    step = 1e-3
    least, beside = (
        temperatures.individual_objective(at, alpha, weights, policies)
        for at in (minimiser, minimiser + step)
    )
    entropy = soft_values.entropy(joint).mean()
    slopes = [temperatures.team_gradient(joint, entropy + d) for d in (-0.1, 0.1)]
    return {
        "a1": a1,
        "igm": 0.0 if igm else 1.0,
        "contraction": max(contraction - GAMMA, 0.0),
        "lemma2": fall.max(),
        "theorem1": gap[-1],
        "eq15": eq15,
        "eq18": eq18,
        "eq17": eq17,
        "team": 0.0 if slopes[0] > 0 > slopes[1] else 1.0,
        "objective": np.abs(beside - least - step**2).max(),
        "gap": gap,
        "fall": fall,
    }


ALWAYS = {
    "a1": "A.1, KL(pi_tot, pi*) is the sum of KL(pi_i, pi*_i)",
    "igm": "A.2, IGM is IGO of greedy policies",
    "contraction": "Lemma 1, joint evaluation contracts by gamma",
    "eq17": "equation 17 gives alpha_i back",
    "eq18": "equation 18 fits q_tot",
    "team": "C, J(alpha) cools above the target entropy and warms below",
    "objective": "C, J(alpha_i) is least where stated",
}
FACTORISED = {
    "eq15": "equation 15 fits q_tot",
    "lemma2": "Lemma 2, improvement lowers no q_tot",
    "theorem1": "Theorem 1, the iteration ends at the optimum over all joint policies",
}
CONDITION = (
    "Lemma 2, Theorem 1 and equation 15 are tested on games where the joint value of every product policy is "
    "additive in the actions, which is what the proofs use; in others they fail (table below)"
)


def checks(results: Sequence[Result]) -> list[Check]:
    """What the appendix states for all games on all of ours, what needs (15) on those that have it."""
    by_kind = dict(zip(KINDS, (result.value for result in results), strict=True))
    found = []
    for names, kinds, condition in ((ALWAYS, KINDS, ""), (FACTORISED, KINDS[:2], CONDITION)):
        for name, what in names.items():
            failures = [x for kind in kinds for x in by_kind[kind][name]]
            worst = max(failures)
            found.append(
                Check(
                    what,
                    "always",
                    f"in {sum(x <= ROUNDING for x in failures)} of {len(failures)} games (worst {worst:.0g})",
                    worst <= ROUNDING,
                    condition=condition,
                )
            )
    return found


def tables(results: Sequence[Result]) -> list[MeasuredTable]:
    rows = [["statement", *(f"{kind} games" for kind in KINDS)]]
    for name, what in (ALWAYS | FACTORISED).items():
        counts = [
            f"{sum(x <= ROUNDING for x in result.value[name])} of {len(result.value[name])}"
            for result in results
        ]
        rows.append([what, *counts])
    title = (
        f"In how many games a statement holds, to {ROUNDING:g}: 2 or 3 agents with 2 or 3 actions each, "
        "random temperatures and policies."
    )
    return [MeasuredTable(title, rows, frozenset({"statement"}))]


def figure(results: Sequence[Result]) -> Any:
    import numpy as np

    drawn, (left, right) = pyplot().subplots(1, 2, figsize=(7.5, 2.8), layout="constrained")
    for kind, colour, result in zip(KINDS, COLOURS[: len(KINDS)], results, strict=True):
        low, middle, high = np.maximum(result.value["gap"], 1e-13)
        left.fill_between(np.arange(len(middle)), low, high, color=colour, alpha=0.15, linewidth=0)
        left.plot(middle, color=colour, label=f"{kind} games")
        falls = 100 * np.array(result.value["falls"]) / len(result.value["lemma2"])
        right.plot(np.arange(1, len(falls) + 1), falls, ".-", color=colour, markersize=3, linewidth=1)
    left.set_yscale("log")
    left.set_title("(a) farthest q_tot from the optimum", loc="left", fontsize=9)
    right.set_title("(b) games in which some q_tot falls, %", loc="left", fontsize=9)
    left.legend()
    for axis in (left, right):
        axis.set_xlabel("iteration")
    return drawn


THEORY = PaperEntry(
    "theory",
    "games",
    "the statements of sections A to C, measured on random small games",
    claims.CLAIMS["theory"],
    cells,
    run,
    checks,
    tables=tables,
    figure=figure,
    caption="Factorised soft policy iteration on random games. (a) Median, and least to largest; the optimum "
    "is over all joint policies; 1e-13 and less is drawn there. (b) Lemma 2 says that there are none. "
    "docs/theory.md has the statements and their limits one by one.",
)
