"""Every recorded episode played under many seeds, beside the engine's noise floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fop_envs.smac.maps import load_map
from fop_envs.smac.skirmish import ENGINE_VERSION

from . import measures, noise_floor
from .engine_options import Options
from .fidelity_records import Play, Record, Source, Tracks
from .measurement_plan import MeasurementPlan
from .playback import Player
from .recordings import Episode, Recording

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
    """One recorded episode: compared under all seeds, with its noise floor."""

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
            own = noise_floor.own_episode(
                player, self.episode, places, noise_floor.SEED + index, _limit(self.map_name)
            )
            records += self._compare(player, own, "engine", index)
        return records

    def _compare(self, player: Player, episode: Episode, source: Source, index: int) -> list[Record]:
        spawns = player.spawns(episode)
        places = measures.known(episode, spawns)
        agreement = None
        if source == "recording":
            agreement = measures.spawn_agreement(episode, places, spawns, player.start(episode))
        reference = measures.reference(
            self.map_name, episode, places, ENGINE_VERSION, source, index, agreement
        )
        records: list[Record] = [reference]
        paths = []
        for seed in range(self.seeds):
            playback = player.play(episode, seed, grace(self.map_name, episode))
            play = measures.play(reference, episode, places, playback, seed)
            records.append(play)
            if self.tracks and source == "recording" and seed < TRACKED_SEEDS:
                paths.append(_paths(playback.tracks, playback.death_loop, play.outcome.end))
        if paths:
            records.append(
                Tracks(
                    map=self.map_name,
                    episode=episode.number,
                    every=TRACKED_EVERY,
                    n_agents=reference.n_agents,
                    moves=[(seen.x, seen.y) for seen in places.moves],
                    targets=[(seen.x, seen.y) for seen in places.targets],
                    ways=paths,
                )
            )
        return records


def grace(map_name: str, episode: Episode) -> int:
    """Loops that a play of the episode goes on after the recorded end: up to the map's step limit at most."""
    return min(GRACE, max(0, _limit(map_name) + 1 - episode.end))


def _limit(map_name: str) -> int:
    return load_map(map_name).episode_limit * measures.STEP


def _paths(tracks: Any, death_loop: Any, end: int) -> list[list[tuple[float, float]]]:
    paths = []
    for unit, dead in enumerate(death_loop.tolist()):
        last = min(dead if dead >= 0 else end, end)
        path = tracks[: last + 1 : TRACKED_EVERY, unit]
        paths.append([(round(float(x), 2), round(float(y), 2)) for x, y in path])
    return paths


def replay_blocks(
    loaded: Mapping[str, Recording], plan: MeasurementPlan, chosen: Options
) -> list[ReplayBlock]:
    """Episodes of all maps, the maps taking turns, so that the time left can be told early."""
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


def done_replays(records: Sequence[Record], plan: MeasurementPlan) -> set[tuple[str, int]]:
    """(map, episode) of those whose every play is on record."""
    plays: dict[tuple[str, int], set[tuple[str, int, int]]] = {}
    for record in records:
        if isinstance(record, Play):
            plays.setdefault((record.map, record.episode), set()).add(
                (record.source, record.index, record.seed)
            )
    return {key for key, seen in plays.items() if len(seen) == plan.seeds * (1 + plan.floors)}
