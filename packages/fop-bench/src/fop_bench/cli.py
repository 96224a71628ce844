"""The command line: which commands there are, how one is found, and what its errors look like.

A command's module is imported when the command is asked for; its arguments are known there.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from fop_core.errors import UnknownName, sentence

from . import __version__
from .arguments import Command, Parser, UsageError, listed

DESCRIPTION = (
    "Train and compare FOP and its baselines on SMAC's 23 maps (embedded engine) and on one-step games."
)
EXAMPLES = """\
examples:
  fop-bench list                                     what can be run
  fop-bench smac --maps all                          FOP on all 23 maps: a first look, under 20 minutes
  fop-bench smac --maps 3m --algos fop,qmix,vdn --steps 500k --seeds 3
                                                     learning curves of three algorithms, three seeds each
  fop-bench smac --maps MMM2 --preset paper          the paper's protocol: 2,050,000 steps, five seeds
  fop-bench matrix --algos fop,qmix,vdn --seeds 20   who finds the optimum of the paper's matrix game
  fop-bench matrix --games all --payoff my_game.json the same of other games, named or your own
  fop-bench differential                             who finds the optimum of its game with continuous actions
  fop-bench evaluate runs/NAME/3m/fop/seed-0         greedy episodes of a trained team
  fop-bench report runs/NAME                         table and figures again, from the records alone
  fop-bench fidelity --recordings DIR                the engine beside recordings of StarCraft II
  fop-bench reproduce table4 figure6                 tables and figures of the paper, beside what it says
"""


class Place(NamedTuple):
    """Where a command is, and what it does in one line."""

    module: str
    name: str
    summary: str


COMMANDS = {
    "smac": Place("run.train_command", "SMAC", "train on SMAC's maps, played by the embedded engine"),
    "matrix": Place(
        "run.train_command",
        "MATRIX",
        "train on one-step matrix games, the paper's by default, and see who finds the optimum",
    ),
    "differential": Place(
        "run.train_command",
        "DIFFERENTIAL",
        "train on the paper's differential game (continuous actions) and see who ends at its optimum",
    ),
    "list": Place(
        "run.list_command",
        "LIST",
        "maps, games, payoffs and algorithms, one line each; with an algorithm's name, its config",
    ),
    "evaluate": Place("run.evaluate_command", "EVALUATE", "play greedy episodes with a trained team"),
    "report": Place(
        "report.report_command", "REPORT", "make table and figures again from the records (no torch needed)"
    ),
    "fidelity": Place(
        "studies.fidelity.fidelity_command",
        "FIDELITY",
        "compare the engine with recordings of StarCraft II and with published results",
    ),
    "reproduce": Place(
        "studies.paper.reproduce_command",
        "REPRODUCE",
        "draw the paper's tables and figures again, beside what the paper says",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0, 1 (it failed), 2 (it can't be asked for), 130 (Ctrl-C)."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        if not argv or argv[0].startswith("-"):
            return _about(argv)
        command, args = _parse(argv)
        return command.run(args, ["fop-bench", *argv])
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("fop-bench: stopped", file=sys.stderr)
        return 130
    except Exception as error:
        if "--debug" in argv:
            raise
        print(f"fop-bench: {sentence(error)}", file=sys.stderr)
        return 2 if isinstance(error, UsageError | UnknownName) else 1


def _about(argv: Sequence[str]) -> int:
    """What `fop-bench` says without a command; 2 where nothing was asked for."""
    commands = listed({name: place.summary for name, place in COMMANDS.items()})
    parser = Parser(
        "fop-bench",
        usage="fop-bench [-h] [--version] COMMAND ...",
        description=DESCRIPTION,
        epilog=f"commands (fop-bench COMMAND --help):\n{commands}\n\n{EXAMPLES}",
    )
    parser.add_argument("--version", action="version", version=f"fop-bench {__version__}")
    _check_options(parser, argv)
    parser.parse_known_args(argv)
    parser.print_help()
    return 2


def _parse(argv: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """The command, or its part, that the first words name, and its arguments from the others."""
    name, *rest = argv
    if name not in COMMANDS:
        raise UnknownName("command", name, COMMANDS)
    place = COMMANDS[name]
    command: Command = getattr(import_module(f"fop_bench.{place.module}"), place.name)
    prog, summary = f"fop-bench {name}", place.summary
    if command.parts and rest and not rest[0].startswith("-"):
        if rest[0] in command.parts:
            part, *rest = rest
            command = command.parts[part]
            prog, summary = f"{prog} {part}", command.summary
        elif not command.takes_words:
            raise UnknownName(f"part of {name}", rest[0], command.parts)
    parser = _parser(prog, summary, command)
    _check_options(parser, rest)
    args, unknown = parser.parse_known_args(rest)
    if unknown:
        raise UsageError(
            f"unexpected argument {unknown[0]!r} (lists are separated by commas, without spaces)"
        )
    return command, args


def _parser(prog: str, summary: str, command: Command) -> Parser:
    parts = listed({name: part.summary for name, part in command.parts.items()})
    parser = Parser(
        prog,
        description=command.description or f"{summary[0].upper()}{summary[1:]}.",
        epilog=(f"parts ({prog} PART --help):\n{parts}\n\n" if parts else "") + command.examples,
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command.add_arguments(parser)
    return parser


def _check_options(parser: Parser, words: Sequence[str]) -> None:
    """Raises `UnknownName`, which offers the nearest, for an option that the parser doesn't know."""
    options = [option for action in parser._actions for option in action.option_strings]
    for word in words:
        if word.startswith("--") and word.partition("=")[0] not in options:
            raise UnknownName("option", word.partition("=")[0], options)
