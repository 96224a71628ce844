"""The replay harness: every recorded episode under many seeds, beside the engine's own floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from fop_envs.scenarios import load_map
from fop_envs.skirmish import ENGINE_VERSION

from . import floor, measures
from .options import Options
from .plan import Plan
from .recordings import Episode, Recording
from .records import Play, Record, Reference, Source, Tracks
from .replays import Player

GRACE = 80
"""Loops that a play goes on after the recorded end, so that a battle a little slower than the recorded one
ends."""
TRACKED_PLACE = 1
"""Of the episode whose tracks are kept: the first after a restart, as nearly all are."""
TRACKED_SEEDS, TRACKED_EVERY = 4, 4


@lru_cache(maxsize=4)
def _player(map_name: str, chosen: Options) -> Player:
    return Player(map_name, **dict(chosen))


@dataclass(frozen=True)
class ReplayBlock:
    """One recorded episode: compared under all seeds, with its floor."""

    map_name: str
    episode: Episode
    seeds: int
    floors: int
    tracks: bool = False
    chosen: Options = ()

    def __call__(self) -> list[Record]:
        player = _player(self.map_name, self.chosen)
        records = self._compare(player, self.episode, "recording", 0)
        places = measures.known(self.episode, player.spawns(self.episode))
        for index in range(self.floors):
            own = floor.own_episode(player, self.episode, places, floor.SEED + index, self._limit())
            records += self._compare(player, own, "engine", index)
        return records

    def _limit(self) -> int:
        return load_map(self.map_name).episode_limit * measures.STEP

    def _compare(self, player: Player, episode: Episode, source: Source, index: int) -> list[Record]:
        spawns = player.spawns(episode)
        places = measures.known(episode, spawns)
        start = player.world(episode, 0).units()
        at_start = np.stack([start["x"], start["y"]], axis=1)
        reference = Reference(
            map=self.map_name,
            episode=episode.number,
            source=source,
            index=index,
            engine=ENGINE_VERSION,
            n_agents=sum(birth.player == 0 for birth in episode.units),
            types=[birth.type for birth in episode.units],
            outcome=measures.outcome_of_recording(episode),
            first_attack=places.first_attack,
            moves=[(seen.loop, seen.unit) for seen in places.moves],
            targets=[(seen.loop, seen.unit) for seen in places.targets],
            spawns=measures.spawn_agreement(episode, places, spawns, at_start)
            if source == "recording"
            else None,
        )
        records: list[Record] = [reference]
        ways = []
        grace = min(GRACE, max(0, self._limit() + 1 - episode.end))
        for seed in range(self.seeds):
            playback = player.play(episode, seed, grace)
            outcome = measures.outcome_of_play(episode, playback)
            moves = measures.place_errors(playback, places.moves, outcome.end)
            targets = measures.place_errors(playback, places.targets, outcome.end)
            seen, off = (*places.moves, *places.targets), (*moves, *targets)
            records.append(
                Play(
                    map=self.map_name,
                    episode=episode.number,
                    source=source,
                    index=index,
                    seed=seed,
                    outcome=outcome,
                    move_errors=moves,
                    target_errors=targets,
                    departure=measures.departure(seen, off),
                )
            )
            if self.tracks and source == "recording" and seed < TRACKED_SEEDS:
                ways.append(_ways(playback.tracks, playback.death_loop, outcome.end))
        if ways:
            records.append(
                Tracks(
                    map=self.map_name,
                    episode=episode.number,
                    every=TRACKED_EVERY,
                    n_agents=reference.n_agents,
                    moves=[(seen.x, seen.y) for seen in places.moves],
                    targets=[(seen.x, seen.y) for seen in places.targets],
                    ways=ways,
                )
            )
        return records


def _ways(tracks: Any, death_loop: Any, end: int) -> list[list[tuple[float, float]]]:
    ways = []
    for unit, dead in enumerate(death_loop.tolist()):
        last = min(dead if dead >= 0 else end, end)
        way = tracks[: last + 1 : TRACKED_EVERY, unit]
        ways.append([(round(float(x), 2), round(float(y), 2)) for x, y in way])
    return ways


def replay_blocks(loaded: Mapping[str, Recording], plan: Plan, chosen: Options) -> list[ReplayBlock]:
    """Episodes of all maps, the maps taking turns, so that the time left can be foretold."""
    chosen_episodes = {
        name: [e for e in recording.episodes if plan.episodes is None or e.number in plan.episodes]
        for name, recording in loaded.items()
    }
    return [
        ReplayBlock(
            name,
            episodes[place],
            plan.seeds,
            plan.floors,
            place == min(TRACKED_PLACE, len(episodes) - 1),
            chosen,
        )
        for place in range(max(map(len, chosen_episodes.values()), default=0))
        for name, episodes in chosen_episodes.items()
        if place < len(episodes)
    ]


def done_replays(records: Sequence[Record], plan: Plan) -> set[tuple[str, int]]:
    """(map, episode) of those whose every play is on record."""
    plays: dict[tuple[str, int], set[tuple[str, int, int]]] = {}
    for record in records:
        if isinstance(record, Play):
            plays.setdefault((record.map, record.episode), set()).add(
                (record.source, record.index, record.seed)
            )
    return {key for key, seen in plays.items() if len(seen) == plan.seeds * (1 + plan.floors)}
