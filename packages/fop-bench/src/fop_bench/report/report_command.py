"""`fop-bench report`: table and figures again, from the records of a folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from fop_bench.arguments import Command, Parser, folder_name

from .result_files import write
from .result_table import WORDS, caption, table
from .runs import load
from .text_tables import as_text


def add_arguments(parser: Parser) -> None:
    parser.add_argument("folder", type=folder_name, help="a folder that fop-bench wrote")


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Prints the table, writes table and figures."""
    runs = load(args.folder)
    print(as_text(table(runs), WORDS), caption(runs), sep="\n\n")
    for path in write(args.folder, runs):
        print(f"wrote {path}")
    return 0


REPORT = Command(add_arguments, run)
