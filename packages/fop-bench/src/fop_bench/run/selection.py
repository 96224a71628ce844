"""Lists on the command line: names of tasks and algorithms, and seeds."""

from __future__ import annotations

from collections.abc import Sequence

from fop_bench.arguments import UsageError
from fop_core.errors import FopError, UnknownName
from fop_core.types import TaskSpec


def names(text: str, known: Sequence[str], kind: str) -> list[str]:
    """`all` or names separated by commas, each once, in the order given; `-` and `_` are the same.

    Raises:
        UnknownName: one isn't known (the message offers the nearest).
        UsageError: there are none.
    """
    if text == "all":
        return list(known)
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    if not chosen:
        raise UsageError(f"no {kind} given; known: {', '.join(known)}")
    exact = {spelling(name): name for name in known}
    for name in chosen:
        if spelling(name) not in exact:
            raise UnknownName(kind, name, known)
    return list(dict.fromkeys(exact[spelling(name)] for name in chosen))


def spelling(name: str) -> str:
    """What names that a user may take for the same have in common."""
    return name.lower().replace("-", "_")


def algorithms(text: str, specs: Sequence[TaskSpec]) -> list[str]:
    """`names` of algorithms; `all` are those that can play the tasks, without variants of others.

    Raises:
        UnknownName: one isn't known.
        UsageError: there are none, or one of them can't play one of the tasks.
    """
    from fop_algos import catalogue

    able = [
        name
        for name, entry in catalogue.CATALOGUE.items()
        if entry.variant_of is None and all(map(entry.plays, specs))
    ]
    chosen = names(text, able if text == "all" else list(catalogue.CATALOGUE), "algorithm")
    for name in chosen:
        for spec in specs:
            try:
                catalogue.check_plays(name, spec)
            except FopError as error:
                raise UsageError(str(error)) from error
    return chosen


def seeds(text: str) -> list[int]:
    """`3` is three seeds, 0, 1 and 2; `4,7` are those two; `4,` is 4 alone; `5-9` is 5 to 9.

    Raises:
        UsageError: it is none of these, or a seed is given twice.
    """
    try:
        if "," in text:
            chosen = [int(part) for part in text.split(",") if part.strip()]
        elif "-" in text:
            first, last = text.split("-")
            chosen = list(range(int(first), int(last) + 1))
        else:
            chosen = list(range(int(text)))
    except ValueError:
        chosen = []
    if not chosen or min(chosen) < 0 or len(set(chosen)) < len(chosen) or max(chosen) >= 2**31:
        raise UsageError(
            f"--seeds {text}: give how many (3 means 0,1,2), a list without repeats (0,4,7) or a range (5-9)"
        )
    return chosen
