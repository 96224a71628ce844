"""The files in a run's folder, and what they hold.

`manifest.json` says what was run by what, `records.jsonl` has one line of JSON for each event, and beside
them lies a checkpoint. Everything that a table or a figure needs is in the first two.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from .json_files import read_lines
from .plan import Budget

MANIFEST = "manifest.json"
RECORDS = "records.jsonl"
CHECKPOINT = "checkpoint.safetensors"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was run, by what, on what: enough to run it again. `payoff` is of a game from a file."""

    format: int = 1
    suite: str
    task: str
    algorithm: str
    seed: int
    engine: str
    config: dict[str, Any]
    budget: Budget
    test_every: int
    test_episodes: int
    n_envs: int
    preset: str
    command: list[str]
    versions: dict[str, str]
    machine: dict[str, str]
    git_commit: str | None
    created: str
    payoff: list[Any] | None = None


class Train(msgspec.Struct, frozen=True, kw_only=True, tag="train", tag_field="event"):
    """Training since the last such record: means over the episodes finished, the last update's metrics."""

    env_steps: int
    episodes: int
    updates: int
    elapsed: float
    steps_per_second: float
    episode_return: float
    episode_length: float
    win_rate: float | None
    metrics: dict[str, float]


class Test(msgspec.Struct, frozen=True, kw_only=True, tag="test", tag_field="event"):
    """Greedy episodes on environments of their own. `extra` holds what only some tasks have."""

    env_steps: int
    episodes: int
    updates: int
    elapsed: float
    returns: list[float]
    lengths: list[int]
    won: list[bool] | None
    final: bool
    extra: dict[str, Any] = {}

    __test__ = False  # not a test class for pytest


class End(msgspec.Struct, frozen=True, kw_only=True, tag="end", tag_field="event"):
    """The run is over: it used up its budget, or it failed with `message`."""

    outcome: Literal["finished", "failed"]
    env_steps: int
    episodes: int
    updates: int
    elapsed: float
    message: str = ""


Record = Train | Test | End


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint keeps for the records' sake.

    Attributes:
        records_bytes: how much of the records was written before it.
        elapsed: seconds spent until then.
        window: return, length and won of each episode that no train record tells yet.
        last_logged: position of the newest train record.
        win_rate: of the newest test.
    """

    records_bytes: int
    elapsed: float
    window: list[list[float]]
    last_logged: int
    win_rate: float | None


_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def read_records(path: Path) -> list[Record]:
    """All whole records of a file; a last line that was cut off (power, full disk) is left out.

    Raises:
        DamagedFile: the file can't be read, or a line before the last isn't a record.
    """
    return list(read_lines(path, _decoder))
