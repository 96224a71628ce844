"""Recorded 3m episodes with health, played into the engine: places, orders and deaths forced, hits its own.

What is left to the engine is whom the enemy shoots at and when. Its hits from each row to the next are set
beside the recorded ones: by the table of `health_rows`, and as a likelihood.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from fop_bench.jobs.blocks import Tell
from fop_bench.run import selection
from fop_core import skirmish
from fop_core.errors import FopError
from fop_envs.smac.maps import load_map, native_scenario, native_traits
from fop_envs.smac.skirmish import ENGINE_VERSION, SmacOptions

from .captioned_tables import CaptionedTable
from .engine_options import Options
from .fidelity_records import HEALTH, HealthPlays, HitTimes, Record
from .health_recording import (
    FIRST_ATTACK,
    HIT,
    MAP_NAME,
    ROW_LOOPS,
    Floats,
    HealthEpisode,
    Ints,
    data_file,
    load_episodes,
    shared_file,
)
from .health_rows import SITUATIONS, Battle, count_rows
from .health_tables import health_tables
from .measurement_plan import MeasurementPlan, digest
from .playback import MOVE_AMOUNT
from .recordings import GivenRecordings
from .study_part import Found, StudyPart, untold

STEPS = {2: (0.0, MOVE_AMOUNT), 3: (0.0, -MOVE_AMOUNT), 4: (MOVE_AMOUNT, 0.0), 5: (-MOVE_AMOUNT, 0.0)}
"""SMAC's move actions, north, south, east and west, in cells."""
STOP = 1
SPEED = 2.25 / 16
"""Cells that a Marine walks in a loop."""
EPISODES_PER_BLOCK = 20


class HealthPlayer:
    """Plays episodes with health.

    Args:
        options: SMAC's and the engine's options by name.
    """

    def __init__(self, **options: object) -> None:
        info = load_map(MAP_NAME)
        self.task = skirmish.Task(
            native_scenario(info), native_traits(info), SmacOptions.named(options).native()
        )

    def play(self, episode: HealthEpisode, seeds: int) -> Ints:
        """`[P, R, N]` hits on agents from each row to the next, under the seeds 0 to `P` - 1.

        Units stand where the recording has them, in each loop: from row to row they walk straight and at full
        speed, then they stand, as those do that come within range. Agents get the recorded actions as orders.
        Whoever lives in the next row can't fall before it; whoever is dead there falls by its recorded
        health, or with that row. Whom an enemy fights, cooldowns and facing go on from row to row as the
        engine has them. Enemies look in the rhythm that the seed draws: the recording doesn't tell theirs.

        Raises:
            FopError: the first row isn't the map's.
        """
        forced = self._forced(episode)
        return np.stack([self._hits(forced, seed) for seed in range(seeds)])

    def _forced(self, episode: HealthEpisode) -> _Forced:
        units = skirmish.World(self.task, 0, episode.number, 1).units()
        n_agents = episode.ally_hp.shape[1]
        places = np.concatenate([episode.ally_places, episode.enemy_places], axis=1)
        numbers = unit_numbers(
            np.stack([units["x"], units["y"]], axis=1), places[0], n_agents, episode.number
        )
        hp = np.concatenate([episode.ally_hp, episode.enemy_hp], axis=1)[:, np.argsort(numbers)]
        return _Forced(
            number=episode.number,
            agents=numbers[:n_agents],
            enemies=numbers[n_agents:],
            ways=ways_between_rows(places[:, np.argsort(numbers)], hp > 0).tolist(),
            hp=hp.tolist(),
            full=units["hp_max"].tolist(),
            actions=episode.actions.tolist(),
        )

    def _hits(self, forced: _Forced, seed: int) -> Ints:
        world = skirmish.World(self.task, seed, forced.number, 1)
        hits = np.zeros((len(forced.actions), len(forced.agents)), np.int64)
        for row, actions in enumerate(forced.actions):
            now, after = forced.hp[row], forced.hp[row + 1]
            living = [unit for unit, health in enumerate(now) if health > 0]
            start = [now[unit] if after[unit] <= 0 else forced.full[unit] for unit in range(len(now))]
            for unit in living:
                world.set(unit, "hp", start[unit])
            for loop, places in enumerate(forced.ways[row]):
                for unit in living:
                    world.set(unit, "x", places[unit][0])
                    world.set(unit, "y", places[unit][1])
                if loop == 0:
                    for unit, action in zip(forced.agents, actions, strict=True):
                        _give(world, unit, action, places[unit], forced.enemies)
                world.step()
            units = world.units()
            left = np.where(units["alive"] > 0, units["hp"], 0).tolist()
            for unit in living:
                if after[unit] <= 0:
                    world.set(unit, "alive", 0)
            for agent, unit in enumerate(forced.agents):
                if now[unit] > 0:
                    hits[row, agent] = math.ceil((start[unit] - left[unit]) / HIT)
        return hits


@dataclass(frozen=True)
class _Forced:
    """What is forced on the plays of an episode, by the engine's numbers of units."""

    number: int
    agents: list[int]
    enemies: list[int]  # by id
    ways: list[list[list[list[float]]]]  # by row, loop, unit: x, y
    hp: list[list[float]]
    full: list[float]
    actions: list[list[int]]


def ways_between_rows(places: Floats, alive: npt.NDArray[np.bool_]) -> Floats:
    """`[R, 8, U, 2]` places in each loop from those in each row, `[R + 1, U, 2]`.

    Straight, at a Marine's speed, and then standing; slower where the way takes all of the eight loops.
    Who is dead in the next row stands.
    """
    way = np.where(alive[1:, :, None], places[1:] - places[:-1], 0.0)
    length = np.hypot(way[..., 0], way[..., 1])
    loops = np.clip(length / SPEED, 1e-9, ROW_LOOPS)
    share = np.minimum(np.arange(ROW_LOOPS)[:, None] / loops[:, None], 1.0)
    ways: Floats = places[:-1, None] + share[..., None] * way[:, None]
    return ways


def unit_numbers(ours: Floats, theirs: Floats, n_agents: int, number: int) -> list[int]:
    """The engine's unit for each agent and each enemy id: the nearest of its side at the first row.

    Args:
        ours: `[N + M, 2]` places of the engine's units.
        theirs: `[N + M, 2]` places in the first row.
        n_agents: `N`.
        number: of the episode, for the message.

    Raises:
        FopError: two have the same unit, or one is more than half a cell off.
    """
    apart = np.hypot(*(theirs[:, None] - ours[None]).transpose(2, 0, 1))
    apart[:n_agents, n_agents:] = apart[n_agents:, :n_agents] = np.inf
    numbers: list[int] = apart.argmin(axis=1).tolist()
    if len(set(numbers)) < len(numbers) or apart.min(axis=1).max() > 0.5:
        raise FopError(f"episode {number}: the places of its first row aren't where {MAP_NAME} has its units")
    return numbers


def _give(
    world: skirmish.World, unit: int, action: int, place: Sequence[float], enemies: Sequence[int]
) -> None:
    """Gives the order of an action of SMAC; the actions of the dead are no orders."""
    if action >= FIRST_ATTACK:
        world.attack(unit, enemies[action - FIRST_ATTACK])
    elif action in STEPS:
        dx, dy = STEPS[action]
        world.move(unit, place[0] + dx, place[1] + dy)
    elif action == STOP:
        world.stop(unit)


def log_likelihood(recorded: Ints, played: Ints, battle: Battle) -> tuple[float, float]:
    """How probable an episode's hits are under the engine: *when* they fall, and *on whom*; 0 is best.

    *When*: from each row to the next the plays give a distribution over the number of hits on all agents;
    half a play more is spread evenly over 0 to as many as enemies live, so that a number that no play has
    isn't impossible. Added are the logarithms of what it gives to the recorded number.
    *On whom*: the hits of all plays in this row, the one before and the one after, on agents that live in
    this row, give each agent's share; half a play's hit more is spread evenly over the living. Added is the
    logarithm of the share for each recorded hit.

    Rows, and hits within a row, count as if they were independent of each other: the sums rank rules on the
    same episodes and plays; their size says little.

    Args:
        recorded: `[R, N]` hits.
        played: `[P, R, N]` hits of the plays.
        battle: says who lives.
    """
    plays, rows = len(played), len(recorded)
    living = battle.allies[:-1]
    enemies = np.isfinite(battle.distances[:-1]).any(axis=2).sum(axis=1)
    totals = recorded.sum(axis=1)
    as_recorded = (played.sum(axis=2) == totals).sum(axis=0)
    # A number beyond one hit of each enemy takes the place of the largest.
    when = np.log((as_recorded + 0.5 / (enemies + 1)) / (plays + 0.5)).sum()
    fallen = np.zeros((rows + 2, recorded.shape[1]))
    fallen[1:-1] = played.sum(axis=0)
    near = (fallen[:-2] + fallen[1:-1] + fallen[2:]) * living
    half = 0.5 * living / np.maximum(living.sum(axis=1, keepdims=True), 1)
    share = (near + half) / np.maximum(near + half, 1e-9).sum(axis=1, keepdims=True)
    hit = recorded > 0
    whom = (recorded[hit] * np.log(share[hit])).sum()
    return float(when), float(whom)


def hit_times(hits: Ints) -> HitTimes:
    """When hits fall, of `[R, N]` hits; None for the first where nobody was hit."""
    each = hits.sum(axis=1)
    some = np.flatnonzero(each)
    return HitTimes(
        hits=int(each.sum()),
        first=int(some[0]) if len(some) else None,
        rows=len(some),
        together=int((each > 1).sum()),
    )


@lru_cache(maxsize=4)
def _player(chosen: Options) -> HealthPlayer:
    return HealthPlayer(**dict(chosen))


@dataclass(frozen=True)
class HealthBlock:
    """A few episodes, each under all seeds."""

    episodes: tuple[HealthEpisode, ...]
    seeds: int
    chosen: Options

    @property
    def numbers(self) -> list[int]:
        return [episode.number for episode in self.episodes]

    @property
    def key(self) -> tuple[int, ...]:
        return tuple(self.numbers)

    def __call__(self, tell: Tell = untold) -> list[Record]:
        player = _player(self.chosen)
        rows = {key: [0, 0, 0, 0] for key in SITUATIONS}
        likelihoods, recorded_times, played_times = [], [], []
        for episode in self.episodes:
            battle, recorded = Battle.of(episode), episode.hits
            played = player.play(episode, self.seeds)
            likelihoods.append(log_likelihood(recorded, played, battle))
            recorded_times.append(hit_times(recorded))
            played_times.append([hit_times(hits) for hits in played])
            for source, battles in ((0, [recorded]), (2, played)):
                for hits in battles:
                    for key, counts in count_rows(battle, hits).items():
                        rows[key][source] += counts[0]
                        rows[key][source + 1] += counts[1]
        return [
            HealthPlays(
                episodes=self.numbers,
                engine=ENGINE_VERSION,
                seeds=self.seeds,
                log_likelihoods=likelihoods,
                recorded={key: (counts[0], counts[1]) for key, counts in rows.items()},
                played={key: (counts[2], counts[3]) for key, counts in rows.items()},
                recorded_times=recorded_times,
                played_times=played_times,
            )
        ]


def health_blocks(
    episodes: Sequence[HealthEpisode], plan: MeasurementPlan, chosen: Options
) -> list[HealthBlock]:
    """The plan's episodes, a few a block."""
    some = [e for e in episodes if plan.episodes is None or e.number in plan.episodes]
    return [
        HealthBlock(tuple(some[first : first + EPISODES_PER_BLOCK]), plan.health_seeds, chosen)
        for first in range(0, len(some), EPISODES_PER_BLOCK)
    ]


class HealthPart(StudyPart):
    """The recorded episodes with health, a few at once."""

    name, file, what = "health", HEALTH, f"blocks of {EPISODES_PER_BLOCK} episodes"
    in_all = True

    def __init__(self, args: argparse.Namespace, given: GivenRecordings) -> None:
        source = data_file(args.data)
        self._file, self._episodes = source.name, load_episodes(source)
        which = getattr(args, "which", None)
        self._plan = {
            "recordings": {source.name: digest(source)},
            "episodes": selection.seeds(which) if which else None,
            "health_seeds": args.health_seeds,
        }

    @classmethod
    def lacks(cls, args: argparse.Namespace) -> str | None:
        if args.data is not None or ((file := shared_file()) and file.is_file()):
            return None
        return "neither --data nor the variable FOP_SHARED names recorded episodes with health"

    def plan(self) -> dict[str, Any]:
        return self._plan

    def blocks(self, plan: MeasurementPlan, chosen: Options) -> Sequence[HealthBlock]:
        return health_blocks(self._episodes, plan, chosen)

    def done(self, records: Sequence[Record], plan: MeasurementPlan) -> set[Hashable]:
        return {tuple(record.episodes) for record in records if isinstance(record, HealthPlays)}

    def banner(self, plan: MeasurementPlan) -> dict[str, str]:
        which = "all episodes" if plan.episodes is None else f"{len(plan.episodes)} episodes"
        return {"data": self._file, "health": f"{plan.health_seeds} plays of each, {which}"}

    @classmethod
    def tables(cls, found: Found) -> list[CaptionedTable]:
        return health_tables(found.records[cls.name])
