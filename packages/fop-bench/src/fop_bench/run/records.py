"""What a run leaves behind, as typed records: one manifest and one line of JSON per event.

A run's folder holds `manifest.json` (what was run, by what), `records.jsonl` (append-only) and a checkpoint.
Everything that a table or a figure needs is in the first two; nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from fop_core.errors import DamagedFile, FopError

MANIFEST = "manifest.json"
RECORDS = "records.jsonl"
CHECKPOINT = "checkpoint.safetensors"


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """When training ends: at `env_steps`, `updates` or after `minutes`, whichever comes first.

    A budget in minutes never ends before `min_updates` gradient updates, so that a slow machine learns too.
    """

    env_steps: int | None = None
    updates: int | None = None
    minutes: float | None = None
    min_updates: int = 0


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
AnyRecord = TypeVar("AnyRecord")


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


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` so that a reader finds the old file or the new one, never a part of either."""
    temporary = path.with_name(path.name + ".part")
    try:
        with temporary.open("wb") as file:
            file.write(msgspec.json.format(_encoder.encode(value), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise FopError(f"cannot write {path}: {error.strerror or error}") from error


def read_json(path: Path, kind: type[Any]) -> Any:
    """Reads what `write_json` wrote.

    Raises:
        DamagedFile: the file is missing, isn't JSON, or doesn't hold a `kind`.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise DamagedFile(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


if sys.platform == "win32":
    import msvcrt

    def lock(file: io.FileIO) -> None:
        """Keeps other writers out until the file is closed; BlockingIOError where one is at it."""
        file.seek(0x7FFF0000)  # far behind the end: bytes that are locked can't be read, either
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from error

else:
    import fcntl

    def lock(file: io.FileIO) -> None:
        """Keeps other writers out until the file is closed; BlockingIOError where one is at it."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Writer:
    """Appends records, one line each, in the file as soon as `write` returns; one writer per file."""

    def __init__(self, path: Path, keep_bytes: int | None = 0) -> None:
        """Opens `path` and keeps its first `keep_bytes` bytes: what came after the checkpoint is redone.

        None keeps all but a last line that was cut off.

        Raises:
            FopError: the file can't be written, or another process is at it.
        """
        self._path = path
        with contextlib.ExitStack() as on_error:
            try:
                self._file = on_error.enter_context(path.open("ab", buffering=0))
                lock(self._file)
                if keep_bytes is None:
                    keep_bytes = path.read_bytes().rfind(b"\n") + 1
                self._file.truncate(keep_bytes)
            except BlockingIOError as error:
                raise FopError(f"{path} is being written by another process: stop it first") from error
            except OSError as error:
                raise FopError(f"cannot write {path}: {error.strerror or error}") from error
            on_error.pop_all()
        self.bytes = keep_bytes

    def write(self, *records: msgspec.Struct) -> None:
        lines = b"".join(_encoder.encode(record) + b"\n" for record in records)
        try:
            written = self._file.write(lines)
            if written != len(lines):
                raise OSError(28, "No space left on device")
        except OSError as error:
            raise FopError(f"cannot write {self._path}: {error.strerror or error}") from error
        self.bytes += len(lines)

    def close(self) -> None:
        self._file.close()


def read_records(path: Path) -> list[Record]:
    """All whole records of a file; a last line that was cut off (power, full disk) is left out.

    Raises:
        DamagedFile: the file can't be read, or a line before the last isn't a record.
    """
    return list(read_lines(path, _decoder))


def read_lines(path: Path, decoder: msgspec.json.Decoder[AnyRecord]) -> Iterator[AnyRecord]:
    """Every whole line of a file, decoded; errors as `read_records`."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DamagedFile(f"cannot read {path}: {error.strerror or error}") from error
    for number, line in enumerate(lines[:-1], start=1):
        try:
            yield decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise DamagedFile(f"{path}, line {number}, is not a record: {error}") from error
