"""Worker processes, one order each at a time; this process hands out, shows and collects.

Ctrl-C is handled here alone: workers don't receive it, they are asked to stop and save.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from fop_bench.run.plan import Job, Plan
from fop_core.errors import sentence

from .progress import AnyProgress, Display, Tracker, display

KEEP_FREED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
"""For glibc in workers; others ignore it. Tensors of megabytes come and go in each update of a stack: handing
their memory back to the system and getting it again takes a quarter of the time of some methods."""


class AnyOrder(Protocol):
    """What a worker is told to do."""

    @property
    def job(self) -> Hashable:
        """What it is called; as text it is shown."""
        ...


AnyOrderT = TypeVar("AnyOrderT", bound=AnyOrder)


@dataclass(frozen=True)
class Order:
    """One run, with all that a worker needs to know of the plan."""

    job: Job
    plan: Plan
    folder: Path
    n_envs: int | None
    checkpoint_seconds: float
    command: list[str]


@dataclass(frozen=True)
class Outcome:
    """How an order ended: `finished`, `stopped` (asked to) or `failed`, with a sentence where there is one,
    and what came out where it isn't in a file."""

    outcome: str
    message: str = ""
    result: Any = None


def serve_orders(pipe: Connection, debug: bool, carry: Callable[[Any], Outcome]) -> None:
    """A worker's life: carries out one order after the other until the pipe closes.

    Args:
        pipe: orders come from it, their outcomes go back.
        debug: print the tracebacks of orders that fail.
        carry: what is done with an order.
    """
    while True:
        try:
            order = pipe.recv()
        except (EOFError, ConnectionError):
            return
        if order == "stop":
            continue  # it crossed the end of the last order
        try:
            outcome = carry(order)
        except Exception as error:
            if debug:
                traceback.print_exc()
            outcome = Outcome("failed", sentence(error))
        try:
            pipe.send(outcome)
        except ConnectionError:
            return


@dataclass
class Worker:
    """A process, the pipe to it and the job it is at."""

    process: BaseProcess
    pipe: Connection
    job: Hashable | None = None


class Pool(Generic[AnyOrderT]):
    """Runs orders. `failures` says which failed and why."""

    def __init__(
        self,
        main: Callable[[Connection, bool], None],
        orders: Sequence[AnyOrderT],
        total: int,
        debug: bool,
        *,
        keep: Callable[[Any], None] = lambda result: None,
        what: str = "runs",
        sizes: Mapping[Any, float] | None = None,
        stopping: str = "saving checkpoints",
        again: str = "--resume goes on from its checkpoint",
        announce: bool = True,
    ) -> None:
        """
        Args:
            main: what a worker process runs: it takes orders from the pipe until that closes, answers each
                with an `Outcome`, may send its progress before, and heeds the word `stop`.
            orders: what is to be run.
            total: of the whole plan, those done before included.
            debug: workers print tracebacks.
            keep: called here with the result of each order that finished.
            what: a word for orders, in the plural.
            sizes: the work in each order of the whole plan, by its job, where not all are alike; any unit.
            stopping: what happens after the first Ctrl-C.
            again: what to do about an order whose process died.
            announce: say a line for each order that ended.
        """
        self.failures: dict[Hashable, str] = {}
        self._main = main
        self._queue = deque(orders)
        sizes = sizes or {}
        before = sum(sizes.values()) - sum(sizes[order.job] for order in orders) if sizes else None
        self._tracker = Tracker(total, total - len(orders), what, sizes, before)
        self._debug = debug
        self._keep, self._stopping, self._again, self._announce = keep, stopping, again, announce
        self._workers: list[Worker] = []
        self._show: Display

    def run(self, workers: int) -> bool:
        """Runs all orders on `workers` processes; True if somebody stopped it with Ctrl-C (or SIGTERM)."""
        os.environ["OMP_NUM_THREADS"] = "1"  # read by torch when a worker imports it: one thread for each
        for name, value in KEEP_FREED_MEMORY.items():
            os.environ.setdefault(name, value)
        with interrupts() as seen:
            self._show = display()
            try:
                self._workers = [self._spawn() for _ in range(min(workers, len(self._queue)))]
                for worker in self._workers:
                    self._give(worker)
                heeded = 0
                while busy := [worker for worker in self._workers if worker.job]:
                    if len(seen) > heeded:
                        self._stop(at_once=heeded > 0)
                        heeded = len(seen)
                    ready = wait([worker.pipe for worker in busy], timeout=0.2)
                    for worker in busy:
                        if worker.pipe in ready:
                            self._hear(worker)
                    self._show.update(self._tracker)
            finally:
                self._show.close()
                self._dismiss()
            return bool(seen)

    def _spawn(self) -> Worker:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=self._main, args=(there, self._debug), daemon=True)
        with sheltered():
            process.start()
        there.close()
        return Worker(process, here)

    def _give(self, worker: Worker) -> None:
        worker.job = None
        if self._queue:
            order = self._queue.popleft()
            worker.job = order.job
            worker.pipe.send(order)

    def _stop(self, at_once: bool) -> None:
        self._queue.clear()
        if at_once:
            for worker in self._workers:
                worker.process.kill()
            return
        self._show.say(f"stopping: {self._stopping} (Ctrl-C again leaves at once)")
        for worker in self._workers:
            if worker.job:
                worker.pipe.send("stop")

    def _hear(self, worker: Worker) -> None:
        """Takes one message; replaces a worker that died."""
        job = worker.job
        assert job is not None
        died = False
        try:
            message: AnyProgress | Outcome = worker.pipe.recv()
        except (EOFError, ConnectionError):
            died = True
            worker.process.join()
            message = Outcome("failed", f"its process died (status {worker.process.exitcode}); {self._again}")
        if not isinstance(message, Outcome):
            self._tracker.progress(job, message)
            return
        last = self._tracker.running.get(job)
        if message.outcome == "finished":
            self._keep(message.result)
        self._tracker.finish(job)
        if message.outcome == "failed":
            self.failures[job] = message.message
        if self._announce:
            self._show.say(f"{message.outcome:<8}  {job}: {message.message or last or 'nothing new'}")
        worker.job = None
        if died:
            self._workers.remove(worker)
            if self._queue:
                worker = self._spawn()
                self._workers.append(worker)
        self._give(worker)

    def _dismiss(self) -> None:
        for worker in self._workers:
            worker.pipe.close()  # a worker without orders ends when its pipe does
        for worker in self._workers:
            worker.process.join(timeout=10)
            if worker.process.is_alive():
                worker.process.kill()


if sys.platform == "win32":
    import ctypes

    @contextmanager
    def sheltered() -> Iterator[None]:
        """Processes started within never see Ctrl-C, which reaches all processes of the console."""
        # Called without a handler it says whether Ctrl-C is ignored; processes inherit that.
        ignore = ctypes.windll.kernel32.SetConsoleCtrlHandler
        ignore(None, True)
        try:
            yield
        finally:
            ignore(None, False)

else:
    from multiprocessing import resource_tracker

    @contextmanager
    def sheltered() -> Iterator[None]:
        """Processes started within never see Ctrl-C, which reaches the whole process group."""
        # Blocked signals are inherited. The tracker of multiprocessing unblocks them when it starts, so it
        # has to run before.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM in the list instead of raising."""
    seen: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda got, _frame: seen.append(got)) for number in signals]
    try:
        yield seen
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
