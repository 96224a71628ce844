"""Processes that carry out jobs, one at a time each; this process hands out, shows and collects.

Ctrl-C is handled here alone: the others don't receive it, they are asked to stop and save.
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
from typing import Any, Generic, Protocol, TypeVar

from fop_core.errors import sentence

from .progress import Display, Progress, Tracker, display

KEEP_FREED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
"""For glibc in these processes; others ignore it. Tensors of megabytes come and go in each update of a stack:
handing their memory back to the system and getting it again takes a quarter of the time of some methods."""


class Job(Protocol):
    """What a process is told to do; it travels there."""

    @property
    def key(self) -> Hashable:
        """What the job is called; as text it is shown."""
        ...


JobT = TypeVar("JobT", bound=Job)


@dataclass(frozen=True)
class JobEnd:
    """How a job ended: `finished`, `stopped` (asked to) or `failed`, with a sentence where there is one,
    and what came out where it isn't in a file."""

    outcome: str
    message: str = ""
    result: Any = None


def serve_jobs(pipe: Connection, debug: bool, carry_out: Callable[[Any], JobEnd]) -> None:
    """What a process of the pool does: one job after the other until the pipe closes.

    Args:
        pipe: jobs come from it, their ends go back.
        debug: print the tracebacks of jobs that fail.
        carry_out: does a job.
    """
    while True:
        try:
            job = pipe.recv()
        except (EOFError, ConnectionError):
            return
        if job == "stop":
            continue  # it crossed the end of the last job
        try:
            end = carry_out(job)
        except Exception as error:
            if debug:
                traceback.print_exc()
            end = JobEnd("failed", sentence(error))
        try:
            pipe.send(end)
        except ConnectionError:
            return


@dataclass
class PoolProcess:
    """A process, the pipe to it and the key of the job it is at."""

    process: BaseProcess
    pipe: Connection
    key: Hashable | None = None


class ProcessPool(Generic[JobT]):
    """Runs jobs. `failures` says which failed and why, by their keys."""

    def __init__(
        self,
        main: Callable[[Connection, bool], None],
        jobs: Sequence[JobT],
        total: int,
        debug: bool,
        *,
        what: str,
        stopping: str,
        again: str,
        keep: Callable[[Any], None] = lambda result: None,
        sizes: Mapping[Any, float] | None = None,
        counts: Mapping[Any, int] | None = None,
        announce: bool = True,
    ) -> None:
        """
        Args:
            main: what a process runs: it takes jobs from the pipe until that closes, answers each with a
                `JobEnd`, may send its progress before, and heeds the word `stop`.
            jobs: what is to be done.
            total: how many there are in the whole plan, those done before included.
            debug: processes print tracebacks.
            what: a word for jobs, in the plural.
            stopping: what happens after the first Ctrl-C.
            again: what to do about a job whose process died.
            keep: called here with the result of each job that finished.
            sizes: the work in each job of the whole plan, by its key, where not all are alike; any unit.
            counts: how many of `what` each of `jobs` is, by its key, where that isn't one.
            announce: say a line for each job that ended.
        """
        self.failures: dict[Hashable, str] = {}
        self._main = main
        self._queue = deque(jobs)
        sizes = sizes or {}
        before = sum(sizes.values()) - sum(sizes[job.key] for job in jobs) if sizes else None
        counts = counts or {}
        done = total - sum(counts.get(job.key, 1) for job in jobs)
        self._tracker = Tracker(total, done, what, sizes, before, counts)
        self._debug = debug
        self._keep, self._stopping, self._again, self._announce = keep, stopping, again, announce
        self._processes: list[PoolProcess] = []
        self._show: Display

    def run(self, processes: int) -> bool:
        """Runs all jobs on as many `processes`; True if somebody stopped it with Ctrl-C (or SIGTERM)."""
        os.environ["OMP_NUM_THREADS"] = "1"  # read by torch when a process imports it: one thread for each
        for name, value in KEEP_FREED_MEMORY.items():
            os.environ.setdefault(name, value)
        with interrupts() as seen:
            self._show = display()
            try:
                self._processes = [self._spawn() for _ in range(min(processes, len(self._queue)))]
                for process in self._processes:
                    self._give(process)
                heeded = 0
                while busy := [process for process in self._processes if process.key]:
                    if len(seen) > heeded:
                        self._stop(at_once=heeded > 0)
                        heeded = len(seen)
                    ready = wait([process.pipe for process in busy], timeout=0.2)
                    for process in busy:
                        if process.pipe in ready:
                            self._hear(process)
                    self._show.update(self._tracker)
            finally:
                self._show.close()
                self._dismiss()
            return bool(seen)

    def _spawn(self) -> PoolProcess:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=self._main, args=(there, self._debug), daemon=True)
        with sheltered():
            process.start()
        there.close()
        return PoolProcess(process, here)

    def _give(self, process: PoolProcess) -> None:
        process.key = None
        if self._queue:
            job = self._queue.popleft()
            process.key = job.key
            process.pipe.send(job)

    def _stop(self, at_once: bool) -> None:
        self._queue.clear()
        if at_once:
            for process in self._processes:
                process.process.kill()
            return
        self._show.say(f"stopping: {self._stopping} (Ctrl-C again leaves at once)")
        for process in self._processes:
            if process.key:
                process.pipe.send("stop")

    def _hear(self, process: PoolProcess) -> None:
        """Takes one message; replaces a process that died."""
        key = process.key
        assert key is not None
        died = False
        try:
            message: Progress | JobEnd = process.pipe.recv()
        except (EOFError, ConnectionError):
            died = True
            process.process.join()
            message = JobEnd("failed", f"its process died (status {process.process.exitcode}); {self._again}")
        if not isinstance(message, JobEnd):
            self._tracker.progress(key, message)
            return
        last = self._tracker.running.get(key)
        if message.outcome == "finished":
            self._keep(message.result)
        self._tracker.finish(key)
        if message.outcome == "failed":
            self.failures[key] = message.message
        if self._announce:
            self._show.say(f"{message.outcome:<8}  {key}: {message.message or last or 'nothing new'}")
        process.key = None
        if died:
            self._processes.remove(process)
            if self._queue:
                process = self._spawn()
                self._processes.append(process)
        self._give(process)

    def _dismiss(self) -> None:
        for process in self._processes:
            process.pipe.close()  # a process without jobs ends when its pipe does
        for process in self._processes:
            process.process.join(timeout=10)
            if process.process.is_alive():
                process.process.kill()


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
