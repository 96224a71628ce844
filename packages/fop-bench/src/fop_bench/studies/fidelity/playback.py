"""Recorded orders played into the engine, and how far its units are from the recorded places.

An episode's orders are given to the engine's units at the loops at which the game's got them (open loop: they
don't answer what the engine's battle does differently). Compared are the places of the agents' units at each
of their move orders, the places of enemies at each new order that targets them, and the loops of all deaths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fop_core import skirmish
from fop_envs.smac.maps import load_map, native_scenario, native_traits
from fop_envs.smac.skirmish import SmacOptions

from .recordings import LISTED_DEALERS, Episode, Order

SCAN_INTERVAL = 8
"""Loops between two looks of an enemy; the game's loop and the unit's number say when it looks first."""

MOVE_AMOUNT = 2.0
"""Cells that a move order of SMAC goes."""


@dataclass(frozen=True)
class Sighting:
    """A place of a unit that the recording gives exactly."""

    loop: int
    unit: int
    x: float
    y: float


@dataclass
class Playback:
    """What became of an episode in the engine.

    Attributes:
        death_loop: by unit, -1 for those who lived when the play ended.
        killer: by unit, -1 for nobody.
        tracks: `[loops, units, 2]` places before each loop.
        fought: `[loops, units]`, who took damage or dealt it (`LISTED_DEALERS`) in each loop; None where the
            engine doesn't tell.
    """

    death_loop: npt.NDArray[np.int64]
    killer: npt.NDArray[np.int64]
    tracks: npt.NDArray[np.float32] = field(repr=False)
    fought: npt.NDArray[np.bool_] | None = field(default=None, repr=False)


class Player:
    """Plays episodes of one map.

    Args:
        map_name: the map.
        options: SMAC's and the engine's options by name.
    """

    def __init__(self, map_name: str, **options: object) -> None:
        info = load_map(map_name)
        self.task = skirmish.Task(
            native_scenario(info), native_traits(info), SmacOptions.named(options).native()
        )

    def world(self, episode: Episode, seed: int) -> skirmish.World:
        """The engine's battle at the agents' first orders: after a restart the enemy has walked one loop.

        Enemies look for targets in the recorded rhythm (docs/environments/skirmish_combat.md).
        """
        world = skirmish.World(self.task, seed, episode.number, 0 if episode.first else 1)
        for unit, look in enumerate(first_looks(episode).tolist()):
            world.set(unit, "next_scan", world.loop + look)
        return world

    def spawns(self, episode: Episode) -> npt.NDArray[np.float32]:
        """`[units, 2]` places where the units of an episode appear."""
        rows = skirmish.World(self.task, 0, episode.number, 0).units()
        return np.stack([rows["x"], rows["y"]], axis=1)

    def start(self, episode: Episode) -> npt.NDArray[np.float32]:
        """`[units, 2]` places of an episode's units at the agents' first orders."""
        rows = self.world(episode, 0).units()
        return np.stack([rows["x"], rows["y"]], axis=1)

    def play(self, episode: Episode, seed: int, grace: int = 0) -> Playback:
        """Plays the recorded orders up to the recorded end, and `grace` loops more without new ones."""
        world = self.world(episode, seed)
        by_loop: dict[int, list[Order]] = {}
        for order in episode.orders:
            by_loop.setdefault(order.loop, []).append(order)
        n_units = len(episode.units)
        death_loop = np.full(n_units, -1, np.int64)
        loops = episode.end + 1 + grace
        tracks = np.zeros((loops, n_units, 2), np.float32)
        fought = np.zeros((loops, n_units), np.bool_)
        listed = np.array([birth.type in LISTED_DEALERS for birth in episode.units])
        rows = world.units()
        for loop in range(loops):
            tracks[loop, :, 0], tracks[loop, :, 1] = rows["x"], rows["y"]
            for order in by_loop.get(loop, ()):
                give(world, order)
            world.step()
            before, rows = rows, world.units()
            fought[loop] = rows["last_hurt"] > before["last_hurt"]
            fought[loop] |= listed & (rows["attacks"] > before["attacks"])
            death_loop[(death_loop < 0) & (rows["alive"] == 0)] = loop + 1
        return Playback(death_loop, rows["killer"].astype(np.int64), tracks, fought)


def first_looks(episode: Episode) -> npt.NDArray[np.int64]:
    """`[units]`, loops of the episode at which they first look for targets."""
    tags = np.array([birth.tag for birth in episode.units], np.int64)
    return (tags - 1 - episode.loop0) % SCAN_INTERVAL


def give(world: skirmish.World, order: Order) -> None:
    """Gives a recorded order to the engine's unit."""
    if order.kind == "move" and order.x is not None and order.y is not None:
        world.move(order.unit, order.x, order.y)
    elif order.kind == "attack" and order.target is not None:
        world.attack(order.unit, order.target)
    elif order.kind == "heal" and order.target is not None:
        world.heal(order.unit, order.target)
    elif order.kind == "stop":
        world.stop(order.unit)


def sightings_of_movers(episode: Episode, spawns: npt.NDArray[np.float32]) -> Iterator[Sighting]:
    """Places of the agents' units at their move orders.

    The order's point lies 2 cells off in one of four directions; the one that comes nearest to the unit's
    last known place (at first its spawn place, `spawns` `[units, 2]`) is meant.
    """
    last = {unit: (float(x), float(y)) for unit, (x, y) in enumerate(spawns)}
    for order in episode.orders:
        if order.kind != "move" or order.x is None or order.y is None:
            continue
        x0, y0 = last[order.unit]
        candidates = [
            (order.x + dx, order.y + dy)
            for dx, dy in ((-MOVE_AMOUNT, 0), (MOVE_AMOUNT, 0), (0, -MOVE_AMOUNT), (0, MOVE_AMOUNT))
        ]
        x, y = min(candidates, key=lambda place: (place[0] - x0) ** 2 + (place[1] - y0) ** 2)
        last[order.unit] = (x, y)
        yield Sighting(order.loop, order.unit, x, y)


def sightings_of_targets(episode: Episode) -> Iterator[Sighting]:
    """Places of enemies at each order that newly targets them."""
    seen: set[tuple[int, int]] = set()
    for order in episode.orders:
        if order.kind != "attack" or order.repeated or order.target is None:
            continue
        if (order.loop, order.target) in seen or order.x is None or order.y is None:
            continue
        seen.add((order.loop, order.target))
        yield Sighting(order.loop, order.target, order.x, order.y)


def errors(playback: Playback, sightings: Sequence[Sighting]) -> npt.NDArray[np.float64]:
    """Distance of each sighting from the engine's unit, in cells; NaN where that one is dead by then."""
    result = np.full(len(sightings), np.nan)
    for i, seen in enumerate(sightings):
        dead_at = playback.death_loop[seen.unit]
        if 0 <= dead_at <= seen.loop:
            continue
        x, y = playback.tracks[seen.loop, seen.unit]
        result[i] = np.hypot(x - seen.x, y - seen.y)
    return result
