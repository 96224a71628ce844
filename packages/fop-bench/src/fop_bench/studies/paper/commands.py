"""The arguments of `fop-bench reproduce`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

SUMMARY = "draw the paper's tables and figures again, beside what the paper says"
EXAMPLES = """\
examples:
  fop-bench reproduce table4 figure6             these two
  fop-bench reproduce games                      all of the paper's tables and figures but training on SMAC
  fop-bench reproduce beyond                     what the paper leaves open
  fop-bench reproduce page runs/reproduce        docs/reproducing.md again, with its figures, from the records

Ctrl-C at any moment keeps every cell that is done; the same command goes on where it stopped.
"""


SEEDS = 20
"""Of each cell where there is chance, unless the command line says otherwise."""


def add_entries(parser: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    """The options that run entries."""
    parser.add_argument(
        "entries", nargs="+", metavar="ENTRY", help="e.g. table4, figure2; maps, games, beyond, all"
    )
    _seeds(parser, count)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/reproduce"),
        metavar="DIR",
        help="records, tables and figures; cells that are on record there are not run again "
        "(default: %(default)s)",
    )
    parser.add_argument("--workers", type=count, metavar="W", help="processes (default: cores)")


def add_page(parser: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    """The options that write the page."""
    parser.add_argument("folder", type=Path, help="a folder that fop-bench reproduce wrote")
    _seeds(parser, count)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("docs/reproducing.md"),
        metavar="FILE",
        help="the page; its figures go to figures/reproduce beside it (default: %(default)s)",
    )


def _seeds(parser: argparse.ArgumentParser, count: Callable[[str], int]) -> None:
    parser.add_argument(
        "--seeds",
        type=count,
        default=SEEDS,
        metavar="N",
        help="of each cell where there is chance (default: %(default)s)",
    )


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Runs entries or writes the page; returns the exit status."""
    if args.part == "page":
        from .page import write_page

        for path in write_page(args.folder, args.out, args.seeds):
            print(f"wrote {path}")
        return 0
    from .run import run as reproduce

    return reproduce(args, command)
