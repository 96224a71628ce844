"""Figure 6: what the four maps look like, drawn from the engine's own data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from fop_bench.jobs.blocks import Tell
from fop_bench.report.figure_style import pyplot
from fop_envs.smac.maps import SIZE, load_map
from fop_envs.smac.skirmish import BODY_RADII, UNIT_TYPES, SkirmishEnv

from . import claims
from .entry import Cell, Check, PaperEntry, Result
from .map_cells import MAPS, settings

FLYERS = frozenset({"Medivac"})
"""Who needs no ground."""
CONDITION = (
    "the paper's figure, pictures of StarCraft II, could not be read: ours is compared with SMAC's list "
    "of maps and their ground alone"
)

# The smaller and the larger type of a side, and flyers: agents in blues, the enemy in oranges.
SHADES = (("#5aa5dc", "#0b4f8a", "#c6e2f7"), ("#f59a50", "#a8440b", "#fddcc0"))
INK = ("#0b4f8a", "#a8440b")  # of words about a side
VOID, LOW, HIGH, EDGE = "#c9cdd3", "#f3efe6", "#cfe0bb", "#6f7680"
LEVELS = (8.0, 10.0)
"""Heights of low and high ground."""
WIDTH, CELL = 7.2, 0.112
"""Inches of the figure and of a cell in it."""
ZOOM, ZOOMED = 2.15, 6.4
"""Cells from the middle to the edge of what is shown larger, and cells that it takes."""


def cells(seeds: int) -> list[Cell]:
    """One for each map: spawn places know no chance, so no seeds."""
    return [
        Cell(f"start of {name}", settings(name) | {"seed": 0, "episode": 0, "first_loops": 0})
        for name in MAPS
    ]


def run(cell: Cell, tell: Tell) -> Any:
    """Ground, heights and bodies of a world that was just reset, before its first loop.

    `ground` and `heights` are rows from the south; a body is `[player, type, x, y, radius]` in cells.
    """
    name = cell.settings["map"]
    env = SkirmishEnv(name, seed=cell.settings["seed"], first_loops=cell.settings["first_loops"])
    env.reset(np.array([0]), np.array([cell.settings["episode"]]))
    terrain = load_map(name).terrain
    return {
        "ground": terrain.walkable_open.astype(int).tolist(),
        "heights": (terrain.height * (32 / 255) - 16).round(2).tolist(),
        "bodies": [
            [
                int(unit["player"]),
                UNIT_TYPES[unit["type"]],
                float(unit["x"]),
                float(unit["y"]),
                BODY_RADII[unit["type"]],
            ]
            for unit in env.units(0)
        ],
    }


def checks(results: Sequence[Result]) -> list[Check]:
    """As many bodies as SMAC's list of maps says, and all that need ground on it."""
    found = []
    for result in results:
        name, ground = result.cell.settings["map"], np.array(result.value["ground"], bool)
        counts = Counter(player for player, *_ in result.value["bodies"])
        off = [
            f"{kind} at ({x:g}, {y:g})"
            for _, kind, x, y, _ in result.value["bodies"]
            if kind not in FLYERS and not ground[int(y), int(x)]
        ]
        agents, enemies = claims.SMAC_UNITS[name]
        found.append(
            Check(
                name,
                f"(not read; SMAC's list: {agents} agents, {enemies} enemies)",
                f"{counts[0]} agents, {counts[1]} enemies, "
                + (f"off the ground: {', '.join(off)}" if off else "all on the ground"),
                counts == {0: agents, 1: enemies} and not off,
                None,
                CONDITION,
            )
        )
    return found


def figure(results: Sequence[Result]) -> Any:
    """Two panels a row, on one scale."""
    grounds = [np.array(result.value["ground"], bool) for result in results]
    spans = [_span(grounds[k : k + 2]) for k in range(0, len(grounds), 2)]
    tall = [high - low for low, high in spans]
    drawn, axes = pyplot().subplots(
        len(spans),
        2,
        figsize=(WIDTH, CELL * sum(tall) + 0.85 * len(spans)),
        squeeze=False,
        layout="compressed",
        height_ratios=tall,
    )
    drawn.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.04, hspace=0.05)
    for place, (axis, result) in enumerate(zip(axes.flat, results, strict=False)):
        _terrain(axis, grounds[place], np.array(result.value["heights"]))
        _bodies(axis, result.value["bodies"])
        _legend(axis, result.value["bodies"])
        _closer(axis, result.value["bodies"], spans[place // 2][1] - 1.3)
        axis.set_title(
            f"({'abcd'[place]}) {result.cell.settings['map']}", loc="left", fontweight="bold", fontsize=9
        )
        axis.set(xlim=(1, SIZE - 1), ylim=spans[place // 2], aspect="equal")
        axis.set_xticks(range(4, SIZE, 4))
        axis.set_yticks(
            [tick for tick in range(4, SIZE, 4) if spans[place // 2][0] < tick < spans[place // 2][1]]
        )
        axis.tick_params(length=2, labelsize=6, color=EDGE, labelcolor=EDGE, pad=1.5)
        axis.grid(False)
        axis.spines[:].set(visible=True, color=EDGE, linewidth=0.6)
    for axis in axes.flat[len(results) :]:
        axis.set_visible(False)
    return drawn


def _span(grounds: Sequence[Any]) -> tuple[float, float]:
    """From south to north: all ground of a row of panels and a cell around it."""
    rows = np.flatnonzero(np.any(grounds, axis=(0, 2)))
    return float(rows[0]) - 1, float(rows[-1]) + 2


def _terrain(axis: Any, ground: Any, heights: Any) -> None:
    """Ground by height, what is no ground in grey, and a line where ground ends."""
    from matplotlib.collections import LineCollection, PolyCollection
    from matplotlib.colors import LinearSegmentedColormap

    axis.set_facecolor(VOID)
    tint = LinearSegmentedColormap.from_list("ground", (LOW, HIGH))
    # Runs of equal cells make one rectangle each: a small SVG, and no seams within a row.
    boxes, colours = [], []
    for y, (row, levels) in enumerate(zip(ground, heights.round(), strict=True)):
        starts = [0, *(x for x in range(1, SIZE) if (row[x], levels[x]) != (row[x - 1], levels[x - 1]))]
        for x, end in zip(starts, [*starts[1:], SIZE], strict=True):
            if row[x]:
                boxes.append([(x, y), (end, y), (end, y + 1), (x, y + 1)])
                colours.append(tint((levels[x] - LEVELS[0]) / (LEVELS[1] - LEVELS[0])))
    axis.add_collection(PolyCollection(boxes, facecolors=colours, edgecolors=colours, linewidths=0.3))
    walls = [
        [(x, y), (x, y + 1)] for y in range(SIZE) for x in range(1, SIZE) if ground[y, x] != ground[y, x - 1]
    ]
    walls += [
        [(x, y), (x + 1, y)] for y in range(1, SIZE) for x in range(SIZE) if ground[y, x] != ground[y - 1, x]
    ]
    high = np.argwhere(ground & (heights > sum(LEVELS) / 2))
    if len(high):
        y, x = high.max(axis=0)[0], high.mean(axis=0)[1] + 0.5
        axis.text(
            x, y - 0.2, "higher ground", fontsize=6.5, style="italic", color="#55683f", ha="center", va="top"
        )
    axis.add_collection(LineCollection(walls, colors=EDGE, linewidths=0.9, capstyle="projecting"))


def _bodies(axis: Any, bodies: Sequence[Any]) -> None:
    """Every body at its place and size; flyers can be seen through."""
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Circle

    for player, kind, x, y, radius in sorted(bodies, key=lambda body: body[1] in FLYERS):
        fill = to_rgba(_fill(bodies, player, kind), 0.4 if kind in FLYERS else 1.0)
        axis.add_patch(Circle((x, y), radius, facecolor=fill, edgecolor=INK[player], linewidth=0.6, zorder=3))


def _fill(bodies: Sequence[Any], player: int, kind: str) -> str:
    """The colour of a side's type: the second shade is for the larger of two types on the ground."""
    ground = sorted(
        {(radius, name) for owner, name, _, _, radius in bodies if owner == player and name not in FLYERS}
    )
    return SHADES[player][2 if kind in FLYERS else [name for _, name in ground].index(kind)]


def _legend(axis: Any, bodies: Sequence[Any]) -> None:
    """Below the panel, who they are."""
    from matplotlib.colors import to_rgba
    from matplotlib.lines import Line2D

    counts = Counter((player, radius, kind) for player, kind, _, _, radius in bodies)
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            markersize=2 * radius * CELL * 72,
            markerfacecolor=to_rgba(_fill(bodies, player, kind), 0.4 if kind in FLYERS else 1.0),
            markeredgecolor=INK[player],
            markeredgewidth=0.6,
            label=f"{('agents', 'enemy')[player]}: {count} × {kind}",
        )
        for (player, radius, kind), count in sorted(counts.items())
    ]
    axis.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.05),
        ncols=2,
        fontsize=7,
        handletextpad=0.4,
        columnspacing=2.5,
        labelspacing=0.7,
        borderpad=0.2,
    )


def _closer(axis: Any, bodies: Sequence[Any], top: float) -> None:
    """Armies with flyers, which hide others, once more and larger, below `top`."""
    for player in (0, 1):
        side = [body for body in bodies if body[0] == player]
        if not any(kind in FLYERS for _, kind, *_ in side):
            continue
        x, y = (np.ptp([body[k] for body in side]) / 2 + min(body[k] for body in side) for k in (2, 3))
        inset = axis.inset_axes((x - ZOOMED / 2, top - ZOOMED, ZOOMED, ZOOMED), transform=axis.transData)
        inset.set(xlim=(x - ZOOM, x + ZOOM), ylim=(y - ZOOM, y + ZOOM), xticks=[], yticks=[], aspect="equal")
        inset.set_facecolor("white")
        inset.spines[:].set(visible=True, color=EDGE, linewidth=0.5)
        _bodies(inset, side)
        axis.indicate_inset_zoom(inset, edgecolor=EDGE, linewidth=0.5, alpha=0.8)


FIGURE_6 = PaperEntry(
    "figure6",
    "maps",
    "what the four maps look like",
    claims.CLAIMS["figure6"],
    cells,
    run,
    checks,
    figure=figure,
    caption="The four maps before the first loop, from the engine's own data: ground (green: higher), walls "
    "and void (grey), agents (blue) and enemy (orange), bodies to scale; ticks count cells.",
)
