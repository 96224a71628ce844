"""Figure 5: how noisy the policies' gradients are in the differential game."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fop_bench.jobs.blocks import Tell
from fop_bench.report.figure_style import COLOURS, pyplot
from fop_bench.report.statistics import Estimate, median

from . import claims
from .entry import Cell, Check, MeasuredTable, PaperEntry, Result
from .learning_cells import built, cell, converged, short
from .settings import REWARD_SCALES

METHODS = {"FOP": "fop", "DOP": "dop", "FacMADDPG": "facmaddpg", "MADDPG": "maddpg", "MAAC": "maac"}
UPDATES = 3000
EVERY = 50
"""Learning steps between two looks at greedy play."""
MOMENTS = (50, 100, 150, 200, 300, 400, 500, 600, 800, 1000, 1250, 1500, 1750, 2000, 2500, 3000)
"""Learning steps after which gradients are measured, closer where methods with a definite action learn."""
SAMPLES, EPISODES = 32, 64
"""Minibatches of a moment, and episodes in each, for all methods."""

NEAR = 1.0
"""Of actions from -10 to 10: a policy this close to where it ends, for good, has converged."""

TICKS = (50, 100, 200, 500, 1000, 2000)

MEASURES = {
    "relative": "variance / squared norm of mean",
    "variance": "variance, mean over parameters",
}


def cells(seeds: int) -> list[Cell]:
    measured = {"moments": MOMENTS, "samples": SAMPLES, "episodes": EPISODES, "every": EVERY, "near": NEAR}
    found = []
    for scale in REWARD_SCALES:
        for name, algorithm in METHODS.items():
            trained = cell(
                f"{name}'s gradients, reward x {scale:g}",
                algorithm,
                seeds,
                UPDATES,
                game="differential",
                reward_scale=scale,
            )
            found.append(replace(trained, settings={**trained.settings, "gradients": measured}))
    return found


def run(cell: Cell, tell: Tell) -> Any:
    """Trains a cell, and measures its gradients along the way.

    Returns:
        `variance` and `relative` `[M, K]` at the moments (`gradient_noise.GradientNoise`), `converged` `[K]`:
        the learning steps after which a seed's greedy joint action stays `near` where it ends.
    """
    from fop_algos.bases.continuous_actors import ContinuousActors
    from fop_algos.training.snapshots import snapshots
    from fop_algos.training.stack import StackedReplay

    from .gradient_noise import gradient_noise

    settings, measured = cell.settings, cell.settings["gradients"]
    state, env, test_env = built(cell)
    assert isinstance(state.algorithm, ContinuousActors)
    assert isinstance(state.replay, StackedReplay)
    noise, steps, actions = [], [], []
    for snapshot in snapshots(state, env, test_env, updates=settings["updates"], every=measured["every"]):
        steps.append(snapshot.clock.updates)
        actions.append(snapshot.actions)
        if snapshot.clock.updates in measured["moments"]:
            noise.append(
                gradient_noise(
                    state.algorithm,
                    state.replay,
                    snapshot.clock,
                    samples=measured["samples"],
                    episodes=measured["episodes"],
                )
            )
        tell(snapshot.clock.updates / settings["updates"])
    return {
        "variance": [[short(x) for x in one.variance.tolist()] for one in noise],
        "relative": [[short(x) for x in one.relative.tolist()] for one in noise],
        "converged": np.array(steps)[converged(np.array(actions), measured["near"])].tolist(),
    }


def before_convergence(result: Result, measure: str) -> list[float]:
    """Each seed's geometric mean over the moments before it has converged, or its first moment if none is.

    It is 0 if the measure is 0 at one of them.
    """
    moments = np.array(result.cell.settings["gradients"]["moments"])
    values = np.array(result.value[measure], np.float64)
    early = moments[:, None] < np.array(result.value["converged"])
    early[0] = True
    with np.errstate(divide="ignore"):
        logs = np.where(early, np.log(values), 0.0)
    found: list[float] = np.exp(logs.sum(0) / early.sum(0)).tolist()
    return found


def text(found: Estimate) -> str:
    """A median with its interval, if it has any width."""
    if math.isnan(found.low) or found.low == found.high:
        return f"{found.value:.2g}"
    return f"{found.value:.2g} ({found.low:.2g} to {found.high:.2g})"


def by_scale(results: Sequence[Result]) -> dict[float, dict[str, Result]]:
    """Results by the reward's scale and method."""
    given = iter(results)
    return {scale: {name: next(given) for name in METHODS} for scale in REWARD_SCALES}


UNSAID = (
    "the paper doesn't say how variance was measured, nor what rewards were multiplied by; judged by "
    "variance over the squared norm of the mean gradient, before convergence"
)
NOTHING_VARIES = (
    "the gradients of DOP's and FacMADDPG's actors have no variance by construction: with one state, what "
    "they climb holds nothing that is sampled"
)


def checks(results: Sequence[Result]) -> list[Check]:
    """Decomposed methods below the others: the median over seeds, beyond both 95 % intervals."""
    found = []
    for scale, methods in by_scale(results).items():
        noise = {name: median(before_convergence(result, "relative")) for name, result in methods.items()}
        for name in ("FOP", "DOP", "FacMADDPG"):
            for other in ("MAAC", "MADDPG"):
                found.append(
                    Check(
                        f"{name} beside {other}, reward x {scale:g}",
                        "smaller",
                        f"{text(noise[name])} against {text(noise[other])}",
                        noise[name].high < noise[other].low,
                        len(methods[name].value["converged"]),
                        UNSAID if name == "FOP" else NOTHING_VARIES,
                    )
                )
    return found


def tables(results: Sequence[Result]) -> list[MeasuredTable]:
    """Both measures of all methods."""
    rows = [["method", "reward", *MEASURES.values(), "converged after"]]
    for scale, methods in by_scale(results).items():
        for name, result in methods.items():
            measured = [text(median(before_convergence(result, measure))) for measure in MEASURES]
            rows.append([name, f"x {scale:g}", *measured, f"{np.median(result.value['converged']):.0f}"])
    title = (
        "Gradients of the actors' own losses before convergence: geometric mean over moments, median over "
        "seeds (95 % interval). Variance alone depends on the scale of a method's values, and on whether its "
        "loss adds up agents (MADDPG) or averages them (FOP, MAAC), which makes a factor of 4."
    )
    return [MeasuredTable(title, rows, frozenset({"method", "reward"}))]


def figure(results: Sequence[Result]) -> Any:
    """A row for each measure, a column for each scale of the reward; 0 is the lower edge."""
    drawn, axes = pyplot().subplots(
        len(MEASURES), len(REWARD_SCALES), figsize=(7.2, 5.4), sharex=True, sharey="row", layout="constrained"
    )
    for row, (measure, label) in zip(axes, MEASURES.items(), strict=True):
        values = np.array([result.value[measure] for result in results], np.float64)  # [C, M, K]
        least = 10.0 ** math.floor(math.log10(values[values > 0].min(initial=1.0)))
        for axis, (scale, methods) in zip(row, by_scale(results).items(), strict=True):
            for k, (name, result) in enumerate(methods.items()):
                moments = result.cell.settings["gradients"]["moments"]
                low, middle, high = np.percentile(result.value[measure], [25, 50, 75], axis=1)
                style = {"color": COLOURS[k], "linestyle": "--" if name == "FacMADDPG" else "-"}
                axis.plot(moments, middle, label=name, linewidth=1.6, marker="o", markersize=2.5, **style)
                axis.fill_between(moments, low, high, color=COLOURS[k], alpha=0.18, linewidth=0)
            axis.set_xscale("log")
            axis.set_xticks(TICKS, labels=[str(tick) for tick in TICKS])
            axis.minorticks_off()
            axis.set_yscale("symlog", linthresh=least, linscale=0.5)
            axis.set_ylim(-0.15 * least, 1.5 * max(values.max(), least))
            axis.set_title(f"reward x {scale:g}", loc="left", fontweight="bold")
        row[0].set_ylabel(label)
    for axis in axes[-1]:
        axis.set_xlabel("learning steps")
    drawn.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(METHODS))
    return drawn


FIGURE_5 = PaperEntry(
    "figure5",
    "games",
    "how noisy policy gradients are in the differential game",
    claims.CLAIMS["figure5"],
    cells,
    run,
    checks,
    tables,
    figure,
    f"Gradients of the actors' own losses with all nets frozen, over {SAMPLES} independent minibatches of "
    f"{EPISODES} episodes from a seed's replay and fresh actions of its policies. Above: variance over the "
    f"squared norm of the mean gradient, which ends at about {SAMPLES} where the true gradient is 0, for the "
    "mean keeps its share of the noise. Below: variance alone, which depends on the scale of each method's "
    "values. Line: median over seeds; band: 25th to 75th percentile. A seed counts as converged when its "
    f"greedy joint action stays within {NEAR:g} of where it is after {UPDATES} steps. With one state, what "
    "DOP's and FacMADDPG's actors climb holds nothing that is sampled: 0 by construction.",
)
