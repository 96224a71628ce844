"""What can be run, one line each."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping

import fop_envs
from fop_algos import catalogue as algos


def maps() -> list[str]:
    """SMAC's maps, in SMAC's order."""
    return [name for name, entry in fop_envs.CATALOGUE.items() if entry.group == "map"]


def algorithms() -> list[str]:
    return list(algos.CATALOGUE)


def engine(task: str) -> str:
    """What plays a task, with its version."""
    return fop_envs.make(task).spec.engine


def listing() -> str:
    """Maps, games and algorithms."""
    by_group: dict[str, dict[str, str]] = {"map": {}, "game": {}, "template": {}}
    for name, entry in fop_envs.CATALOGUE.items():
        by_group[entry.group][name] = entry.summary
    sections = {
        "maps (fop-bench smac --maps NAME,NAME)": by_group["map"],
        "games": by_group["game"],
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
    """Every field of an algorithm's config: its value on SMAC and in games, and what it means."""
    entry = algos.entry(algorithm)
    rows = []
    meanings = _meanings(type(entry.smac))
    for item in dataclasses.fields(entry.smac):
        smac, games = getattr(entry.smac, item.name), getattr(entry.games, item.name)
        value = f"{item.name} = {smac}" + (f"   (games: {games})" if games != smac else "")
        rows.append(value + "\n" + textwrap.indent(textwrap.fill(meanings[item.name], 100), "    "))
    return (
        f"{algorithm}: {entry.summary}\n\n" + "\n".join(rows) + "\n\nSet one: --set FIELD=VALUE, "
        "a part of a schedule: --set epsilon.over=20000"
    )


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
