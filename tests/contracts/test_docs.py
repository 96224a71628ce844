"""Code in the pages on environments and in the packages' READMEs runs, and the commands in them exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import fop_envs
from fop_bench.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/environments/*.md"), *ROOT.glob("packages/*/README.md")])
MOST_WORDS = 2500

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each code block; blocks in lists may be indented."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [(language, re.sub(f"^{indent}", "", text, flags=re.M)) for indent, language, text in found]


@pages
def test_python_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's blocks in their order, as a reader would type them; before, commands that write `--out`."""
    monkeypatch.chdir(tmp_path)
    for line in commands(page):
        if "--out" in line and any(language == "python" for language, _ in blocks(page)):
            words = [sys.executable, "-m", "fop_bench", *shlex.split(line, comments=True)[1:]]
            subprocess.run(words, check=True, capture_output=True)
    monkeypatch.setattr(fop_envs.catalogue, "CATALOGUE", dict(fop_envs.CATALOGUE))  # pages may register
    names: dict[str, Any] = {"__name__": "page"}
    for number, (language, text) in enumerate(blocks(page)):
        if language == "python":
            exec(compile(text, f"{page.name}, block {number}", "exec"), names)


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


@pages
def test_every_block_says_what_it_is(page: Path) -> None:
    assert {language for language, _ in blocks(page)} <= {"python", "sh", "text"}
    assert "```" not in prose(page)
    assert not re.search(r"\n\n {4,}(?![-*\d])\S", prose(page)), "an indented block has no language"


def commands(page: Path) -> list[str]:
    """Whole lines of shell blocks, and what stands between backticks in the text."""
    lines = [line for language, text in blocks(page) if language == "sh" for line in text.splitlines()]
    lines += re.findall(r"`(fop-bench [^`]*)`", prose(page))
    return [line for line in lines if line.startswith("fop-bench ")]


@pages
def test_commands_exist(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in commands(page):
        name, *words = shlex.split(line, comments=True)[1:]
        command = getattr(import_module(f"fop_bench.{COMMANDS[name].module}"), COMMANDS[name].name)
        part = words[:1] if words and words[0] in command.parts else []
        with pytest.raises(SystemExit) as done:
            main([name, *part, "--help"])
        help_text = capsys.readouterr().out
        assert done.value.code == 0, line
        # Options of every command; of a command with commands of its own, their names too.
        plain = [word for word in words if re.fullmatch(r"[a-z]+", word)] if name == "fidelity" else []
        for word in [word for word in words if word.startswith("--")] + plain:
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", help_text), f"{line}: {word}"


@pages
def test_a_page_can_be_read_to_its_end(page: Path) -> None:
    assert len(page.read_text("utf-8").split()) <= MOST_WORDS
