"""The commands. Only arguments are handled here; torch is imported by the commands that train."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from fop_bench.run.plan import UsageError
from fop_bench.studies.fidelity import commands as fidelity_commands
from fop_bench.studies.paper import commands as reproduce_commands
from fop_core.errors import UnknownName, sentence

from . import __version__

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
  fop-bench fidelity --recordings DIR                the engine against recordings of StarCraft II
  fop-bench reproduce table4 figure6                 tables and figures of the paper, beside what it says
"""
RUN_EPILOG = """\
Ctrl-C at any moment keeps the records and a checkpoint of every run; the same command with --resume goes on
where it stopped. A second start without --resume writes into a new folder.

`fop-bench list fop` shows every field of fop's config that --set can change.
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage in front of it."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _count(text: str) -> int:
    """A positive whole number; `500k` and `2M` are understood."""
    scale = {"k": 1_000, "m": 1_000_000}.get(text[-1:].lower(), 1)
    try:
        value = float(text[:-1] if scale > 1 else text.replace(",", "")) * scale
    except ValueError:
        value = 0.0
    if not (1 <= value < 2**53 and value == int(value)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number (as in 20000, 500k, 2M)")
    return int(value)


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of minutes")
    return value


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name of the folder is empty")
    return Path(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^63 - 1")
    return int(text)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form field=value")
    return name.strip().replace("-", "_"), value.strip()


def _add_run_options(parser: argparse.ArgumentParser, algorithms: str) -> None:
    what = parser.add_argument_group("what to run")
    what.add_argument(
        "--algos", default=algorithms, metavar="A,B", help="algorithms, or all (default: %(default)s)"
    )
    what.add_argument(
        "--seeds", default=None, metavar="N", help="how many (3 means 0,1,2), a list (0,4,7) or a range (5-9)"
    )
    what.add_argument(
        "--preset", default="quick", metavar="NAME", help="quick: a first look; paper: the paper's protocol"
    )
    what.add_argument(
        "--set",
        dest="settings",
        type=_setting,
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="any field of an algorithm's config; fop.FIELD=VALUE for one of several algorithms; repeatable",
    )
    how_long = parser.add_argument_group("for how long (the first limit reached ends a run)")
    how_long.add_argument(
        "--steps", type=_count, metavar="N", help="environment steps of each run (500k, 2M)"
    )
    how_long.add_argument("--updates", type=_count, metavar="N", help="gradient updates of each run")
    how_long.add_argument(
        "--minutes", type=_minutes, metavar="M", help="minutes of each run, its tests included"
    )
    how_long.add_argument(
        "--test-every", type=_count, metavar="N", help="environment steps between two tests"
    )
    how_long.add_argument("--test-episodes", type=_count, metavar="N", help="greedy episodes of a test")
    where = parser.add_argument_group("where to write")
    where.add_argument("--out", type=_folder, metavar="DIR", help="default: a new folder runs/<suite>-<time>")
    where.add_argument(
        "--resume", action="store_true", help="go on with the newest run of this command, or --out"
    )
    speed = parser.add_argument_group("speed (changes no number)")
    speed.add_argument("--envs", type=_count, metavar="E", help="environments stepped together in each run")
    speed.add_argument(
        "--workers", type=_count, metavar="W", help="runs trained at the same time (default: cores)"
    )
    speed.add_argument(
        "--checkpoint-minutes",
        type=_minutes,
        default=3.0,
        metavar="M",
        help="between checkpoints (default: 3)",
    )


def _parser() -> tuple[_Parser, dict[str, _Parser]]:
    common = _Parser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    style: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    parser = _Parser(prog="fop-bench", description=DESCRIPTION, epilog=EXAMPLES, **style)
    parser.add_argument("--version", action="version", version=f"fop-bench {__version__}")
    commands: argparse._SubParsersAction[_Parser] = parser.add_subparsers(
        dest="command", metavar="command", required=True, parser_class=_Parser
    )

    def add(name: str, text: str, epilog: str = "") -> _Parser:
        return commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=epilog,
            parents=[common],
            **style,
        )

    smac = add(
        "smac",
        "train on SMAC's maps, played by the embedded engine",
        "examples:\n"
        "  fop-bench smac --maps all\n"
        "  fop-bench smac --maps 3m,MMM2 --algos fop,qmix --minutes 5\n"
        "  fop-bench smac --maps 3m --steps 500k --seeds 3 --set gamma=0.98\n"
        "  fop-bench smac --maps all --preset paper --resume\n\n" + RUN_EPILOG,
    )
    smac.add_argument("--maps", required=True, metavar="A,B", help="maps, or all (see fop-bench list)")
    _add_run_options(smac, "fop")
    matrix = add(
        "matrix",
        "train on one-step matrix games, the paper's by default, and see who finds the optimum",
        "examples:\n"
        "  fop-bench matrix --algos fop,qmix,vdn --seeds 20\n"
        "  fop-bench matrix --games climbing,penalty-50,random-3x4-0 --seeds 5\n"
        "  fop-bench matrix --payoff my_game.json --payoff another.csv\n\n" + RUN_EPILOG,
    )
    matrix.add_argument("--games", metavar="A,B", help="named payoffs, or all (see fop-bench list)")
    matrix.add_argument(
        "--payoff",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a game of your own: .json (nested lists), .csv (2 agents) or .npy; repeatable",
    )
    _add_run_options(matrix, "fop,qmix,vdn")
    differential = add(
        "differential",
        "train on the paper's differential game (continuous actions) and see who ends at its optimum",
        "examples:\n  fop-bench differential --algos maddpg,maac --seeds 5\n\n" + RUN_EPILOG,
    )
    _add_run_options(differential, "all")
    listing = add(
        "list", "maps, games, payoffs and algorithms, one line each; with an algorithm's name, its config"
    )
    listing.add_argument("algorithm", nargs="?", help="show this algorithm's config fields")
    evaluate = add("evaluate", "play greedy episodes with a trained team")
    evaluate.add_argument("checkpoint", type=Path, help="a run's folder (runs/NAME/TASK/ALGORITHM/seed-K)")
    evaluate.add_argument("--episodes", type=_count, default=100, metavar="N", help="default: %(default)s")
    evaluate.add_argument(
        "--seed", type=_seed, default=1_000_000, metavar="S", help="of the test's environments"
    )
    evaluate.add_argument(
        "--envs", type=_count, default=32, metavar="E", help="environments stepped together"
    )
    report = add("report", "make table and figures again from the records (no torch needed)")
    report.add_argument("folder", type=Path, help="a folder that fop-bench wrote")
    fidelity = add("fidelity", "hold the engine against recordings of StarCraft II and public figures")
    fidelity.description, fidelity.epilog = fidelity_commands.DESCRIPTION, fidelity_commands.EXAMPLES
    reproduce = add("reproduce", reproduce_commands.SUMMARY)
    parts: argparse._SubParsersAction[_Parser] = fidelity.add_subparsers(
        dest="part", metavar="part", required=True, parser_class=_Parser
    )

    verbs: argparse._SubParsersAction[_Parser] = reproduce.add_subparsers(
        dest="part", metavar="part", required=True, parser_class=_Parser
    )

    def part(of: argparse._SubParsersAction[_Parser], name: str, text: str, **more: Any) -> _Parser:
        return of.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            parents=[common],
            **style | more,
        )

    fidelity_commands.add_parts(lambda name, text: part(parts, name, text), _count, _setting)
    reproduce_commands.add_entries(
        part(
            verbs,
            "entries",
            reproduce_commands.SUMMARY,
            prog=reproduce.prog,
            epilog=reproduce_commands.EXAMPLES,
        ),
        _count,
    )
    reproduce_commands.add_page(part(verbs, "page", "write the page of all entries from the records"), _count)
    everything = dict(commands.choices)
    for command, choices in (("fidelity", parts.choices), ("reproduce", verbs.choices)):
        everything |= {f"{command} {name}": parser_ for name, parser_ in choices.items()}
    return parser, everything


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser, commands = _parser()
    if argv and not argv[0].startswith("-") and argv[0] not in commands:
        raise UnknownName("command", argv[0], [name for name in commands if " " not in name])
    if not argv:
        parser.print_help()
        raise SystemExit(2)
    name, rest = argv[0], list(argv[1:])
    if name == "reproduce":
        if rest[:1] != ["page"]:
            rest.insert(0, "entries")
        argv, name, rest = [name, *rest], f"{name} {rest[0]}", rest[1:]
    elif name == "fidelity" and rest[:1] not in (["-h"], ["--help"]):
        if not rest or rest[0].startswith("-"):
            rest.insert(0, "all")
        argv, name, rest = [name, *rest], f"{name} {rest[0]}", rest[1:]
        if name not in commands:
            parts = [part.removeprefix("fidelity ") for part in commands if part.startswith("fidelity ")]
            raise UnknownName("part of fidelity", argv[1], parts)
    if name in commands:
        options = [o for action in commands[name]._actions for o in action.option_strings]
        for word in rest:
            if word.startswith("--") and word.partition("=")[0] not in options:
                raise UnknownName("option", word.partition("=")[0], options)
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        raise UsageError(
            f"unexpected argument {unknown[0]!r} (lists are separated by commas, without spaces)"
        )
    return args


def _dispatch(args: argparse.Namespace, argv: Sequence[str]) -> int:
    if args.command == "list":
        from .run import tasks as catalogue

        print(catalogue.fields(args.algorithm) if args.algorithm else catalogue.listing())
        return 0
    if args.command == "report":
        from .report import tables as report

        runs = report.load(args.folder)
        print(report.as_text(report.table(runs)), report.caption(runs), sep="\n\n")
        for path in report.write(args.folder, runs):
            print(f"wrote {path}")
        return 0
    if args.command == "evaluate":
        from fop_bench.run.evaluate import evaluate

        print(evaluate(args.checkpoint, args.episodes, args.seed, args.envs))
        return 0
    if args.command == "fidelity":
        return fidelity_commands.run(args, ["fop-bench", *argv])
    if args.command == "reproduce":
        return reproduce_commands.run(args, ["fop-bench", *argv])
    from fop_bench.run.command import run

    return run(args, ["fop-bench", *argv])


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0, 1 (it failed), 2 (it can't be asked for), 130 (Ctrl-C)."""
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(_parse(argv), argv)
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
