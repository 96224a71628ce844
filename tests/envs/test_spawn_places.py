"""Where units appear: the real game's places, and sound places on every map.

Positions and cells are those of recordings of StarCraft II 4.10; docs/environments/skirmish_spawns.md names
them and tells what they show.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fop_core import skirmish
from fop_envs.smac.maps import SIZE, load_map, map_names, native_scenario, native_traits
from fop_envs.smac.skirmish import UNIT_TYPES, SmacOptions

AXIS, DIAGONAL = 0.6884765625, 0.75  # of Marines
MARINES = [(0, 0), (0, -AXIS), (AXIS, 0), (0, AXIS), (-AXIS, 0)]
MARINES += [(DIAGONAL, -DIAGONAL), (DIAGONAL, DIAGONAL), (-DIAGONAL, DIAGONAL)]
ZEALOT_AXIS = 0.9384765625
RADIUS = {"Marine": 0.375, "Marauder": 0.5625, "Medivac": 0.75, "Stalker": 0.625, "Zealot": 0.5}
RADIUS |= {"Colossus": 1.0, "Zergling": 0.375, "Baneling": 0.375, "Hydralisk": 0.625, "SpineCrawler": 0.875}

# Map: spawn point of the agents, and offsets in creation order.
ALLIES = {
    "3m": ((9, 16), MARINES[:3]),
    "8m": ((9, 16), MARINES),
    "5m_vs_6m": ((9, 16), MARINES[:5]),
    "2s3z": (
        (9, 16),
        [
            (0, 0),
            (0, -1.1884765625),
            (0.94140625, -0.49462890625),
            (0.751708984375, 0.751708984375),
            (-0.751953125, 0.751708984375),
        ],
    ),
    "MMM2": (
        (9, 16),
        [*MARINES[:7], (-0.8310546875, 0.966064453125), (-0.830810546875, -0.966552734375), (0, 0)],
    ),
    "corridor": (
        (19.039794921875, 19.119873046875),
        [(0, 0), (0, -ZEALOT_AXIS), (ZEALOT_AXIS, 0), (0, ZEALOT_AXIS), (-ZEALOT_AXIS, 0), (1, -1)],
    ),
}

# Map: cells of the enemies in creation order.
ENEMY_CELLS = {
    "3m": "23,16 23,15 23,16",
    "8m": "23,16 23,15 23,16 23,16 22,16 23,15 23,16 22,16",
    "2s3z": "23,16 23,14 23,15 23,16 22,16",
    "MMM2": "23,16 23,15 23,16 23,16 22,16 23,15 23,16 22,16 22,15 23,14 24,16 23,16",
    "corridor": "27,28 27,27 28,28 27,28 27,28 28,27 28,28 27,28 27,27 27,26 29,28 27,29 26,28 28,26 29,28 "
    "27,29 26,27 29,27 28,29 26,28 27,26 29,26 29,29 26,29",
    "2c_vs_64zg": "16,9 16,8 16,9 16,9 15,9 16,8 16,9 15,9 15,8 16,7 17,9 16,10 14,9 16,7 17,9 15,10 14,8 "
    "17,8 16,10 14,9 15,7 17,7 17,10 14,10 14,7 16,6 18,9 16,11 13,9 16,6 18,9 15,11 13,8 18,8 16,11 13,9 "
    "15,6 17,6 18,10 14,11 13,7 18,7 17,11 13,10 14,6 16,6 19,9 13,9 16,6 19,9 13,8 19,8 13,9 15,6 18,6 "
    "18,11 13,11 13,6 17,6 19,10 13,7 19,7 13,10 14,6",
}


def spawned(name: str) -> npt.NDArray[np.void]:
    """All units before the first loop, agents and then enemies, each in creation order."""
    info = load_map(name)
    task = skirmish.Task(native_scenario(info), native_traits(info), SmacOptions(first_loops=0).native())
    return skirmish.World(task).units()


def positions(units: npt.NDArray[np.void], player: int) -> npt.NDArray[np.float64]:
    chosen = units[units["player"] == player]
    return np.stack([chosen["x"], chosen["y"]], axis=1).astype(np.float64)


@pytest.mark.parametrize("name", ALLIES)
def test_agents_stand_exactly_where_the_game_puts_them(name: str) -> None:
    point, offsets = ALLIES[name]
    assert (positions(spawned(name), 0) - point).tolist() == np.array(offsets, float).tolist()


@pytest.mark.parametrize("name", ENEMY_CELLS)
def test_enemies_stand_in_the_cells_where_the_game_puts_them(name: str) -> None:
    cells = [[int(part) for part in cell.split(",")] for cell in ENEMY_CELLS[name].split()]
    assert np.floor(positions(spawned(name), 1)).astype(int).tolist() == cells


def test_the_sixth_marine_of_the_enemy_stands_south_east() -> None:
    offsets = positions(spawned("5m_vs_6m"), 1) - (23, 16)
    assert offsets.tolist() == [list(place) for place in MARINES[:6]]


@pytest.mark.parametrize("name", ["3m", "8m", "25m", "MMM", "2s3z", "3s5z", "1c3s5z"])
def test_equal_armies_stand_alike(name: str) -> None:
    units = spawned(name)
    assert (positions(units, 0) - (9, 16)).tolist() == (positions(units, 1) - (23, 16)).tolist()


@pytest.mark.parametrize("name", map_names())
def test_everybody_finds_room_on_the_ground(name: str) -> None:
    units = spawned(name)
    walkable = load_map(name).terrain.walkable_open
    types = [UNIT_TYPES[index] for index in units["type"]]
    layer = np.array([kind if kind in ("Medivac", "Colossus") else "ground" for kind in types])
    radius = np.array([RADIUS[kind] for kind in types])
    x, y = units["x"].astype(float), units["y"].astype(float)
    assert ((x > 0) & (x < SIZE) & (y > 0) & (y < SIZE)).all()
    assert walkable[y.astype(int), x.astype(int)][layer == "ground"].all()
    apart = np.hypot(x[:, None] - x, y[:, None] - y) - (radius[:, None] + radius)
    meet = (layer[:, None] == layer) & ~np.eye(len(units), dtype=bool)
    assert (apart[meet] >= -65 / 1024).all()
