"""`fop-bench smac`, `matrix` and `differential`: from a command line to trained runs and their table."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Container, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from fop_bench.arguments import Command, Parser, count, folder_name, minutes, setting
from fop_bench.jobs.processes import ProcessPool
from fop_bench.records.plan import Budget, Plan
from fop_bench.records.run_records import RECORDS, End, read_records
from fop_bench.report.result_files import write
from fop_bench.report.result_table import WORDS, caption, engines, table
from fop_bench.report.runs import load
from fop_bench.report.text_tables import as_text

from . import folders, presets, selection
from .run_job import RunJob
from .session import main as serve_runs
from .stacking import together
from .tasks import environment, games, maps
from .tasks import payoffs as read_payoffs

RESUMING = """\
Ctrl-C at any moment keeps the records and a checkpoint of every run; the same command with --resume goes on
where it stopped. A second start without --resume writes into a new folder.

`fop-bench list fop` shows every field of fop's config that --set can change.
"""


def add_smac(parser: Parser) -> None:
    parser.add_argument("--maps", required=True, metavar="A,B", help="maps, or all (see fop-bench list)")
    add_run_options(parser, "fop")


def add_matrix(parser: Parser) -> None:
    parser.add_argument("--games", metavar="A,B", help="named payoffs, or all (see fop-bench list)")
    parser.add_argument(
        "--payoff",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a game of your own: .json (nested lists), .csv (2 agents) or .npy; repeatable",
    )
    add_run_options(parser, "fop,qmix,vdn")


def add_differential(parser: Parser) -> None:
    add_run_options(parser, "all")


def add_run_options(parser: Parser, algorithms: str) -> None:
    """What the three have in common; `algorithms` are trained where `--algos` names none."""
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
        type=setting,
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="any field of an algorithm's config; fop.FIELD=VALUE for one of several algorithms; repeatable",
    )
    how_long = parser.add_argument_group("for how long (the first limit reached ends a run)")
    how_long.add_argument("--steps", type=count, metavar="N", help="environment steps of each run (500k, 2M)")
    how_long.add_argument("--updates", type=count, metavar="N", help="gradient updates of each run")
    how_long.add_argument(
        "--minutes", type=minutes, metavar="M", help="minutes of each run, its tests included"
    )
    how_long.add_argument("--test-every", type=count, metavar="N", help="environment steps between two tests")
    how_long.add_argument("--test-episodes", type=count, metavar="N", help="greedy episodes of a test")
    where = parser.add_argument_group("where to write")
    where.add_argument(
        "--out", type=folder_name, metavar="DIR", help="default: a new folder runs/<suite>-<time>"
    )
    where.add_argument(
        "--resume", action="store_true", help="go on with the newest run of this command, or --out"
    )
    speed = parser.add_argument_group("speed (changes no number)")
    speed.add_argument(
        "--envs",
        type=count,
        metavar="E",
        help="environments stepped together in each run (fixed where seeds are together)",
    )
    speed.add_argument("--workers", type=count, metavar="W", help="processes (default: cores)")
    speed.add_argument(
        "--checkpoint-minutes",
        type=minutes,
        default=3.0,
        metavar="M",
        help="between checkpoints (default: 3)",
    )


def make_plan(suite: str, args: argparse.Namespace) -> Plan:
    """The plan of a command line; `suite` is the command.

    Raises:
        UnknownName, UsageError: it can't be run (names, numbers, config fields).
    """
    payoffs: dict[str, list[Any]] = {}
    if suite == "smac":
        tasks = selection.names(args.maps, maps(), "map")
    elif suite == "differential":
        tasks = ["differential"]
    else:
        payoffs = read_payoffs(args.payoff)
        named = games(args.games) if args.games is not None else []
        tasks = [*named, *payoffs] or ["matrix"]  # the paper's game, as the environment has it
    algorithms = selection.algorithms(args.algos, [environment(task, payoffs).spec for task in tasks])
    preset = presets.preset(suite, args.preset)
    given = args.steps is not None or args.updates is not None or args.minutes is not None
    plan = Plan(
        suite=suite,
        preset=args.preset,
        tasks=tasks,
        algorithms=algorithms,
        seeds=selection.seeds(args.seeds) if args.seeds is not None else list(range(preset.seeds)),
        budget=Budget(
            env_steps=args.steps if given else preset.steps,
            updates=args.updates if given else preset.updates,
            minutes=args.minutes if given else preset.minutes,
            min_updates=preset.min_updates,
        ),
        test_every=args.test_every or preset.test_every,
        test_episodes=args.test_episodes or preset.test_episodes,
        settings=dict(args.settings),
        payoffs=payoffs,
    )
    if plan.settings:
        presets.check(plan)
    return plan


def run(suite: str, args: argparse.Namespace, command: Sequence[str]) -> int:
    """Trains, shows, reports. Returns the exit status."""
    plan = make_plan(suite, args)
    folder = (folders.resume if args.resume else folders.start)(plan, args.out)
    keys = list(plan.runs())
    todo = [key for key in keys if not _finished(folder / key.folder)]
    jobs = [
        RunJob(runs, plan, folder, args.envs, args.checkpoint_minutes * 60, list(command))
        for runs in together(plan, folder, todo)
    ]
    processes = min(args.workers or os.cpu_count() or 1, max(1, len(jobs)))
    print(banner(plan, folder, len(todo), len(jobs), processes, command), flush=True)
    pool = ProcessPool(
        serve_runs,
        jobs,
        len(keys),
        args.debug,
        what="runs",
        counts={job.key: len(job.runs) for job in jobs},
        stopping="saving checkpoints",
        again="--resume goes on from its checkpoint",
    )
    interrupted = pool.run(processes)
    ours = {folder / key.folder for key in keys}  # --out may hold other runs, deeper below
    runs = load(folder) if any((run / RECORDS).exists() for run in ours) else []
    runs = [run for run in runs if run.folder in ours]
    if runs:
        print("\n" + as_text(table(runs), WORDS) + "\n\n" + caption(runs))
    if interrupted:
        print(f"\nstopped; to go on:\n  {folders.resume_command(command, folder)}", flush=True)
        return 130
    for key, message in pool.failures.items():
        print(f"fop-bench: {key}: {message}", file=sys.stderr)
    if runs:
        write(folder, runs)
        print(f"\nrecords, table and figures: {folder}", flush=True)
    return 1 if pool.failures else 0


def banner(plan: Plan, folder: Path, todo: int, jobs: int, processes: int, command: Sequence[str]) -> str:
    """Engine, algorithms, budget, seeds, folder, and the command of the paper's protocol."""
    total = len(list(plan.runs()))
    budget = []
    if plan.budget.env_steps is not None:
        budget.append(f"{plan.budget.env_steps:,} environment steps")
    if plan.budget.updates is not None:
        budget.append(f"{plan.budget.updates:,} updates")
    if plan.budget.minutes is not None:
        budget.append(f"{plan.budget.minutes:g} minutes")
    text = " or ".join(budget) + " per run"
    if plan.budget.minutes is not None and plan.budget.min_updates:
        text += f", but at least {plan.budget.min_updates} updates"
    tests = f"every {plan.test_every:,} steps and at the end, {plan.test_episodes} greedy episodes"
    embedded = " (embedded, not StarCraft II)" if plan.suite == "smac" else ""
    played = [environment(task, plan.payoffs).spec.engine for task in plan.tasks]
    lines = {
        "engine": engines(played) + embedded,
        "tasks": f"{len(plan.tasks)}: {', '.join(plan.tasks)}",
        "algorithms": ", ".join(plan.algorithms),
        "seeds": ", ".join(map(str, plan.seeds)),
        "budget": text,
        "tests": tests,
        "runs": str(total)
        + (f", the seeds of a setting together: {jobs} jobs" if jobs < todo else "")
        + f", {processes} at a time"
        + (f" ({total - todo} done before)" if todo < total else ""),
        "writes to": str(folder),
    }
    if plan.settings:
        lines["settings"] = ", ".join(f"{name}={value}" for name, value in plan.settings.items())
    if plan.preset != "paper":
        words = ["fop-bench", plan.suite]
        words += _options(command, ("--maps", "--games", "--payoff"))
        words += ["--algos", ",".join(plan.algorithms), "--preset", "paper"]
        lines["paper's run"] = f"{shlex.join(words)}  ({presets.preset(plan.suite, 'paper').summary})"
    return "\n".join(f"{name:<12} {value}" for name, value in lines.items()) + "\n"


def _options(command: Sequence[str], names: Container[str]) -> list[str]:
    """These options of a command line, with their values."""
    kept = []
    for word, following in zip(command, [*command[1:], ""], strict=True):
        if word in names:
            kept += [word, following]
        elif word.partition("=")[0] in names:
            kept.append(word)
    return kept


def _finished(folder: Path) -> bool:
    if not (folder / RECORDS).exists():
        return False
    records = read_records(folder / RECORDS)
    last = records[-1] if records else None
    return isinstance(last, End) and last.outcome == "finished"


SMAC = Command(
    add_smac,
    partial(run, "smac"),
    examples="examples:\n"
    "  fop-bench smac --maps all\n"
    "  fop-bench smac --maps 3m,MMM2 --algos fop,qmix --minutes 5\n"
    "  fop-bench smac --maps 3m --steps 500k --seeds 3 --set gamma=0.98\n"
    "  fop-bench smac --maps all --preset paper --resume\n\n" + RESUMING,
)
MATRIX = Command(
    add_matrix,
    partial(run, "matrix"),
    examples="examples:\n"
    "  fop-bench matrix --algos fop,qmix,vdn --seeds 20\n"
    "  fop-bench matrix --games climbing,penalty-50,random-3x4-0 --seeds 5\n"
    "  fop-bench matrix --payoff my_game.json --payoff another.csv\n\n" + RESUMING,
)
DIFFERENTIAL = Command(
    add_differential,
    partial(run, "differential"),
    examples="examples:\n  fop-bench differential --algos maddpg,maac --seeds 5\n\n" + RESUMING,
)
