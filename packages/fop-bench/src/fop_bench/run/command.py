"""From a command line to a table: plan, folder, runs, report."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

from fop_bench.jobs.processes import Order, Pool
from fop_bench.report import tables as report

from . import plan as plans
from . import presets
from . import tasks as catalogue
from .plan import Plan
from .records import RECORDS, Budget, End, read_records
from .session import main as work


def make_plan(args: argparse.Namespace) -> Plan:
    """The plan of a command line.

    Raises:
        UnknownName, UsageError: it can't be run (names, numbers, config fields).
    """
    suite = args.command
    payoffs: dict[str, list[Any]] = {}
    if suite == "smac":
        tasks = plans.names(args.maps, catalogue.maps(), "map")
    elif suite == "differential":
        tasks = ["differential"]
    else:
        payoffs = catalogue.payoffs(args.payoff)
        named = catalogue.games(args.games) if args.games is not None else []
        tasks = [*named, *payoffs] or ["matrix"]  # the paper's game, as the environment has it
    algorithms = plans.algorithms(args.algos, [catalogue.environment(task, payoffs).spec for task in tasks])
    preset = presets.preset(suite, args.preset)
    given = args.steps is not None or args.updates is not None or args.minutes is not None
    plan = Plan(
        suite=suite,
        preset=args.preset,
        tasks=tasks,
        algorithms=algorithms,
        seeds=plans.seeds(args.seeds) if args.seeds is not None else list(range(preset.seeds)),
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


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Trains, shows, reports. Returns the exit status."""
    plan = make_plan(args)
    folder = (plans.resume if args.resume else plans.start)(plan, args.out)
    jobs = list(plan.jobs())
    todo = [job for job in jobs if not _finished(folder / job.folder)]
    workers = min(args.workers or os.cpu_count() or 1, max(1, len(todo)))
    again = resume_command(command, folder)
    print(banner(plan, folder, len(todo), workers, command), flush=True)
    orders = [
        Order(job, plan, folder / job.folder, args.envs, args.checkpoint_minutes * 60, list(command))
        for job in todo
    ]
    pool = Pool(work, orders, len(jobs), args.debug)
    interrupted = pool.run(workers)
    ours = {folder / job.folder for job in jobs}  # --out may hold other runs, deeper below
    runs = report.load(folder) if any((run / RECORDS).exists() for run in ours) else []
    runs = [run for run in runs if run.folder in ours]
    if runs:
        print("\n" + report.as_text(report.table(runs)) + "\n\n" + report.caption(runs))
    if interrupted:
        print(f"\nstopped; to go on:\n  {again}", flush=True)
        return 130
    for job, message in pool.failures.items():
        print(f"fop-bench: {job}: {message}", file=sys.stderr)
    if runs:
        report.write(folder, runs)
        print(f"\nrecords, table and figures: {folder}", flush=True)
    return 1 if pool.failures else 0


def resume_command(command: Sequence[str], folder: Path) -> str:
    """The same command, going on in `folder`."""
    kept, skip = [], False
    for word in command:
        if skip or word in ("--out", "--resume") or word.startswith("--out="):
            skip = word == "--out"
            continue
        kept.append(word)
    return shlex.join([*kept, "--out", str(folder), "--resume"])


def banner(plan: Plan, folder: Path, todo: int, workers: int, command: Sequence[str]) -> str:
    """Engine, algorithms, budget, seeds, folder, and the command of the paper's protocol."""
    total = len(list(plan.jobs()))
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
    engines = [catalogue.environment(task, plan.payoffs).spec.engine for task in plan.tasks]
    lines = {
        "engine": report.engines(engines) + embedded,
        "tasks": f"{len(plan.tasks)}: {', '.join(plan.tasks)}",
        "algorithms": ", ".join(plan.algorithms),
        "seeds": ", ".join(map(str, plan.seeds)),
        "budget": text,
        "tests": tests,
        "runs": f"{total}, {workers} at a time" + (f" ({total - todo} done before)" if todo < total else ""),
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
