"""Blocks: functions that run on all cores, each one's result kept as it comes in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

from fop_core.errors import FopError

from .processes import JobEnd, ProcessPool, serve_jobs
from .progress import BlockProgress, duration

TELL_SECONDS = 0.25


class Stopped(Exception):
    """Somebody asked for an end. A block lets it pass, after saving what it may want to go on with."""


class Tell(Protocol):
    """What a block calls now and then; the only place where it can be stopped."""

    def __call__(self, fraction: float, phase: str = "") -> None:
        """
        Args:
            fraction: how far the block is, in [0, 1].
            phase: what it does now.

        Raises:
            Stopped: it shall end.
        """
        ...


class Block(Protocol):
    """A function that travels to another process, and whose result travels back."""

    def __call__(self, tell: Tell) -> Any: ...


@dataclass(frozen=True)
class BlockJob:
    """A block with its name."""

    key: str
    block: Block


def run_blocks(
    blocks: Mapping[str, Block],
    total: int,
    processes: int,
    what: str,
    keep: Callable[[Any], None],
    *,
    sizes: Mapping[str, float] | None = None,
    debug: bool = False,
    announce: bool = False,
) -> bool:
    """Runs the blocks on as many `processes`; True if Ctrl-C (or SIGTERM) stopped it.

    Args:
        blocks: what is left to do, by name.
        total: of all, with those done before.
        what: a word for blocks, in the plural.
        keep: called in this process with each block's result.
        sizes: the work in each of all blocks, those done before too, where not all are alike; any unit.
        debug: print the tracebacks of blocks that fail.
        announce: say a line for each block that ended.

    Raises:
        FopError: blocks failed; the results of all others were kept.
    """
    pool = ProcessPool(
        serve_blocks,
        [BlockJob(name, block) for name, block in blocks.items()],
        total,
        debug,
        keep=keep,
        what=what,
        sizes=sizes,
        stopping="what is done is kept",
        again="the same command runs it again",
        announce=announce,
    )
    stopped = pool.run(processes)
    if pool.failures and not stopped:
        raise FopError("; ".join(f"{name}: {message}" for name, message in pool.failures.items()))
    return stopped


def serve_blocks(pipe: Connection, debug: bool) -> None:
    """Runs blocks until the pipe closes."""

    def carry_out(job: BlockJob) -> JobEnd:
        start = time.monotonic()
        try:
            result = job.block(_Teller(pipe))
        except Stopped:
            return JobEnd("stopped", "will begin again")
        return JobEnd("finished", f"after {duration(time.monotonic() - start)}", result)

    serve_jobs(pipe, debug, carry_out)


class _Teller:
    """Sends progress through the pipe, not too often, and looks whether it holds a `stop`."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._told = 0.0

    def __call__(self, fraction: float, phase: str = "") -> None:
        try:
            if self._pipe.poll() and self._pipe.recv() == "stop":
                raise Stopped
            if time.monotonic() - self._told >= TELL_SECONDS:
                self._told = time.monotonic()
                self._pipe.send(BlockProgress(fraction, phase))
        except (EOFError, ConnectionError):  # the parent process is gone
            raise Stopped from None
