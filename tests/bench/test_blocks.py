"""Blocks: how a process runs them, and what comes of those that fail."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import pytest

from fop_bench.jobs.blocks import BlockJob, Tell, run_blocks, serve_blocks
from fop_bench.jobs.processes import JobEnd
from fop_bench.jobs.progress import BlockProgress
from fop_core.errors import FopError


def counting(tell: Tell) -> list[str]:
    tell(0.5, "counting")
    return ["one", "two"]


def endless(tell: Tell) -> None:
    while True:
        tell(0.25, "turning")


def hopeless(tell: Tell) -> None:
    raise FopError("the well is dry")


@contextmanager
def process() -> Iterator[Connection]:
    here, there = Pipe()
    thread = threading.Thread(target=serve_blocks, args=(there, False))
    thread.start()
    yield here
    here.close()
    thread.join(timeout=10)
    assert not thread.is_alive()


def hear(pipe: Connection) -> Any:
    assert pipe.poll(10)
    return pipe.recv()


def test_a_process_tells_how_far_it_is_and_returns_the_result() -> None:
    with process() as pipe:
        pipe.send(BlockJob("count", counting))
        assert hear(pipe) == BlockProgress(0.5, "counting")
        end = hear(pipe)
        assert (end.outcome, end.result) == ("finished", ["one", "two"])


def test_a_block_ends_at_its_next_word_once_it_shall_and_the_process_goes_on() -> None:
    with process() as pipe:
        pipe.send(BlockJob("turn", endless))
        assert hear(pipe) == BlockProgress(0.25, "turning")
        pipe.send("stop")
        while isinstance(end := hear(pipe), BlockProgress):
            pass
        assert end.outcome == "stopped"
        pipe.send("stop")  # comes too late to stop anything
        pipe.send(BlockJob("fail", hopeless))
        assert hear(pipe) == JobEnd("failed", "the well is dry")


def test_a_block_whose_parent_is_gone_ends() -> None:
    with process() as pipe:
        pipe.send(BlockJob("turn", endless))
        hear(pipe)


def test_a_block_that_fails_leaves_the_others_their_results() -> None:
    kept: list[Any] = []
    # Built-in functions, since processes of their own don't find the ones of a test file.
    with pytest.raises(FopError, match=r"^bad: unexpected TypeError: object of type '_Teller' has no len"):
        run_blocks({"bad": len, "good": bool}, 2, 1, "blocks", kept.append)
    assert kept == [True]
