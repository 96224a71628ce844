"""SMAC's 23 maps as data: who appears where, what the enemy is ordered to do, where one can walk.

The data file says where each number comes from. A map of one's own is a `MapInfo` built by hand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fop_core import skirmish
from fop_core.errors import UnknownName

SIZE = 32  # all maps are 32 x 32 cells
EnemyOrder = Literal["none", "attack_point", "attack_random_point_on_segment", "attack_unit_group"]
Race = Literal["T", "P", "Z"]


@dataclass(frozen=True)
class SpawnCall:
    """`count` units appear around a point, the first at the point itself.

    Attributes:
        player: 1 for the agents' side, 2 for the enemy.
        unit: name of the type, e.g. `Marine`.
        count: how many.
        x: of the point, in cells from the map's west edge.
        y: of the point, in cells from the map's south edge.
    """

    player: Literal[1, 2]
    unit: str
    count: int
    x: float
    y: float


@dataclass(frozen=True)
class Terrain:
    """Where ground units can stand.

    Attributes:
        walkable: `[32, 32]` bool, index `[y, x]`, away from cliffs.
        walkable_open: the same with the high sides of cliffs: decides on available moves.
        height: `[32, 32]` uint8, index `[y, x]`, as the client gives terrain heights.
    """

    walkable: npt.NDArray[np.bool_]
    walkable_open: npt.NDArray[np.bool_]
    height: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class MapInfo:
    """One map.

    Attributes:
        name: e.g. `3m`.
        episode_limit: most steps of an episode.
        ally_race: of the agents; `P` has shields.
        enemy_race: of the enemy.
        unit_type_bits: length of the one-hot of unit types in observations and state; 0 for none.
        map_type: SMAC's family name; `MMM` brings the rules for Medivacs, `stalkers_and_zealots` numbers the
            enemy's types the other way round.
        spawn_calls: in the order in which the map makes them.
        enemy_order: given once, to every enemy, right after they appear.
        order_points: none, the point, or both ends of the segment.
        terrain: walls and heights.
    """

    name: str
    episode_limit: int
    ally_race: Race
    enemy_race: Race
    unit_type_bits: int
    map_type: str
    spawn_calls: tuple[SpawnCall, ...]
    enemy_order: EnemyOrder
    order_points: tuple[tuple[float, float], ...]
    terrain: Terrain

    @property
    def summary(self) -> str:
        """Both armies in one line, e.g. `2 Stalker + 3 Zealot vs 2 Stalker + 3 Zealot`."""
        return f"{self._army(1)} vs {self._army(2)}"

    def _army(self, player: int) -> str:
        counts: dict[str, int] = {}
        for call in self.spawn_calls:
            if call.player == player:
                counts[call.unit] = counts.get(call.unit, 0) + call.count
        return " + ".join(f"{count} {unit}" for unit, count in counts.items())


@cache
def _data() -> Any:
    return json.loads(files("fop_envs.smac").joinpath("data/maps.json").read_text(encoding="utf-8"))


def map_names() -> tuple[str, ...]:
    """The 23 maps, in SMAC's order of kinds."""
    return tuple(_data()["maps"])


@cache
def load_map(name: str) -> MapInfo:
    """A map by name.

    Raises:
        UnknownName: there is none; the nearest names are given.
    """
    if name not in _data()["maps"]:
        raise UnknownName("map", name, map_names())
    entry = _data()["maps"][name]
    order: EnemyOrder = entry["enemy_order"]
    return MapInfo(
        name=name,
        episode_limit=entry["episode_limit"],
        ally_race=entry["ally_race"],
        enemy_race=entry["enemy_race"],
        unit_type_bits=entry["unit_type_bits"],
        map_type=entry["map_type"],
        spawn_calls=tuple(SpawnCall(*call) for call in entry["spawn_calls"]),
        enemy_order=order,
        order_points=tuple((x, y) for x, y in entry["order_points"]),
        terrain=_load_terrain(entry["terrain"]),
    )


@cache
def _load_terrain(name: str) -> Terrain:
    entry = _data()["terrains"][name]
    cells = np.array([list(row) for row in entry["rows"]])
    return Terrain(
        walkable=cells == "1",
        walkable_open=cells != "0",
        height=np.array([list(bytes.fromhex(row)) for row in entry["heights"]], np.uint8),
    )


def native_scenario(info: MapInfo) -> skirmish.Scenario:
    """The engine's form of a map."""
    return skirmish.Scenario(
        name=info.name,
        players=(
            skirmish.Player("agents"),
            skirmish.Player("script", info.enemy_order, info.order_points),
        ),
        spawn_calls=[(call.player - 1, call.unit, call.count, call.x, call.y) for call in info.spawn_calls],
        walkable=info.terrain.walkable,
        walkable_open=info.terrain.walkable_open,
        episode_limit=info.episode_limit,
    )


def native_traits(info: MapInfo) -> skirmish.MapTraits:
    """What the engine's observation layer wants to know of a map besides."""
    return skirmish.MapTraits(
        ally_shields=info.ally_race == "P",
        enemy_shields=info.enemy_race == "P",
        unit_type_bits=info.unit_type_bits,
        map_type=info.map_type,
        height=info.terrain.height,
    )
