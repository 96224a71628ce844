"""The page that collects all entries, generated from the records of a folder."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from fop_bench.jobs.progress import duration
from fop_bench.report.text_tables import as_markdown
from fop_core.errors import FopError

from . import claims
from .cell_records import CELLS, CellRecord, read_cells, results_of
from .entries import ENTRIES
from .entry_output import WORDS, command_of, document, draw, image, markdown

FIGURES = "figures/reproduce"


def write_page(folder: Path, out: Path, seeds: int) -> list[Path]:
    """Writes the page and its figures, in `figures/reproduce` beside it; returns the paths.

    Raises:
        FopError: the folder has no entry with all its cells, or the page can't be written.
    """
    done = read_cells(folder)
    if all(results_of(entry, seeds, done) is None for entry in ENTRIES.values()):
        raise FopError(f"{folder} has no entry with all its cells of {seeds} seeds in {CELLS}")
    text = page(done, seeds)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
        drawn = [
            path
            for entry in ENTRIES.values()
            if (found := results_of(entry, seeds, done)) is not None
            for path in draw(entry, found, out.parent / FIGURES, ("png",))
        ]
    except OSError as error:
        raise FopError(f"cannot write {out}: {error.strerror or error}") from error
    return [out, *drawn]


def page(done: Mapping[str, CellRecord], seeds: int) -> str:
    """The page as Markdown: entries that have all their cells in `done`, and the names of the others."""
    summary = [["entry", "verdict", "command"]]
    parts, missing = [], []
    seconds: dict[str, float] = {}
    questions = {name: entry.claim for name, entry in ENTRIES.items() if entry.group == "beyond"}
    for name, claim in (claims.CLAIMS | questions).items():
        entry = ENTRIES.get(name)
        found = results_of(entry, seeds, done) if entry else None
        if entry is None or found is None:
            missing.append(claim.name)
            continue
        judged = entry.judged(found).agreement
        if entry.group != "beyond":
            seconds |= {result.cell.key: result.seconds for result in found}
        command = command_of(entry, seeds)
        summary.append([f"[{claim.name}](#{claim.name.lower().replace(' ', '-')})", judged, f"`{command}`"])
        parts.append(markdown(document(entry, found, seeds), image(entry, FIGURES)))
    template = files("fop_bench.studies.paper").joinpath("data/page.md").read_text(encoding="utf-8")
    return template.format(
        summary=as_markdown(summary, WORDS),
        cost=f"{len(seconds)} cells, {duration(sum(seconds.values()))} of one core",
        missing=f"Not here yet: {', '.join(missing)}.\n\n" if missing else "",
        entries="\n\n".join(parts),
    )
