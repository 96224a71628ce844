"""Tables, summary and figures from the records of a folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fop_bench.records.json_files import write_json
from fop_core.errors import FopError

from . import fidelity_figures, published_results
from .agreement_tables import agreement_tables
from .captioned_tables import CaptionedTable, as_markdown, as_text
from .fidelity_records import (
    AGREEMENT,
    FORCED_PLAYBACK,
    HEALTH,
    HEURISTIC,
    REPLAYS,
    SENSITIVITY,
    Record,
    read_records,
)
from .forced_playback import forced_tables
from .health_tables import health_tables
from .map_summary import MapSummary, summarise
from .replay_tables import replay_tables
from .sensitivity_tables import sensitivity_tables


@dataclass(frozen=True)
class Found:
    """What a folder has: records of each part, and the replays' summary."""

    replays: list[Record]
    heuristic: list[Record]
    sensitivity: list[Record]
    forced: list[Record]
    health: list[Record]
    agreement: list[Record]
    maps: dict[str, MapSummary]


def load(folder: Path) -> Found:
    """Reads a folder that a fidelity command wrote.

    Raises:
        FopError: it has no records.
    """
    files = (REPLAYS, HEURISTIC, SENSITIVITY, FORCED_PLAYBACK, HEALTH, AGREEMENT)
    found = [read_records(folder / name) for name in files]
    if not any(found):
        raise FopError(f"{folder} has no records of fidelity: expected one of {', '.join(files)}")
    replays, heuristic, sensitivity, forced, health, agreement = found
    return Found(replays, heuristic, sensitivity, forced, health, agreement, summarise(replays))


def all_tables(found: Found) -> list[CaptionedTable]:
    """Tables of every part that has records."""
    result = replay_tables(found.maps) if found.maps else []
    if found.heuristic:
        result += published_results.policy_tables(found.heuristic)
    if found.sensitivity:
        result += sensitivity_tables(found.sensitivity)
    return (
        result + forced_tables(found.forced) + health_tables(found.health) + agreement_tables(found.agreement)
    )


def text(found: Found) -> str:
    return as_text(all_tables(found))


def engines(found: Found) -> str:
    """Versions of the engine that made the records."""
    parts = (found.replays, found.heuristic, found.sensitivity, found.forced, found.health, found.agreement)
    records = (record for part in parts for record in part)
    return ", ".join(sorted({record.engine for record in records if hasattr(record, "engine")}))


def write(folder: Path, found: Found, command: Sequence[str]) -> list[Path]:
    """Writes `results.md`, `summary.json` and the figures beside the records; returns what it wrote."""
    markdown = (
        f"# Fidelity\n\nEngine: {engines(found)}. Made by `{shlex.join(command)}`.\n\n"
        f"{as_markdown(all_tables(found))}\n"
    )
    try:
        (folder / "results.md").write_text(markdown, encoding="utf-8")
        drawn = fidelity_figures.draw(found.replays, found.maps, folder / "figures") if found.maps else []
    except OSError as error:
        raise FopError(f"cannot write into {folder}: {error.strerror or error}") from error
    write_json(
        folder / "summary.json",
        {
            "engine": engines(found),
            "maps": found.maps,
            "heuristic": published_results.policies(found.heuristic),
        },
    )
    return [folder / "results.md", folder / "summary.json", *drawn]
