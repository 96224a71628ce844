"""`fop-bench list`: what can be run, one line each; with an algorithm's name, its config."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Sequence

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithm import Form
from fop_bench.arguments import Command, Parser, listed
from fop_envs.games import payoffs


def add_arguments(parser: Parser) -> None:
    parser.add_argument("algorithm", nargs="?", help="show this algorithm's config fields")


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Prints the list."""
    print(fields(args.algorithm) if args.algorithm else listing())
    return 0


LIST = Command(add_arguments, run)


def listing() -> str:
    """Maps, games, payoffs and algorithms."""
    by_group: dict[str, dict[str, str]] = {"map": {}, "game": {}, "template": {}}
    for name, entry in fop_envs.CATALOGUE.items():
        by_group[entry.group][name] = entry.summary
    sections = {
        "maps (fop-bench smac --maps NAME,NAME)": by_group["map"],
        "games": by_group["game"],
        "payoffs of the matrix game (fop-bench matrix --games NAME,NAME; your own: --payoff FILE)": (
            payoffs.PAYOFFS
        ),
        "template for your own environment": by_group["template"],
        "algorithms (--algos NAME,NAME; fop-bench list NAME shows the config)": {
            name: entry.summary for name, entry in catalogue.CATALOGUE.items()
        },
    }
    return "\n\n".join(f"{title}:\n{listed(rows)}" for title, rows in sections.items() if rows)


def fields(algorithm: str) -> str:
    """Every field of an algorithm's config for each kind of actions: its value on SMAC and in games, and what
    it means.
    """
    entry = catalogue.entry(algorithm)
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
