"""No file and no public class of the four packages shares its name with two others."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2] / "packages"
SOURCES = sorted(PACKAGES.glob("*/src/**/*.py"))


def files() -> Iterator[tuple[str, Path]]:
    for path in SOURCES:
        if not path.stem.startswith("__"):
            yield path.stem, path


def classes() -> Iterator[tuple[str, Path]]:
    for path in SOURCES:
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.ClassDef) and not statement.name.startswith("_"):
                yield statement.name, path


@pytest.mark.parametrize("names", [files, classes])
def test_no_name_stands_three_times(names: Callable[[], Iterator[tuple[str, Path]]]) -> None:
    places: dict[str, list[str]] = {}
    for name, path in names():
        places.setdefault(name, []).append(str(path.relative_to(PACKAGES)))
    assert len(places) > 100
    assert {name: where for name, where in places.items() if len(where) > 2} == {}
