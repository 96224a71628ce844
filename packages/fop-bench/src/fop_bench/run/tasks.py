"""Tasks by name: SMAC's maps, games, and payoffs from files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fop_envs
from fop_bench.arguments import UsageError
from fop_core.errors import FopError, UnknownName
from fop_core.protocols import VectorEnv
from fop_envs.games import payoffs as named


def maps() -> list[str]:
    """SMAC's maps, in SMAC's order."""
    return [name for name, entry in fop_envs.CATALOGUE.items() if entry.group == "map"]


def games(text: str) -> list[str]:
    """Payoffs by name, in a list as `selection.names` takes it: `all` is the literature's, `penalty` is
    `penalty-100`.

    Raises:
        UnknownName: one isn't known.
        UsageError: there are none.
    """
    if text == "all":
        return list(named.EXAMPLES)
    chosen = [word.strip().lower() for word in text.split(",") if word.strip()]
    if not chosen:
        raise UsageError(f"no game given; known: {', '.join(named.PAYOFFS)}")
    chosen = ["penalty-100" if name == "penalty" else name for name in chosen]
    for name in chosen:
        named.payoff_table(name)
    return list(dict.fromkeys(chosen))


def payoffs(files: Sequence[Path]) -> dict[str, list[Any]]:
    """Payoff tensors from files, as nested lists, by the files' names without their endings.

    Raises:
        UsageError: one can't be used as a payoff, or can't name a task.
    """
    found: dict[str, list[Any]] = {}
    for path in files:
        name = path.stem
        try:
            payoff: list[Any] = named.read_payoff(path).tolist()
        except FopError as error:
            raise UsageError(f"--payoff: {error}") from error
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) or name in found or _taken(name):
            raise UsageError(
                f"--payoff: {path} can't name a game {name!r}: give the file a name of at most 64 letters, "
                "digits, - and _ that no other game, map or figure has"
            )
        found[name] = payoff
    return found


def _taken(name: str) -> bool:
    if name.lower() in ("penalty", "figures", "learning_curves") or name in fop_envs.CATALOGUE:
        return True
    try:
        named.payoff_table(name.lower())
    except UnknownName:
        return False
    return True


def environment(task: str, payoffs: Mapping[str, Any], n_envs: int = 1, seed: int = 0) -> VectorEnv:
    """The task of a run: an environment of the catalogue, or the matrix game with a payoff.

    Args:
        task: a name of the catalogue, of `payoffs`, or of a payoff that has one.
        payoffs: payoff tensors from files, by task.
        n_envs: `E`.
        seed: of the environments.

    Raises:
        UnknownName: none of these has the name.
    """
    if task in fop_envs.CATALOGUE:
        return fop_envs.make(task, n_envs, seed)
    return fop_envs.make("matrix", n_envs, seed, payoff=payoffs.get(task, task), title=task)
