"""Tables, summary and figures from the records of a folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from fop_bench.records.json_files import write_json
from fop_core.errors import FopError

from .all_parts import PARTS
from .captioned_tables import CaptionedTable, as_markdown, as_text
from .fidelity_records import read_records
from .study_part import Found


def load(folder: Path) -> Found:
    """Reads a folder that a fidelity command wrote.

    Raises:
        FopError: it has no records.
    """
    found = {part.name: read_records(folder / part.file) for part in PARTS}
    if not any(found.values()):
        files = ", ".join(part.file for part in PARTS)
        raise FopError(f"{folder} has no records of fidelity: expected one of {files}")
    return Found(found)


def all_tables(found: Found) -> list[CaptionedTable]:
    """Tables of every part that has records."""
    return [table for part in PARTS for table in part.tables(found)]


def text(found: Found) -> str:
    return as_text(all_tables(found))


def engines(found: Found) -> str:
    """Versions of the engine that made the records."""
    records = (record for part in found.records.values() for record in part)
    return ", ".join(sorted({record.engine for record in records if hasattr(record, "engine")}))


def draw(found: Found, folder: Path, suffixes: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Draws the figures of every part that has records; returns the paths."""
    return [path for part in PARTS for path in part.draw(found, folder, suffixes)]


def write(folder: Path, found: Found, command: Sequence[str]) -> list[Path]:
    """Writes `results.md`, `summary.json` and the figures beside the records; returns what it wrote."""
    markdown = (
        f"# Fidelity\n\nEngine: {engines(found)}. Made by `{shlex.join(command)}`.\n\n"
        f"{as_markdown(all_tables(found))}\n"
    )
    try:
        (folder / "results.md").write_text(markdown, encoding="utf-8")
        drawn = draw(found, folder / "figures")
    except OSError as error:
        raise FopError(f"cannot write into {folder}: {error.strerror or error}") from error
    summary = {"engine": engines(found)}
    for part in PARTS:
        summary |= part.summary(found)
    write_json(folder / "summary.json", summary)
    return [folder / "results.md", folder / "summary.json", *drawn]
