"""Figure 2: how six methods move over the differential game's surface, and how widely they explore."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fop_bench.report.figure_style import pyplot
from fop_bench.report.statistics import wilson

from . import claims
from .differential_cells import at_optimum, fop_cell, hits
from .entry import Cell, Check, MeasuredTable, PaperEntry, Result
from .learning_cells import cell, final_returns, run, share
from .settings import BASELINE_UPDATES, SIGMA, SIGMA_UPDATES, SIGMAS, SUCCESS, WARM_UPS

METHODS = {
    "FOP": "fop",
    "DOP": "dop",
    "FacMADDPG": "facmaddpg",
    "MADDPG": "maddpg",
    "MAAC": "maac",
    "MASQL": "masql",
}
DETERMINISTIC = ("DOP", "FacMADDPG", "MADDPG")
PUBLISHED_MASQL = 0.72
"""Wei et al. 2018, as D.2 quotes them: MASQL's share of runs at the global optimum; MADDPG's is 0."""


def method_cell(name: str, seeds: int, warm_up: int, sigma: float = SIGMA) -> Cell:
    changes: dict[str, Any] = {"noise": sigma} if name in DETERMINISTIC else {}
    if name == "FOP":
        what = "" if warm_up == 64 else f"{warm_up} uniform episodes"
        return fop_cell(seeds, what, uniform_episodes=warm_up)
    what = f"{name}, sigma {sigma:g}" if changes else name
    return cell(
        f"{what}, {warm_up} uniform episodes, differential game",
        METHODS[name],
        seeds,
        BASELINE_UPDATES if sigma == SIGMA else SIGMA_UPDATES,
        game="differential",
        uniform_episodes=warm_up,
        **changes,
    )


def settings() -> list[tuple[str, int, float]]:
    """Method, uniform episodes and sigma of every cell."""
    main = [(name, warm_up, SIGMA) for warm_up in WARM_UPS for name in METHODS]
    return main + [(name, 0, sigma) for name in DETERMINISTIC for sigma in SIGMAS]


def cells(seeds: int) -> list[Cell]:
    return [method_cell(name, seeds, warm_up, sigma) for name, warm_up, sigma in settings()]


def by_setting(results: Sequence[Result]) -> dict[tuple[str, int, float], Result]:
    return dict(zip(settings(), results, strict=True))


def checks(results: Sequence[Result]) -> list[Check]:
    found = by_setting(results)
    rows = []
    for warm_up in WARM_UPS:
        for name in METHODS:
            if name != "MASQL":
                what = f"{name}, {warm_up} uniform episodes"
                rows.append(at_optimum(what, found[name, warm_up, SIGMA], name == "FOP", CONDITION))
    for name in ("MAAC", "FacMADDPG"):
        wide, narrow = median_area(found[name, 0, SIGMA]), median_area(found["MADDPG", 0, SIGMA])
        rows.append(
            Check(
                f"width of the trails, {name} and MADDPG",
                "wider than MADDPG's",
                f"{wide:.0f} and {narrow:.0f} (area of the 95 % ellipse, medians of seeds)",
                wide > narrow,
                len(found[name, 0, SIGMA].value["areas"]),
                CONDITION,
            )
        )
    masql = found["MASQL", 0, SIGMA]
    successes, n = hits(masql)
    interval = wilson(successes, n)
    rows.append(
        Check(
            "MASQL, 0 uniform episodes",
            f"the optimum in {PUBLISHED_MASQL:.0%} of runs (Wei et al. 2018)",
            share(successes, n),
            interval.low <= PUBLISHED_MASQL <= interval.high,
            n,
            "the sampler of MASQL is described in few words; ours is one reading of them",
        )
    )
    return rows


CONDITION = f"exploration isn't stated; deterministic methods have sigma {SIGMA:g}"


def tables(results: Sequence[Result]) -> list[MeasuredTable]:
    rows = [["method", "uniform episodes", "sigma", "global optimum", "local optimum", "elsewhere", "trail"]]
    for (name, warm_up, sigma), result in by_setting(results).items():
        returns = final_returns(result.value)
        best, near = int((returns > SUCCESS).sum()), int(((returns > -1) & (returns <= 1)).sum())
        rows.append(
            [
                name,
                str(warm_up),
                f"{sigma:g}" if name in DETERMINISTIC else "own",
                share(best, len(returns)),
                str(near),
                str(len(returns) - best - near),
                f"{median_area(result):.0f}",
            ]
        )
    return [
        MeasuredTable(
            "Where the seeds end (global optimum: reward above 9; local: within 1 of its 0), and the area of "
            "the ellipse that holds 95 % of what was explored before convergence (median of the seeds; the "
            "whole square has 400).",
            rows,
            frozenset({"method", "sigma", "global optimum"}),
        )
    ]


def median_area(result: Result) -> float:
    import numpy as np

    return float(np.median(result.value["areas"]))


def figure(results: Sequence[Result]) -> Any:
    import numpy as np

    from fop_envs.games.differential import reward_surface

    found = by_setting(results)
    drawn, axes = pyplot().subplots(
        len(WARM_UPS), len(METHODS), figsize=(11.5, 4.5), sharex=True, sharey=True, layout="constrained"
    )
    line = np.linspace(-10, 10, 201)
    surface = reward_surface(*np.meshgrid(line, line))
    for row, warm_up in zip(axes, WARM_UPS, strict=True):
        for axis, name in zip(row, METHODS, strict=True):
            value = found[name, warm_up, SIGMA].value
            shades = axis.contourf(line, line, surface, levels=range(-40, 11, 5), cmap="Greys_r", alpha=0.55)
            shades.set_rasterized(True)
            for trail in value["trails"]:
                if trail:
                    axis.plot(*np.array(trail).T, ".", color="#D62728", markersize=1.6, alpha=0.5)
            paths = np.array(value["actions"])[..., 0]  # [M, K, N]
            for k in range(paths.shape[1]):
                axis.plot(*paths[:, k].T, color="#0072B2", linewidth=0.6, alpha=0.7)
                axis.plot(*paths[-1, k], "o", color="#0072B2", markersize=2.5)
            axis.plot(5, 5, "*", color="#E69F00", markersize=9, markeredgecolor="black", markeredgewidth=0.5)
            successes, n = hits(found[name, warm_up, SIGMA])
            axis.set_title(f"{name}: {successes} of {n}", loc="left", fontsize=9)
            axis.set_aspect("equal")
            axis.grid(visible=False)
            axis.set_xlim(-10, 10)
            axis.set_ylim(-10, 10)
            axis.set_xticks((-10, -5, 0, 5, 10))
        row[0].set_ylabel(f"{warm_up} uniform episodes\nagent 2's action")
    for axis in axes[-1]:
        axis.set_xlabel("agent 1's action")
    return drawn


FIGURE_2 = PaperEntry(
    "figure2",
    "games",
    "how six methods move over the differential game's surface, and how widely they explore",
    claims.CLAIMS["figure2"],
    cells,
    run,
    checks,
    tables=tables,
    figure=figure,
    caption="Greedy joint actions of all seeds while they learn (blue, a dot at the end) over the reward "
    "(light: high; star: the global optimum); red: what three of the seeds explored before they converged, "
    "uniform episodes left out. Above each panel: seeds that end at the global optimum.",
)
