"""The entries that can be run, by name. A new one is a line here."""

from __future__ import annotations

from collections.abc import Sequence

from fop_core.errors import UnknownName

from .entry import Entry
from .figure2 import FIGURE_2
from .figure3 import FIGURE_3
from .figure5 import FIGURE_5
from .figure6 import FIGURE_6
from .matrix_tables import TABLE_1, TABLE_3
from .rewards import REWARDS
from .routing import ROUTING
from .table2 import TABLE_2
from .table4 import TABLE_4
from .temperatures import TEMPERATURES
from .theory import THEORY
from .weights import WEIGHTS
from .wider_games import WIDER

ENTRIES: dict[str, Entry] = {
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


def groups() -> dict[str, list[Entry]]:
    """Words for several entries at once: each group's, and `all`.

    `games` has the maps' entries, too: it is everything that the paper shows but for training on SMAC.
    """
    found: dict[str, list[Entry]] = {"all": list(ENTRIES.values())}
    for entry in ENTRIES.values():
        found.setdefault(entry.group, []).append(entry)
    found["games"] = [entry for entry in ENTRIES.values() if entry.group in ("games", "maps")]
    return found


def choose(names: Sequence[str]) -> list[Entry]:
    """The entries of a command line, each once, in the order given.

    Raises:
        UnknownName: there is no such entry or group.
    """
    known = groups() | {name: [entry] for name, entry in ENTRIES.items()}
    chosen: dict[str, Entry] = {}
    for name in names:
        if name not in known:
            raise UnknownName("entry", name, [*ENTRIES, *groups()])
        chosen |= {entry.name: entry for entry in known[name]}
    return list(chosen.values())
