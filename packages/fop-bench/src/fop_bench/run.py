"""Runs a plan: worker processes train, one run each at a time; this process shows and collects.

Ctrl-C is handled here alone: workers don't receive it, they are asked to stop and save.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shlex
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from . import catalogue, presets, report
from . import plan as plans
from .plan import Job, Plan
from .progress import Progress, Tracker, display
from .records import RECORDS, Budget, End, read_records


@dataclass(frozen=True)
class Order:
    """What a worker is told: one run, with all that it needs to know of the plan."""

    job: Job
    plan: Plan
    folder: Path
    n_envs: int | None
    checkpoint_seconds: float
    command: list[str]


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `finished`, `stopped` (asked to) or `failed`, with a sentence where there is one."""

    outcome: str
    message: str = ""


def make_plan(args: argparse.Namespace) -> Plan:
    """The plan of a command line.

    Raises:
        UnknownName, UsageError: it can't be run (names, numbers, config fields).
    """
    suite = args.command
    tasks = plans.names(args.maps, catalogue.maps(), "map") if suite == "smac" else ["matrix"]
    algorithms = plans.names(args.algos, catalogue.algorithms(), "algorithm")
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
    failures, interrupted = _run_all(orders, len(jobs), workers, args.debug)
    runs = report.load(folder) if any((folder / job.folder / RECORDS).exists() for job in jobs) else []
    if runs:
        print("\n" + report.as_text(report.table(runs)) + "\n\n" + report.caption(runs))
    if interrupted:
        print(f"\nstopped; to go on:\n  {again}", flush=True)
        return 130
    if runs:
        report.write(folder, runs)
        print(f"\nrecords, table and figures: {folder}", flush=True)
    for job, message in failures.items():
        print(f"fop-bench: {job}: {message}", file=sys.stderr)
    return 1 if failures else 0


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
    lines = {
        "engine": catalogue.engine(plan.tasks[0]),
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
        words += ["--maps", _option(command, "--maps")] if plan.suite == "smac" else []
        words += ["--algos", ",".join(plan.algorithms), "--preset", "paper"]
        lines["paper's run"] = f"{shlex.join(words)}  ({presets.preset(plan.suite, 'paper').summary})"
    return "\n".join(f"{name:<12} {value}" for name, value in lines.items()) + "\n"


def _option(command: Sequence[str], name: str) -> str:
    for word, following in zip(command, [*command[1:], ""], strict=True):
        if word == name:
            return following
        if word.startswith(name + "="):
            return word.partition("=")[2]
    return "all"


def _finished(folder: Path) -> bool:
    if not (folder / RECORDS).exists():
        return False
    last = (read_records(folder / RECORDS) or [None])[-1]
    return isinstance(last, End) and last.outcome == "finished"


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None


def _spawn(debug: bool) -> _Worker:
    from .worker import main

    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=main, args=(there, debug), daemon=True)
    # Ctrl-C reaches the whole process group: blocked signals are inherited, so workers never see it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    there.close()
    return _Worker(process, here)


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Counts SIGINT and SIGTERM into the list instead of raising."""
    seen: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda got, _frame: seen.append(got)) for number in signals]
    try:
        yield seen
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _run_all(orders: list[Order], total: int, workers: int, debug: bool) -> tuple[dict[Job, str], bool]:
    """Failures by run, and whether somebody stopped it."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read by torch when a worker imports it: one thread for each
    queue = deque(orders)
    tracker = Tracker(total, done=total - len(orders))
    failures: dict[Job, str] = {}
    pool: list[_Worker] = []
    with _interrupts() as interrupts:
        show = display()
        try:
            pool = [_spawn(debug) for _ in range(workers)]
            told = 0
            for worker in pool:
                _give(worker, queue)
            while any(worker.job for worker in pool):
                if len(interrupts) > told:
                    told = len(interrupts)
                    _ask_to_stop(pool, queue, show.say, again=told > 1)
                for pipe in wait([worker.pipe for worker in pool if worker.job], timeout=0.2):
                    k = next(i for i, worker in enumerate(pool) if worker.pipe is pipe)
                    pool[k] = _hear(pool[k], queue, tracker, failures, show.say, debug)
                show.update(tracker)
        finally:
            show.close()
            _dismiss(pool)
        return failures, bool(interrupts)


def _give(worker: _Worker, queue: deque[Order]) -> None:
    worker.job = None
    if queue:
        order = queue.popleft()
        worker.job = order.job
        worker.pipe.send(order)


def _ask_to_stop(pool: list[_Worker], queue: deque[Order], say: object, again: bool) -> None:
    queue.clear()
    if again:
        for worker in pool:
            worker.process.kill()
        return
    say("stopping: saving checkpoints (Ctrl-C again leaves at once)")  # type: ignore[operator]
    for worker in pool:
        if worker.job:
            worker.pipe.send("stop")


def _hear(
    worker: _Worker, queue: deque[Order], tracker: Tracker, failures: dict[Job, str], say: object, debug: bool
) -> _Worker:
    """Takes one message of a worker; a worker that died is replaced."""
    job = worker.job
    assert job is not None
    try:
        message: Progress | Outcome = worker.pipe.recv()
        died = False
    except (EOFError, ConnectionError):
        worker.process.join()
        message = Outcome(
            "failed",
            f"its process ended with status {worker.process.exitcode}; --resume goes on "
            "from its last checkpoint",
        )
        died = True
    if isinstance(message, Progress):
        tracker.progress(job, message)
        return worker
    last = tracker.running.get(job)
    tracker.finish(job)
    if message.outcome == "failed":
        failures[job] = message.message
    say(f"{message.outcome:<8} {job}: {last or message.message}")  # type: ignore[operator]
    if died and queue:
        worker = _spawn(debug)
    _give(worker, queue)
    return worker


def _dismiss(pool: list[_Worker]) -> None:
    for worker in pool:
        worker.pipe.close()  # a worker without orders ends when its pipe does
    for worker in pool:
        worker.process.join(timeout=10)
        if worker.process.is_alive():
            worker.process.kill()
