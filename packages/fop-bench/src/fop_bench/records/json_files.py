"""Files of JSON: whole ones that are replaced at once, and lines that are appended."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fop_core.errors import DamagedFile, FopError

AnyRecord = TypeVar("AnyRecord")

_encoder = msgspec.json.Encoder()


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


class LineWriter:
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


def read_lines(path: Path, decoder: msgspec.json.Decoder[AnyRecord]) -> Iterator[AnyRecord]:
    """Every whole line of a file, decoded; a last line that was cut off (power, full disk) is left out.

    Raises:
        DamagedFile: the file can't be read, or a line before the last isn't a record.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DamagedFile(f"cannot read {path}: {error.strerror or error}") from error
    for number, line in enumerate(lines[:-1], start=1):
        try:
            yield decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise DamagedFile(f"{path}, line {number}, is not a record: {error}") from error
