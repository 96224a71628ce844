"""What can be run, one line each."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fop_envs
from fop_algos import catalogue as algos
from fop_core.errors import FopError, UnknownName
from fop_core.protocols import VectorEnv
from fop_core.types import ActionKind
from fop_envs.games import payoffs as named

from .plan import UsageError

if TYPE_CHECKING:
    from fop_algos.algorithm import Form


def maps() -> list[str]:
    """SMAC's maps, in SMAC's order."""
    return [name for name, entry in fop_envs.CATALOGUE.items() if entry.group == "map"]


def algorithms(kind: ActionKind | None = None) -> list[str]:
    """All of them, or those that can choose actions of a kind."""
    return [name for name, entry in algos.CATALOGUE.items() if kind is None or kind in entry.action_kinds]


def games(text: str) -> list[str]:
    """Payoffs by name, as `plan.names` takes names: `all` is the literature's, `penalty` is `penalty-100`.

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


def listing() -> str:
    """Maps, games, payoffs and algorithms."""
    by_group: dict[str, dict[str, str]] = {"map": {}, "game": {}, "template": {}}
    for name, entry in fop_envs.CATALOGUE.items():
        by_group[entry.group][name] = entry.summary
    sections = {
        "maps (fop-bench smac --maps NAME,NAME)": by_group["map"],
        "games": by_group["game"],
        "payoffs of the matrix game (fop-bench matrix --games NAME,NAME; your own: --payoff FILE)": (
            named.PAYOFFS
        ),
        "template for your own environment": by_group["template"],
        "algorithms (--algos NAME,NAME; fop-bench list NAME shows the config)": {
            name: entry.summary for name, entry in algos.CATALOGUE.items()
        },
    }
    return "\n\n".join(f"{title}:\n{_lines(rows)}" for title, rows in sections.items() if rows)


def _lines(rows: Mapping[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows.items())


def fields(algorithm: str) -> str:
    """Every field of an algorithm's config for each kind of actions: its value on SMAC and in games, and what
    it means.
    """
    entry = algos.entry(algorithm)
    sections = [f"{entry.name}: {entry.summary}"]
    for kind in entry.action_kinds:
        title = "for continuous actions (fop-bench differential):\n" if kind == "continuous" else ""
        sections.append(title + _fields(entry.form(kind)))
    sections.append("Set one: --set FIELD=VALUE, a part of a schedule: --set epsilon.over=20000")
    return "\n\n".join(sections)


def _fields(form: Form) -> str:
    rows = []
    meanings = _meanings(type(form.smac))
    for item in dataclasses.fields(form.smac):
        smac, games = getattr(form.smac, item.name), getattr(form.games, item.name)
        value = f"{item.name} = {smac}" + (f"   (games: {games})" if games != smac else "")
        rows.append(value + "\n" + textwrap.indent(textwrap.fill(meanings[item.name], 100), "    "))
    return "\n".join(rows)


def _meanings(config: type) -> dict[str, str]:
    """The string under each field of a dataclass and of its bases."""
    found: dict[str, str] = {}
    for cls in reversed(config.__mro__[:-1]):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        assert isinstance(tree, ast.ClassDef)
        for statement, following in zip(tree.body, tree.body[1:], strict=False):
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
            ):
                found[statement.target.id] = " ".join(str(following.value.value).split())
    return found
