"""Tables with a title and a sentence on what their numbers mean, for a terminal or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fop_bench.report import text_tables

WORDS = frozenset(
    {
        "net",
        "map",
        "option",
        "value",
        "who left first",
        "earliest",
        "goal",
        "piled up",
        "set",
        "options",
        "situation",
        "result",
        "by episode",
        "likelihood",
        "verdict",
    }
)
"""Columns of words."""


@dataclass(frozen=True)
class CaptionedTable:
    """A table with what its numbers mean."""

    title: str
    rows: list[list[str]]
    caption: str

    @property
    def text(self) -> str:
        return f"{self.title}\n\n{text_tables.as_text(self.rows, WORDS)}\n\n{self.caption}"

    @property
    def markdown(self) -> str:
        return f"### {self.title}\n\n{self.body}\n\n{self.caption}"

    @property
    def body(self) -> str:
        """Its rows alone, as Markdown."""
        return text_tables.as_markdown(self.rows, WORDS)


def percent(share: float) -> str:
    return f"{100 * share:.0f}"


def as_text(tables: Sequence[CaptionedTable]) -> str:
    return "\n\n\n".join(table.text for table in tables)


def as_markdown(tables: Sequence[CaptionedTable]) -> str:
    return "\n\n".join(table.markdown for table in tables)
