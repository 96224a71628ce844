"""Tables, summary and figures from the records of a folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fop_bench.run.records import write_json
from fop_core.errors import FopError

from . import anchors, figures, tables
from .records import HEURISTIC, REPLAYS, SENSITIVITY, Record, read
from .summary import MapSummary, summarise
from .tables import Table


@dataclass(frozen=True)
class Found:
    """What a folder has: records of each part, and the replays' summary."""

    replays: list[Record]
    heuristic: list[Record]
    sensitivity: list[Record]
    maps: dict[str, MapSummary]


def load(folder: Path) -> Found:
    """Reads a folder that a fidelity command wrote.

    Raises:
        FopError: it has no records.
    """
    replays, heuristic, sensitivity = (read(folder / name) for name in (REPLAYS, HEURISTIC, SENSITIVITY))
    if not (replays or heuristic or sensitivity):
        raise FopError(
            f"{folder} has no records of fidelity: expected {REPLAYS}, {HEURISTIC} or {SENSITIVITY}"
        )
    return Found(replays, heuristic, sensitivity, summarise(replays))


def all_tables(found: Found) -> list[Table]:
    """Tables of every part that has records."""
    result = tables.replay_tables(found.maps) if found.maps else []
    if found.heuristic:
        result += anchors.policy_tables(found.heuristic)
    if found.sensitivity:
        result += anchors.sensitivity_tables(found.sensitivity)
    return result


def text(found: Found) -> str:
    return tables.as_text(all_tables(found))


def engines(found: Found) -> str:
    """Versions of the engine that made the records."""
    records = (*found.replays, *found.heuristic, *found.sensitivity)
    return ", ".join(sorted({record.engine for record in records if hasattr(record, "engine")}))


def write(folder: Path, found: Found, command: Sequence[str]) -> list[Path]:
    """Writes `results.md`, `summary.json` and the figures beside the records; returns what it wrote."""
    markdown = (
        f"# Fidelity\n\nEngine: {engines(found)}. Made by `{shlex.join(command)}`.\n\n"
        f"{tables.as_markdown(all_tables(found))}\n"
    )
    try:
        (folder / "results.md").write_text(markdown, encoding="utf-8")
        drawn = figures.draw(found.replays, found.maps, folder / "figures") if found.maps else []
    except OSError as error:
        raise FopError(f"cannot write into {folder}: {error.strerror or error}") from error
    write_json(
        folder / "summary.json",
        {
            "engine": engines(found),
            "maps": found.maps,
            "heuristic": anchors.policies(found.heuristic),
        },
    )
    return [folder / "results.md", folder / "summary.json", *drawn]
