"""Blocks of work on all cores, each block's records written as it comes in."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Protocol

from fop_bench.pool import interrupts, sheltered
from fop_bench.progress import Tracker, display

from .records import Record, Writer


class Block(Protocol):
    """A piece of work; it travels to another process."""

    def __call__(self) -> list[Record]: ...


def carry_out(blocks: Sequence[Block], total: int, workers: int, what: str, writer: Writer) -> bool:
    """Runs the blocks on `workers` processes and writes their records; True if Ctrl-C (or SIGTERM) stopped
    it.

    Args:
        blocks: what is left to do.
        total: of all, with those done before.
        what: a word for blocks, in the plural.
    """
    tracker = Tracker(total, done=total - len(blocks), what=what)
    with interrupts() as seen:
        show = display()
        with sheltered():
            pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
            waiting: set[Future[list[Record]]] = {pool.submit(block) for block in blocks}
        try:
            while waiting and not seen:
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                for future in done:
                    writer.write(future.result())
                    tracker.finish()
                show.update(tracker)
        finally:
            pool.shutdown(cancel_futures=True)
            show.close()
        for future in waiting:  # blocks that ended while the pool was being closed
            if future.done() and not future.cancelled() and future.exception() is None:
                writer.write(future.result())
        return bool(seen)
