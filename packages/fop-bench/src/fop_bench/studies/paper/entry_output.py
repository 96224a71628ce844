"""Tables and figures of entries, from the results of their cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fop_bench.jobs.progress import duration
from fop_bench.records.json_files import write_json
from fop_bench.report.figure_style import STYLE, pyplot, save
from fop_bench.report.text_tables import as_markdown, as_text
from fop_core.errors import FopError

from .entry import PaperEntry, Result
from .settings import SEEDS

WORDS = frozenset({"what", "paper", "ours", "agrees", "entry", "verdict", "command"})
"""Columns of words, which begin at the left."""
FIGURES = "figures"


def command_of(entry: PaperEntry, seeds: int) -> str:
    """What makes an entry's records."""
    return f"fop-bench reproduce {entry.name}" + (f" --seeds {seeds}" if seeds != SEEDS else "")


def document(entry: PaperEntry, results: Sequence[Result], seeds: int) -> dict[str, Any]:
    """All that is to be said of an entry; Markdown and JSON are made of it."""
    judged = entry.judged(results)
    return {
        "entry": entry.name,
        "paper": {
            "name": entry.claim.name,
            "claim": entry.claim.text,
            "source": f"FOP (ICML 2021), appendix {entry.claim.section}" if entry.claim.section else None,
            "unread": entry.claim.unread,
        },
        "verdict": judged.agreement,
        "why": judged.why,
        "rows": [check.row for check in entry.checks(results)] if entry.checks else [],
        "tables": [
            {"title": table.title, "rows": table.rows, "words": sorted(table.words)}
            for table in (entry.tables(results) if entry.tables else [])
        ],
        "cells": [
            {"key": r.cell.key, "settings": dict(r.cell.settings), "seconds": r.seconds} for r in results
        ],
        "command": command_of(entry, seeds),
    }


Layout = Callable[[list[list[str]], frozenset[str]], str]


def _tables(found: dict[str, Any], layout: Layout) -> list[str]:
    """Checks, then the other tables, each below its title."""
    parts = []
    if rows := found["rows"]:
        parts.append(layout([list(rows[0]), *(list(row.values()) for row in rows)], WORDS))
    for table in found["tables"]:
        parts += [table["title"], layout(table["rows"], frozenset(table["words"]))]
    return parts


def text(found: dict[str, Any]) -> str:
    """For a terminal."""
    head = f"{found['paper']['name']}: {found['paper']['claim']}"
    return "\n\n".join([head, *_tables(found, as_text), _verdict(found)])


def markdown(found: dict[str, Any], figure: str = "") -> str:
    """For a page or a file; `figure` is what shows the figure, if there is one."""
    paper = found["paper"]
    unread = f" Could not be read: {paper['unread']}." if paper["unread"] else ""
    seconds = sum(cell["seconds"] for cell in found["cells"])
    spent = "less than a second" if seconds < 1 else duration(seconds)
    judged = f"{_verdict(found)[0].upper()}{_verdict(found)[1:]}"
    parts = [
        f"# {paper['name']}",
        f"The paper ({paper['source']}): {paper['claim']}{unread}" if paper["source"] else paper["claim"],
        f"**{judged.replace(':', ':**', 1)}",
        *_tables(found, as_markdown),
        figure,
        f"Made by `{found['command']}`: {len(found['cells'])} cells, {spent} of one core.",
    ]
    return "\n\n".join(part for part in parts if part)


def _verdict(found: dict[str, Any]) -> str:
    return f"{found['verdict']}: {found['why']}"


def draw(
    entry: PaperEntry, results: Sequence[Result], folder: Path, suffixes: Sequence[str] = ("png", "svg")
) -> list[Path]:
    """Draws an entry's figure, if it has one, as `<entry>.png` and `<entry>.svg`; returns the paths."""
    if entry.figure is None:
        return []
    with pyplot().rc_context(STYLE):
        return save(entry.figure(results), folder, entry.name, suffixes)


def image(entry: PaperEntry, folder: str) -> str:
    """What shows the figure of an entry that has one, in a page beside `folder`."""
    if entry.figure is None:
        return ""
    return f"![{entry.claim.name}]({folder}/{entry.name}.png)\n\n{entry.caption}"


def write(folder: Path, entry: PaperEntry, results: Sequence[Result], seeds: int) -> list[Path]:
    """Writes `<entry>.md`, `<entry>.json` and the figure into `folder`; returns what it wrote.

    Raises:
        FopError: it can't be written.
    """
    found = document(entry, results, seeds)
    page, data = folder / f"{entry.name}.md", folder / f"{entry.name}.json"
    try:
        page.write_text(markdown(found, image(entry, FIGURES)) + "\n", encoding="utf-8")
        drawn = draw(entry, results, folder / FIGURES)
    except OSError as error:
        raise FopError(f"cannot write into {folder}: {error.strerror or error}") from error
    write_json(data, found)
    return [page, data, *drawn]
