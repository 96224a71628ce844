"""Learning curves from records, a panel for each task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fop_bench.records.run_records import Test

from . import statistics
from .figure_style import COLOURS, STYLE, pyplot, save
from .runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_curves(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Draws `learning_curves` (all tasks) and one figure for each task, as PNG and SVG; returns the paths.

    Tasks without any test are left out. With three seeds or more the line is the median and the band the
    25th to 75th percentile of seeds; with fewer, the line is the share of episodes won and the band Wilson's
    interval.
    """
    by_task: dict[str, dict[str, list[Run]]] = {}
    for run in runs:
        if run.tests:
            by_task.setdefault(run.manifest.task, {}).setdefault(run.manifest.algorithm, []).append(run)
    if not by_task:
        return []
    algorithms = sorted({name for lines in by_task.values() for name in lines})
    colours = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(algorithms)}
    figures = {task: [task] for task in by_task}
    if len(by_task) > 1:
        figures["learning_curves"] = list(by_task)
    paths = []
    with pyplot().rc_context(STYLE):
        for name, tasks in figures.items():
            columns = min(4, len(tasks)) if len(tasks) != 1 else 1
            rows = math.ceil(len(tasks) / columns)
            width, height = (5.2, 3.4) if len(tasks) == 1 else (2.9, 2.2)
            figure, axes = pyplot().subplots(
                rows, columns, figsize=(width * columns, height * rows), squeeze=False, layout="constrained"
            )
            for axis, task in zip(axes.flat, tasks, strict=False):
                _panel(axis, task, by_task[task], colours)
            for axis in axes.flat[len(tasks) :]:
                axis.set_visible(False)
            figure.supxlabel(_band_meaning(by_task[tasks[0]]), fontsize=7, color="#666666")
            paths += save(figure, folder, name)
    return paths


def _panel(axis: Axes, task: str, lines: dict[str, list[Run]], colours: dict[str, str]) -> None:
    wins = all(test.won is not None for group in lines.values() for run in group for test in run.tests)
    for name, group in sorted(lines.items()):
        steps, middle, low, high = curve(group, wins)
        seeds = f" ({len(group)} seeds)" if len(group) > 1 else ""
        marker = "o" if len(steps) < 15 else None
        axis.plot(
            steps, middle, color=colours[name], label=name + seeds, linewidth=1.6, marker=marker, markersize=3
        )
        axis.fill_between(steps, low, high, color=colours[name], alpha=0.18, linewidth=0)
    axis.set_title(task, fontweight="bold", loc="left")
    axis.set_xlabel("environment steps")
    axis.set_ylabel("test win rate" if wins else "test return")
    axis.xaxis.set_major_formatter(_compact)
    axis.set_xlim(left=0)
    if wins:
        axis.set_ylim(-0.02, 1.02)
    axis.legend(loc="best", fontsize=8)


def _band_meaning(lines: dict[str, list[Run]]) -> str:
    tests = next(iter(lines.values()))[0].tests
    if tests[0].won is not None and max(map(len, lines.values())) < 3:
        return "band: 95% Wilson interval of the test episodes"
    return "line: median over seeds; band: 25th to 75th percentile"


def _compact(value: float, _position: float) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def curve(runs: Sequence[Run], wins: bool) -> tuple[list[float], list[float], list[float], list[float]]:
    """Steps, middle line, and lower and upper edge of the band of runs that differ in the seed only.

    Test k of every run makes point k; the curve ends where the shortest run ends.
    """
    points = list(zip(*(run.tests for run in runs), strict=False))
    steps = [float(np.mean([test.env_steps for test in tests])) for tests in points]
    bands = [_band(tests, wins) for tests in points]
    return steps, [b.value for b in bands], [b.low for b in bands], [b.high for b in bands]


def _band(tests: Sequence[Test], wins: bool) -> statistics.Estimate:
    if wins and len(tests) < 3:
        won = [episode for test in tests for episode in test.won or []]
        return statistics.wilson(sum(won), len(won))
    if wins:
        values = [sum(test.won or []) / len(test.returns) for test in tests]
    else:
        values = [float(np.mean(test.returns)) for test in tests]
    low, middle, high = np.percentile(values, [25, 50, 75])
    return statistics.Estimate(float(middle), float(low), float(high))
