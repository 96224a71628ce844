"""Errors that a user can cause. The command line prints them as one sentence, without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FopError(Exception):
    """Something outside this software is wrong; the message says what, with the value and what is allowed."""


class UnknownName(FopError):
    """A name that no catalogue has."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = list(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        super().__init__(f"unknown {kind} {name!r}; {hint}")


class IllegalAction(FopError):
    """An agent chose an action that its mask forbids."""


class DamagedFile(FopError):
    """A checkpoint or record that cannot be read or belongs to another run."""


class NotFinite(FopError):
    """NaN or infinity where training needs a number."""


def sentence(error: Exception) -> str:
    """What to show of an error: its message, or, of one that no user can cause, kind and first line."""
    if isinstance(error, FopError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory: fewer environments, a smaller replay or smaller batches need less"
    first = str(error).partition("\n")[0]
    return f"unexpected {type(error).__name__}: {first} (--debug shows where)"
