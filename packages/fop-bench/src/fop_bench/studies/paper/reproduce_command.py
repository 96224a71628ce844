"""`fop-bench reproduce`: the paper's tables and figures beside ours."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from fop_bench.arguments import Command, Parser, count, listed

from .entries import ENTRIES, GROUPS
from .settings import SEEDS

EXAMPLES = """\
examples:
  fop-bench reproduce table4 figure6             these two
  fop-bench reproduce games                      all of the paper's tables and figures but training on SMAC
  fop-bench reproduce beyond                     what the paper leaves open
  fop-bench reproduce page runs/reproduce        docs/reproducing.md again, with its figures, from the records

Ctrl-C at any moment keeps every cell that is done; the same command goes on where it stopped.
"""


def what_there_is() -> str:
    """Entries and groups, each with one line."""
    entries = {name: entry.summary for name, entry in ENTRIES.items()}
    groups = {name: group.summary for name, group in GROUPS.items()}
    return f"entries:\n{listed(entries)}\n\ngroups of entries:\n{listed(groups)}\n"


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "entries", nargs="*", metavar="ENTRY", help="entries or groups of entries; they are listed below"
    )
    _add_seeds(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/reproduce"),
        metavar="DIR",
        help="records, tables and figures; cells that are on record there are not run again "
        "(default: %(default)s)",
    )
    parser.add_argument("--workers", type=count, metavar="W", help="processes (default: cores)")


def add_page_arguments(parser: Parser) -> None:
    parser.add_argument("folder", type=Path, help="a folder that fop-bench reproduce wrote")
    _add_seeds(parser)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("docs/reproducing.md"),
        metavar="FILE",
        help="the page; its figures go to figures/reproduce beside it (default: %(default)s)",
    )


def _add_seeds(parser: Parser) -> None:
    parser.add_argument(
        "--seeds",
        type=count,
        default=SEEDS,
        metavar="N",
        help="of each cell where there is chance (default: %(default)s)",
    )


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Runs entries; without any, says what there is (exit status 2, as `fop-bench` without a command)."""
    if not args.entries:
        print(f"fop-bench reproduce ENTRY...\n\n{what_there_is()}\n{EXAMPLES}", end="")
        return 2
    from .run_cells import run_entries

    return run_entries(args, command)


def run_page(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Writes the page."""
    from .reproducing_page import write_page

    for path in write_page(args.folder, args.out, args.seeds):
        print(f"wrote {path}")
    return 0


REPRODUCE = Command(
    add_arguments,
    run,
    examples=f"{what_there_is()}\n{EXAMPLES}",
    parts={"page": Command(add_page_arguments, run_page, "write the page of all entries from the records")},
    takes_words=True,
)
