"""The common style of figures, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Okabe and Ito's palette: told apart by people with any kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.hashsalt": "fop",
    "figure.dpi": 100,
    "savefig.dpi": 160,
}


def pyplot() -> Any:
    """Matplotlib's pyplot, drawing into files only (it has no useful types)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def save(figure: Any, folder: Path, name: str, suffixes: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Writes a figure as `name.png` and `name.svg` into `folder`, closes it and returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix in suffixes:
        path = folder / f"{name}.{suffix}"
        figure.savefig(path, metadata={"Date": None} if suffix == "svg" else None)
        paths.append(path)
    pyplot().close(figure)
    return paths
