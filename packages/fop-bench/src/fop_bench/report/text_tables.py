"""Rows of text as a table, for a terminal or as Markdown. The first row has the columns' names."""

from __future__ import annotations

from collections.abc import Container


def as_text(rows: list[list[str]], left: Container[str]) -> str:
    """Aligned columns for a terminal or a log; those in `left` begin at the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = (
            cell.ljust(width) if name in left else cell.rjust(width)
            for cell, width, name in zip(row, widths, rows[0], strict=True)
        )
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def as_markdown(rows: list[list[str]], left: Container[str]) -> str:
    """A table of Markdown; columns in `left` are set to the left."""
    header, *body = rows
    rule = [":--" if name in left else "--:" for name in header]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *body])
