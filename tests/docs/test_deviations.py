"""Every `Deviation:` in code is listed on a page: of the algorithm whose file it is in, else on any.

Code says it beside the line that departs, the page beside its reason. A mark and a row match if they share
three words that say something; write them in the same words.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = [*ROOT.glob("packages/*/src/**/*.py"), *ROOT.glob("csrc/**/*.hpp"), *ROOT.glob("csrc/**/*.cpp")]
PAGES = {
    page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8")
    for folder in ("algorithms", "environments")
    for page in sorted((ROOT / "docs" / folder).glob("*.md"))
}
SHARED_WORDS = 3
SAY_NOTHING = {
    *(
        "all",
        "and",
        "are",
        "both",
        "but",
        "can",
        "code",
        "doesn",
        "each",
        "for",
        "from",
        "has",
        "here",
        "isn",
    ),
    *(
        "its",
        "not",
        "one",
        "other",
        "our",
        "ours",
        "paper",
        "published",
        "say",
        "than",
        "that",
        "the",
        "their",
    ),
    *("them", "then", "there", "they", "this", "too", "what", "where", "which", "who", "with"),
}


def words(text: str) -> set[str]:
    """Lower-case words of three letters and more that say something, parts of names too, and numbers."""
    return set(re.findall(r"[a-z]{3,}|[0-9][0-9.]*(?<!\.)", text.lower())) - SAY_NOTHING


def marks(code: str) -> list[str]:
    """What a file says after each mark, to the end of the paragraph."""
    text = re.sub(r"^[ \t]*(#|//)[ \t]?", "", code, flags=re.MULTILINE)
    return [
        found[1] for found in re.finditer(r'Deviation:((?:(?!Deviation:|"""|\n[ \t]*\n).)*)', text, re.DOTALL)
    ]


def rows(page: str) -> list[str]:
    """What a page lists: rows below Deviations, and paragraphs that begin with the mark."""
    section = re.search(r"^## Deviations\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    table = re.findall(r"^\|(?! ?Deviation|-)(.*)$", section[1], re.MULTILINE) if section else []
    return table + re.findall(r"^(?:- )?Deviation: (.*(?:\n  .*)*)", page, re.MULTILINE)


def home(file: Path) -> list[str]:
    """Pages on which a mark of this file may be listed."""
    if file.parent.name == "algorithms":
        return [name for name, text in PAGES.items() if f"{file.name}`" in text]
    return list(PAGES)


def is_listed(mark: str, pages: list[str]) -> bool:
    return any(len(words(mark) & words(row)) >= SHARED_WORDS for page in pages for row in rows(PAGES[page]))


MARKED = [
    pytest.param(file, mark, id=f"{file.relative_to(ROOT).as_posix()}: {' '.join(mark.split()[:6])}")
    for file in sorted(CODE)
    for mark in marks(file.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("file", "mark"), MARKED)
def test_deviation_is_listed(file: Path, mark: str) -> None:
    pages = home(file)
    assert pages, f"no page in docs/algorithms names `{file.name}` as its code"
    where = "a page of docs/" if len(pages) == len(PAGES) else " or ".join(pages)
    assert is_listed(mark, pages), (
        f"add a row below Deviations of {where} that says: {' '.join(mark.split())}"
    )


def test_what_is_not_listed_is_found() -> None:
    code = '''
def bite():
    """Bites.

    Deviation: the moon is made of cheese, of
    which mice eat.

    Adam and 32.
    """
    # Deviation: Adam with a batch of 32.
'''
    cheese, adam = marks(code)
    assert words(cheese) == {"moon", "made", "cheese", "mice", "eat"}
    assert not is_listed(cheese, list(PAGES))
    assert words(adam) == {"adam", "batch", "32"}
    assert is_listed(adam, ["docs/algorithms/qmix.md"])
    assert rows("## Deviations\n\n| Deviation | from |\n|---|---|\n| a | b |\n\n## More\n| c |\n") == [
        " a | b |"
    ]
