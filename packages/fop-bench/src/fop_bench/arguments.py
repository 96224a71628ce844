"""What commands are made of: a parser that answers in one sentence, kinds of values, and `Command`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from fop_core.errors import FopError


class UsageError(FopError):
    """The command line asks for something that can't be done."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage in front of it."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(
            prog=prog, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options
        )

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


@dataclass(frozen=True)
class Command:
    """A command, or a part of one (`page` in `fop-bench reproduce page`).

    Attributes:
        add_arguments: adds its arguments to a parser.
        run: takes the arguments and the whole command line (`fop-bench smac ...`); returns the exit status.
        summary: one line for a list, without a full stop. The command line has those of whole commands.
        description: what its help says first; the summary where empty.
        examples: what its help says last.
        parts: by the word that names them.
        takes_words: its first word may be something else than a part.
    """

    add_arguments: Callable[[Parser], None]
    run: Callable[[argparse.Namespace, Sequence[str]], int]
    summary: str = ""
    description: str = ""
    examples: str = ""
    parts: Mapping[str, Command] = field(default_factory=dict)
    takes_words: bool = False


def listed(lines: Mapping[str, str]) -> str:
    """Names with a line each, as a help shows them."""
    width = max(map(len, lines), default=0)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in lines.items())


def count(text: str) -> int:
    """A positive whole number; `500k` and `2M` are understood."""
    scale = {"k": 1_000, "m": 1_000_000}.get(text[-1:].lower(), 1)
    try:
        value = float(text[:-1] if scale > 1 else text.replace(",", "")) * scale
    except ValueError:
        value = 0.0
    if not (1 <= value < 2**53 and value == int(value)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number (as in 20000, 500k, 2M)")
    return int(value)


def minutes(text: str) -> float:
    """A positive number of minutes."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of minutes")
    return value


def folder_name(text: str) -> Path:
    """The name of a folder, which may not be there yet."""
    if not text:
        raise argparse.ArgumentTypeError("the name of the folder is empty")
    return Path(text)


def seed_number(text: str) -> int:
    """The seed of a random generator."""
    if not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to 2^63 - 1")
    return int(text)


def setting(text: str) -> tuple[str, str]:
    """`field=value`; the field's name may be written with hyphens."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form field=value")
    return name.strip().replace("-", "_"), value.strip()
