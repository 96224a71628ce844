"""What a table or a figure of the paper is to us: cells to be run, and what is read off their results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fop_bench.jobs.blocks import Tell

from .claims import Claim


@dataclass(frozen=True)
class Cell:
    """One setting of one method, all its seeds. It is run once, whichever entries ask for it.

    Attributes:
        name: for people, e.g. `armies of MMM2`.
        settings: everything that its result depends on, the number of seeds included; what JSON can hold.
    """

    name: str
    settings: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Name and a digest of the settings: whatever is set differently is another cell."""
        text = json.dumps(self.settings, sort_keys=True)
        return f"{self.name} {hashlib.sha256(text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Result:
    """A cell that was run, with what `PaperEntry.run` returned (as JSON gives it back)."""

    cell: Cell
    value: Any
    seconds: float


@dataclass(frozen=True)
class Check:
    """One thing that the paper says beside what we have.

    Attributes:
        what: it is about.
        paper: its value or claim.
        ours: the same of ours.
        holds: do they agree, in the sense that the entry's code defines?
        seeds: behind ours; None where there is no chance.
        condition: what must be known to call them agreed; empty where nothing.
    """

    what: str
    paper: str
    ours: str
    holds: bool
    seeds: int | None = None
    condition: str = ""

    @property
    def row(self) -> dict[str, str]:
        """Its row in the entry's table."""
        agrees = ("under the condition" if self.condition else "yes") if self.holds else "no"
        return {
            "what": self.what,
            "paper": self.paper,
            "ours": self.ours,
            "seeds": "-" if self.seeds is None else str(self.seeds),
            "agrees": agrees,
        }


Agreement = Literal["reproduced", "reproduced under a condition", "not reproduced", "not in the paper"]


@dataclass(frozen=True)
class Verdict:
    """Does an entry agree with the paper, and why?"""

    agreement: Agreement
    why: str

    def __str__(self) -> str:
        return f"{self.agreement}: {self.why}"


def verdict(checks: Sequence[Check]) -> Verdict:
    """Reproduced if every check holds; one that fails is enough for the contrary.

    Raises:
        ValueError: there are no checks.
    """
    if not checks:
        raise ValueError("nothing was checked, so there is no verdict")
    failed = [f"{check.what}: {check.ours} instead of {check.paper}" for check in checks if not check.holds]
    if failed:
        return Verdict("not reproduced", f"{'; '.join(failed)}.")
    conditions = list(dict.fromkeys(check.condition for check in checks if check.condition))
    if conditions:
        return Verdict("reproduced under a condition", f"{'; '.join(conditions)}.")
    return Verdict("reproduced", f"{len(checks)} of {len(checks)} checks agree.")


@dataclass(frozen=True)
class MeasuredTable:
    """What we measured beside the checks.

    Attributes:
        title: a sentence that says what a row is.
        rows: the first are the columns' names.
        words: columns of words, which are set to the left.
    """

    title: str
    rows: list[list[str]]
    words: frozenset[str]


Group = Literal["maps", "games", "beyond"]


@dataclass(frozen=True)
class PaperEntry:
    """A table or a figure of the paper, or a question that it leaves open.

    Attributes:
        name: on the command line, e.g. `table4`.
        group: `maps`, `games`, or `beyond` what the paper has.
        summary: what it is about, in a line.
        claim: what the paper says, or the question.
        cells: of a number of seeds, what has to be run.
        run: runs a cell in a process of its own; returns what JSON can hold. `tell` shows how far it is, and
            is where it can be stopped. A function of a module: its name travels, not its code.
        checks: of all results, in the order of `cells`: what the paper says beside what we have. None where
            the paper says nothing.
        tables: of all results: what else was measured.
        figure: draws all results, in the common style; returns matplotlib's figure, which is then written.
            None where there is nothing to draw.
        caption: of the figure.
    """

    name: str
    group: Group
    summary: str
    claim: Claim
    cells: Callable[[int], list[Cell]]
    run: Callable[[Cell, Tell], Any]
    checks: Callable[[Sequence[Result]], list[Check]] | None = None
    tables: Callable[[Sequence[Result]], list[MeasuredTable]] | None = None
    figure: Callable[[Sequence[Result]], Any] | None = None
    caption: str = ""

    def judged(self, results: Sequence[Result]) -> Verdict:
        """The verdict on all results."""
        if self.checks is None:
            return Verdict("not in the paper", "the table is what we found.")
        return verdict(self.checks(results))
