"""Decoded recordings of SMAC episodes played in StarCraft II: a folder with one `<map>.json.gz` (or `.json`)
a map.

Units are numbered in order of creation, the agents' first, as in the engine. Loops count from the agents'
first orders of an episode. Positions are exact to 1/4096 of a cell: a move order of SMAC goes 2 cells from
where its unit is, and an attack order notes where its target is.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from fop_bench.run import selection
from fop_core.errors import FopError, UnknownName

from .measurement_plan import digest

MOVE, ATTACK, STOP, HEAL = 42, 45, 40, 134

OrderKind = Literal["move", "attack", "heal", "stop"]
ABILITIES: dict[int, OrderKind] = {MOVE: "move", ATTACK: "attack", STOP: "stop", HEAL: "heal"}
"""Kinds of orders by the links of their abilities in build 75689 (StarCraft II 4.10)."""


@dataclass(frozen=True)
class Birth:
    """A unit: its type by the engine's name, its player (0 the agents') and the cell it appeared in.

    `tag`: the game's index of the unit, which is used again after a death.
    """

    type: str
    player: int
    cell: tuple[int, int]
    tag: int = 0


@dataclass(frozen=True)
class Death:
    """`killer` is None for units that the end of the episode removed, and for an unknown one."""

    loop: int
    unit: int
    killer: int | None
    by_reset: bool


@dataclass(frozen=True)
class Order:
    """An order to one of the agents' units.

    `x, y`: where a move goes; where the target of an attack or heal was when the order was given.
    `repeated`: the same order as the unit's last one; its place may be that of the earlier order.
    """

    loop: int
    unit: int
    kind: OrderKind
    target: int | None
    x: float | None
    y: float | None
    repeated: bool


@dataclass(frozen=True)
class FightList:
    """The living units that fought since the list before (the episode's start): see `FIGHT_INTERVAL`."""

    loop: int
    units: tuple[int, ...]


FIGHT_INTERVAL = 240
"""Loops of the game between two lists of units that took damage or dealt it.

Whether a list looks back to the one before is read off the recordings: a list holds practically every living
unit that killed since the one before, however long ago, and leaves out many that stood in that one.
"""

LISTED_DEALERS = frozenset({"Marine", "Zergling"})
"""Types seen to be listed for dealing damage alone. Stalkers and Marauders, whose damage their missiles deal,
aren't; Zealots not always; of the other types nothing is known."""


@dataclass(frozen=True)
class Episode:
    """`first`: it followed the launch of the game, so the enemy had not moved before the first orders.

    `loop0`: the game's loop of the first orders.
    """

    number: int
    first: bool
    units: tuple[Birth, ...]
    deaths: tuple[Death, ...]
    orders: tuple[Order, ...]
    end: int
    loop0: int = 0
    fights: tuple[FightList, ...] = ()

    @property
    def fallen(self) -> tuple[Death, ...]:
        """Deaths in battle, in order of time."""
        return tuple(death for death in self.deaths if not death.by_reset)

    def survivors(self, player: int) -> int:
        """Units of a player that lived at the end."""
        total = sum(unit.player == player for unit in self.units)
        return total - sum(self.units[death.unit].player == player for death in self.fallen)

    @property
    def won(self) -> bool:
        """Did the agents win, by SMAC's rule? (The enemy's Medivac alone doesn't count.)"""
        left = {unit for unit, birth in enumerate(self.units) if birth.player == 1}
        left -= {death.unit for death in self.fallen}
        return self.survivors(0) > 0 and all(self.units[unit].type == "Medivac" for unit in left)


@dataclass(frozen=True)
class Recording:
    map_name: str
    source: str
    episodes: tuple[Episode, ...]


def folder(given: Path | None) -> Path:
    """The folder of recordings: the given one, else that of the variable FOP_RECORDINGS, else `recordings`.

    Raises:
        FopError: it isn't there.
    """
    path = given or Path(os.environ.get("FOP_RECORDINGS", "recordings"))
    if not path.is_dir():
        raise FopError(
            f"{path} is no folder of recordings; name one with --recordings or the variable FOP_RECORDINGS "
            "(docs/fidelity.md says where recordings come from)"
        )
    return path


class GivenRecordings:
    """The recordings that a command line names; each file is read when it is asked for, once.

    Args:
        given: the folder, see `folder`.
        maps: `all`, or names separated by commas.
    """

    def __init__(self, given: Path | None, maps: str) -> None:
        self._given, self._maps = given, maps
        self._loaded: dict[str, Recording] = {}

    @property
    def by_name(self) -> bool:
        """Were maps asked for by name?"""
        return self._maps != "all"

    @cached_property
    def names(self) -> list[str]:
        """The maps asked for.

        Raises:
            FopError: the folder isn't there, has no recordings, or none of a map.
        """
        known = available(self._folder)
        if not known:
            raise FopError(f"{self._folder} holds no recordings: expected files such as 3m.json.gz")
        return selection.names(self._maps, known, "recording")

    def load(self, names: Sequence[str] | None = None) -> dict[str, Recording]:
        """Recordings by map: of some maps, or of all that were asked for.

        Raises:
            FopError: a file is damaged.
        """
        names = self.names if names is None else names
        for name in names:
            if name not in self._loaded:
                self._loaded[name] = load(self._folder, name)
        return {name: self._loaded[name] for name in names}

    def digests(self, names: Iterable[str]) -> dict[str, str]:
        """Of the files of some maps, for the plan."""
        files = {name: file_of(self._folder, name) for name in names}
        return {name: digest(file) for name, file in files.items() if file}

    @cached_property
    def _folder(self) -> Path:
        return folder(self._given)


def available(path: Path) -> list[str]:
    """Maps of which the folder has recordings."""
    names = {file.name.split(".")[0] for file in path.iterdir() if file.name.endswith((".json", ".json.gz"))}
    return sorted(name for name in names if file_of(path, name) is not None and _is_recording(path, name))


def load(path: Path, map_name: str) -> Recording:
    """The recording of a map.

    Raises:
        UnknownName: the folder has none of this map.
        FopError: the file is damaged.
    """
    file = file_of(path, map_name)
    if file is None:
        raise UnknownName("recording", map_name, available(path))
    try:
        content = _read(file)
        episodes = tuple(
            _episode(number, episode)
            for number, episode in enumerate(content["episodes"])
            if episode["kill_cheats"]
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError) as error:
        raise FopError(f"{file} is no decoded recording: {type(error).__name__}: {error}") from error
    return Recording(map_name, content.get("source", file.name), episodes)


def file_of(path: Path, map_name: str) -> Path | None:
    """The file of a map's recording in a folder, if there is one."""
    candidates = (path / f"{map_name}.json.gz", path / f"{map_name}.json")
    return next((file for file in candidates if file.is_file()), None)


def _is_recording(path: Path, map_name: str) -> bool:
    file = file_of(path, map_name)
    try:
        return file is not None and "episodes" in _read(file)
    except (OSError, ValueError, EOFError):
        return False


def _read(file: Path) -> dict[str, Any]:
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    content = json.loads(raw)
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return content


def _episode(number: int, raw: dict[str, Any]) -> Episode:
    """One episode of the decoded form; its numbering of units is that of the game (index, recycle)."""
    births = raw["births"]
    unit_of = {(birth[0], birth[1]): unit for unit, birth in enumerate(births)}
    unit_at = {birth[0]: unit for unit, birth in enumerate(births)}
    end = raw["kill_cheats"][0]
    deaths = [
        Death(
            loop=row[0],
            unit=unit_of[row[1], row[2]],
            killer=None if row[4] is None else unit_at.get(row[4]),
            by_reset=row[3] is None and row[0] >= end,
        )
        for row in raw["deaths"]
    ]
    return Episode(
        number=number,
        loop0=raw["loop0"],
        first=raw.get("first", number == 0),
        units=tuple(
            Birth(row[2].removesuffix("_RL"), row[3] - 1, (row[4], row[5]), row[0]) for row in births
        ),
        deaths=tuple(sorted(deaths, key=lambda death: death.loop)),
        orders=tuple(_orders(raw["commands"], unit_of)),
        end=end,
        fights=tuple(
            FightList(loop, tuple(unit_at[row[0]] for row in rows if row[0] in unit_at))
            for loop, rows in raw.get("unit_positions", ())
            if 0 < loop < end
        ),
    )


def _orders(rows: Iterable[Any], unit_of: dict[tuple[int, int], int]) -> Iterable[Order]:
    last: dict[int, tuple[OrderKind, int | None, float | None, float | None]] = {}
    for loop, tags, (ability, _), form, *rest in rows:
        kind = ABILITIES[ability]
        target = x = y = None
        if form == "P":
            x, y = rest
        elif form == "U":
            target = unit_of.get((rest[0], rest[1]))
            x, y = rest[2:]
        for tag in tags:
            unit = unit_of[tuple(tag)]
            repeated = kind != "move" and last.get(unit, ("stop", None))[:2] == (kind, target)
            last[unit] = (kind, target, x, y)
            yield Order(loop, unit, kind, target, x, y, repeated)
