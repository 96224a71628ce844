"""Figures from records: paths over the terrain, times of deaths, errors by loop, quantiles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fop_bench.report.figure_style import COLOURS, STYLE, pyplot, save
from fop_envs.smac.maps import SIZE, load_map

from .fidelity_records import Play, Record, Reference, Tracks
from .map_summary import MapSummary
from .medians import percentile
from .quantiles import loops_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AGENTS, ENEMY = COLOURS[0], COLOURS[1]
GREY = "#666666"
DPI = 110
"""Of PNGs: there are many of them."""


def draw(
    records: Sequence[Record],
    summary: Mapping[str, MapSummary],
    folder: Path,
    suffixes: Sequence[str] = ("png", "svg"),
) -> list[Path]:
    """Draws `tracks-MAP` and `deaths-MAP` for each map, `errors` and `quantiles` for all; returns the
    paths."""
    paths = []
    with pyplot().rc_context(STYLE | {"savefig.dpi": DPI}):
        for name, figure in _figures(records, summary, pyplot()):
            paths += save(figure, folder, name, suffixes)
    return paths


def _figures(
    records: Sequence[Record], summary: Mapping[str, MapSummary], pyplot: Any
) -> list[tuple[str, Any]]:
    """Names and figures (matplotlib's have no useful types)."""
    drawn: list[tuple[str, Any]] = []
    tracks = {record.map: record for record in records if isinstance(record, Tracks)}
    for name in summary:
        if name in tracks:
            drawn.append((f"tracks-{name}", _tracks(tracks[name], pyplot)))
        drawn.append((f"deaths-{name}", _deaths(name, records, pyplot)))
    drawn.append(("errors", _errors(summary, pyplot)))
    drawn.append(("quantiles", _quantiles(summary, pyplot)))
    return drawn


def _tracks(tracks: Tracks, pyplot: Any) -> Any:
    places = np.array([place for seed in tracks.ways for path in seed for place in path])
    places = np.concatenate([places, *(np.array(p) for p in (tracks.moves, tracks.targets) if p)])
    low, high = places.min(axis=0) - 1, places.max(axis=0) + 1
    width, height = high - low
    scale = min(7.0 / width, 5.5 / height)
    figure, axis = pyplot.subplots(
        figsize=(max(5.5, 0.5 + scale * width), 1.1 + scale * height), layout="constrained"
    )
    walkable = load_map(tracks.map).terrain.walkable_open
    axis.imshow(
        np.where(walkable, 1.0, 0.0), origin="lower", extent=(0, SIZE, 0, SIZE), cmap="gray", vmin=-5, vmax=1
    )
    crowded = len(tracks.ways[0]) > 24
    shown = tracks.ways[: 2 if crowded else None]
    for seed in shown:
        for unit, path in enumerate(seed):
            x, y = zip(*path, strict=True)
            colour = AGENTS if unit < tracks.n_agents else ENEMY
            axis.plot(x, y, color=colour, linewidth=0.4 if crowded else 0.7, alpha=0.35 if crowded else 0.55)
    for sightings, colour, marker, label in (
        (tracks.moves, AGENTS, "o", "recorded, agents at move orders"),
        (tracks.targets, ENEMY, "s", "recorded, enemies at orders on them"),
    ):
        if sightings:
            x, y = zip(*sightings, strict=True)
            axis.scatter(
                x,
                y,
                s=14,
                marker=marker,
                color=colour,
                edgecolors="black",
                linewidths=0.5,
                zorder=3,
                label=label,
            )
    axis.plot([], [], color=GREY, linewidth=1, label=f"engine, {len(shown)} seeds")
    axis.set_xlim(low[0], high[0])
    axis.set_ylim(low[1], high[1])
    axis.grid(False)
    axis.set_title(f"{tracks.map}, episode {tracks.episode}", fontweight="bold", loc="left")
    axis.set_xlabel("cells from the west")
    axis.set_ylabel("cells from the south")
    axis.set_aspect("equal")
    figure.legend(loc="outside lower center", ncols=3 if figure.get_figwidth() > 7 else 2, fontsize=7)
    return figure


def _deaths(name: str, records: Sequence[Record], pyplot: Any) -> Any:
    references = [
        r for r in records if isinstance(r, Reference) and r.map == name and r.source == "recording"
    ]
    plays: dict[int, list[Play]] = {}
    for record in records:
        if isinstance(record, Play) and record.map == name and record.source == "recording":
            plays.setdefault(record.episode, []).append(record)
    panels = ("first kill", "first loss", "median kill", "end")
    figure, axes = pyplot.subplots(
        1, len(panels), figsize=(10, 1.3 + 0.17 * len(references)), sharey=True, layout="constrained"
    )
    for axis, statistic in zip(axes, panels, strict=True):
        _rows(axis, statistic, references, plays)
    axes[0].set_ylabel("episode")
    axes[0].invert_yaxis()
    figure.suptitle(name, fontweight="bold", x=0.01, ha="left", fontsize=10)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=7)
    return figure


def _rows(
    axis: Axes, statistic: str, references: Sequence[Reference], plays: Mapping[int, list[Play]]
) -> None:
    everything: list[Reference | Play] = [*references]
    for reference in references:
        everything += plays[reference.episode]
    finite = [value for item in everything if math.isfinite(value := loops_of(item)[statistic])]
    edge = max(finite, default=1.0) * 1.08
    for reference in references:
        sample = [loops_of(play)[statistic] for play in plays[reference.episode]]
        low, middle, high = (min(percentile(sample, q), edge) for q in (10, 50, 90))
        first = reference is references[0]
        row = reference.episode
        axis.plot([low, high], [row, row], color="#9ecae1", linewidth=5, solid_capstyle="butt", zorder=2)
        axis.plot(
            middle, row, "|", color=AGENTS, markersize=7, zorder=3, label="engine, median" if first else None
        )
        recorded = min(loops_of(reference)[statistic], edge)
        axis.plot(
            recorded, row, "D", color=ENEMY, markersize=3.5, zorder=4, label="recording" if first else None
        )
    axis.plot([], [], color="#9ecae1", linewidth=5, label="engine, 10 to 90 %")
    if len(finite) < len(everything):
        axis.axvline(edge, color=GREY, linewidth=0.7, linestyle=":")
        axis.text(
            edge, 1.0, "never", transform=axis.get_xaxis_transform(), fontsize=6, ha="center", va="bottom"
        )
    axis.set_title(statistic, fontsize=9)
    axis.set_xlabel("loop")
    axis.set_xlim(0, 1.03 * edge)


def _errors(summary: Mapping[str, MapSummary], pyplot: Any) -> Any:
    columns = min(3, len(summary))
    rows = math.ceil(len(summary) / columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(3.3 * columns, 2.4 * rows), squeeze=False, layout="constrained"
    )
    for axis, (name, item) in zip(axes.flat, summary.items(), strict=False):
        for comparison, style in ((item.recording, "-"), (item.noise_floor, ":")):
            if comparison is None or not comparison.by_loop:
                continue
            table = np.array(comparison.by_loop, float)
            for column, colour, label in ((1, AGENTS, "agents"), (3, ENEMY, "enemies")):
                kind = "" if style == "-" else ", noise floor"
                axis.plot(
                    table[:, 0], table[:, column], style, color=colour, linewidth=1.3, label=f"{label}{kind}"
                )
                if style == "-":
                    axis.fill_between(
                        table[:, 0],
                        table[:, column],
                        table[:, column + 1],
                        color=colour,
                        alpha=0.13,
                        linewidth=0,
                    )
        axis.set_yscale("symlog", linthresh=0.1)
        axis.set_ylim(bottom=0)
        axis.set_yticks([0, 0.05, 0.1, 0.5, 1, 5], labels=["0", ".05", ".1", ".5", "1", "5"])
        axis.set_title(name, fontweight="bold", loc="left")
        axis.set_xlabel("loop")
        axis.set_ylabel("cells off")
    for axis in list(axes.flat)[len(summary) :]:
        axis.set_visible(False)
    handles, labels = max(
        (axis.get_legend_handles_labels() for axis in axes.flat), key=lambda pair: len(pair[1])
    )
    figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=8)
    figure.supxlabel("lines: medians; bands: up to the 90th percentile", fontsize=7, color=GREY)
    return figure


def _quantiles(summary: Mapping[str, MapSummary], pyplot: Any) -> Any:
    columns = min(3, len(summary))
    rows = math.ceil(len(summary) / columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(3.3 * columns, 2.1 * rows), squeeze=False, sharey=True, layout="constrained"
    )
    edges = np.linspace(0, 1, 11)
    for axis, (name, item) in zip(axes.flat, summary.items(), strict=False):
        for comparison, label in ((item.recording, "recordings"), (item.noise_floor, "noise floor")):
            if comparison is None or not comparison.quantiles.values:
                continue
            share = np.histogram(comparison.quantiles.values, edges)[0] / len(comparison.quantiles.values)
            if label == "recordings":
                axis.bar(edges[:-1] + 0.05, share, 0.09, color=AGENTS, label=label)
            else:
                axis.stairs(share, edges, color=ENEMY, linewidth=1.4, label="the engine's own episodes")
        axis.axhline(0.1, color=GREY, linewidth=0.8, linestyle=":")
        axis.set_title(name, fontweight="bold", loc="left")
        axis.set_xlabel("quantile among own plays")
        axis.set_ylabel("share")
    for axis in list(axes.flat)[len(summary) :]:
        axis.set_visible(False)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=8)
    return figure
