"""Win rates of nets on our battles against those in StarCraft II."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fop_bench.report.figure_style import COLOURS, STYLE, pyplot, save

from .fidelity_records import RealResult, TransferPlays

BAND = 5
"""Points on both sides of the diagonal."""
MARKERS = ("o", "s", "^", "D", "v")
GREY = "#666666"


def draw(
    judged: Sequence[tuple[TransferPlays, RealResult]], folder: Path, suffixes: Sequence[str]
) -> list[Path]:
    """Draws `transfer`, a dot for each net; nothing without nets. Returns the paths."""
    if not judged:
        return []
    with pyplot().rc_context(STYLE):
        figure, axis = pyplot().subplots(figsize=(5.6, 4.2), layout="constrained")
        ends = [-10, 110]
        axis.fill_between(
            ends,
            [end - BAND for end in ends],
            [end + BAND for end in ends],
            color="#e8e8e8",
            linewidth=0,
            label=f"within {BAND} points",
        )
        axis.plot(ends, ends, color=GREY, linewidth=0.8)
        for place, name in enumerate(dict.fromkeys(one.map for one, _ in judged)):
            some = [(one, real) for one, real in judged if one.map == name]
            x = [100 * real.battle_won for _, real in some]
            y = [100 * one.ours.value for one, _ in some]
            intervals = [real.interval or (real.battle_won, real.battle_won) for _, real in some]
            axis.errorbar(
                x,
                y,
                xerr=_reach(x, [(100 * low, 100 * high) for low, high in intervals]),
                yerr=_reach(y, [(100 * one.ours.low, 100 * one.ours.high) for one, _ in some]),
                fmt=MARKERS[place // len(COLOURS) % len(MARKERS)],
                markersize=4,
                linewidth=0.6,
                alpha=0.85,
                color=COLOURS[place % len(COLOURS)],
                label=f"{name} ({len(some)})",
            )
        axis.set(xlim=(-3, 103), ylim=(-3, 103), aspect="equal")
        axis.set_xlabel("won in StarCraft II, %")
        axis.set_ylabel("won on this engine, %")
        axis.legend(loc="lower right", fontsize=8)
        return save(figure, folder, "transfer", suffixes)


def _reach(values: Sequence[float], intervals: Sequence[tuple[float, float]]) -> list[list[float]]:
    """How far intervals reach below and above; a value outside its interval has none on that side."""
    return [
        [max(0.0, value - low) for value, (low, _) in zip(values, intervals, strict=True)],
        [max(0.0, high - value) for value, (_, high) in zip(values, intervals, strict=True)],
    ]
