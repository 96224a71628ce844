"""The pages on the paper's entries, generated from the records of a folder: one for all, and one for each."""

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
"""Beside the page for all."""


def write_page(folder: Path, out: Path, seeds: int) -> list[Path]:
    """Writes the page for all, those of the entries into a folder of its name, and the figures; returns the
    paths.

    Raises:
        FopError: the folder has no entry with all its cells, or a page can't be written.
    """
    done = read_cells(folder)
    if all(results_of(entry, seeds, done) is None for entry in ENTRIES.values()):
        raise FopError(f"{folder} has no entry with all its cells of {seeds} seeds in {CELLS}")
    written = []
    try:
        for name, text in pages(done, seeds, out.stem).items():
            path = out.parent / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
        for entry in ENTRIES.values():
            if (found := results_of(entry, seeds, done)) is not None:
                written += draw(entry, found, out.parent / FIGURES, ("png",))
    except OSError as error:
        raise FopError(f"cannot write {out}: {error.strerror or error}") from error
    return written


def pages(done: Mapping[str, CellRecord], seeds: int, stem: str = "reproducing") -> dict[str, str]:
    """Pages as Markdown by their files' names: `<stem>.md` with the verdicts and the names of entries that
    haven't all their cells in `done`, and `<stem>/<entry>.md` of each that has.
    """
    summary = [["entry", "verdict", "command"]]
    found_pages: dict[str, str] = {}
    missing = []
    seconds: dict[str, float] = {}
    questions = {name: entry.claim for name, entry in ENTRIES.items() if entry.group == "beyond"}
    for name, claim in (claims.CLAIMS | questions).items():
        entry = ENTRIES.get(name)
        found = results_of(entry, seeds, done) if entry else None
        if entry is None or found is None:
            missing.append(claim.name)
            continue
        if entry.group != "beyond":
            seconds |= {result.cell.key: result.seconds for result in found}
        summary.append(
            [
                f"[{claim.name}]({stem}/{name}.md)",
                entry.judged(found).agreement,
                f"`{command_of(entry, seeds)}`",
            ]
        )
        text = markdown(document(entry, found, seeds), image(entry, f"../{FIGURES}"))
        back = f"This page is generated; [all entries](../{stem}.md) says how."
        found_pages[f"{stem}/{name}.md"] = f"{text}\n\n{back}\n"
    template = files("fop_bench.studies.paper").joinpath("data/page.md").read_text(encoding="utf-8")
    head = template.format(
        summary=as_markdown(summary, WORDS),
        cost=f"{len(seconds)} cells, {duration(sum(seconds.values()))} of one core",
        missing=f"Not here yet: {', '.join(missing)}.\n\n" if missing else "",
    )
    return {f"{stem}.md": head} | found_pages
