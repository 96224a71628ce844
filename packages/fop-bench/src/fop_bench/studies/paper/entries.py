"""The entries that can be run, by name. A new one is a line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fop_core.errors import UnknownName

from .entry import PaperEntry
from .figure2 import FIGURE_2
from .figure3 import FIGURE_3
from .figure5 import FIGURE_5
from .figure6 import FIGURE_6
from .rewards import REWARDS
from .routing import ROUTING
from .table1 import TABLE_1
from .table2 import TABLE_2
from .table3 import TABLE_3
from .table4 import TABLE_4
from .temperature_rules import TEMPERATURES
from .theory_statements import THEORY
from .weights import WEIGHTS
from .wider_games import WIDER

ENTRIES: dict[str, PaperEntry] = {
    entry.name: entry
    for entry in (
        TABLE_1,
        TABLE_2,
        TABLE_3,
        TABLE_4,
        FIGURE_2,
        FIGURE_3,
        FIGURE_5,
        FIGURE_6,
        TEMPERATURES,
        THEORY,
        ROUTING,
        WEIGHTS,
        REWARDS,
        WIDER,
    )
}


class EntryGroup(NamedTuple):
    """A word for several entries at once."""

    summary: str
    entries: list[PaperEntry]


def _of(*groups: str) -> list[PaperEntry]:
    return [entry for entry in ENTRIES.values() if entry.group in groups]


GROUPS = {
    "maps": EntryGroup("what shows SMAC's maps", _of("maps")),
    "games": EntryGroup(
        "all that the paper shows but for training on SMAC, maps included", _of("maps", "games")
    ),
    "beyond": EntryGroup("what the paper leaves open", _of("beyond")),
    "all": EntryGroup("all of them", list(ENTRIES.values())),
}


def choose(names: Sequence[str]) -> list[PaperEntry]:
    """The entries of a command line, each once, in the order given.

    Raises:
        UnknownName: there is no such entry or group.
    """
    known = {name: group.entries for name, group in GROUPS.items()}
    known |= {name: [entry] for name, entry in ENTRIES.items()}
    chosen: dict[str, PaperEntry] = {}
    for name in names:
        if name not in known:
            raise UnknownName("entry", name, [*ENTRIES, *GROUPS])
        chosen |= {entry.name: entry for entry in known[name]}
    return list(chosen.values())
