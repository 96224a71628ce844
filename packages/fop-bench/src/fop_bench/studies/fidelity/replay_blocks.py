"""Every recorded episode played under many seeds, beside the engine's noise floor."""

from __future__ import annotations

import argparse
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fop_bench.jobs.blocks import Tell
from fop_bench.run import selection
from fop_envs.smac.maps import load_map
from fop_envs.smac.skirmish import ENGINE_VERSION

from . import fidelity_figures, measures, noise_floor
from .captioned_tables import CaptionedTable
from .engine_options import Options
from .fidelity_records import REPLAYS, Play, Record, Source, Tracks
from .measurement_plan import MeasurementPlan
from .playback import Player
from .recordings import Episode, GivenRecordings, Recording
from .replay_tables import replay_tables
from .study_part import Found, StudyPart, untold

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

    @property
    def key(self) -> tuple[str, int]:
        return self.map_name, self.episode.number

    def __call__(self, tell: Tell = untold) -> list[Record]:
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


def done_replays(records: Sequence[Record], plan: MeasurementPlan) -> set[Hashable]:
    """(map, episode) of those whose every play is on record."""
    plays: dict[tuple[str, int], set[tuple[str, int, int]]] = {}
    for record in records:
        if isinstance(record, Play):
            plays.setdefault((record.map, record.episode), set()).add(
                (record.source, record.index, record.seed)
            )
    return {key for key, seen in plays.items() if len(seen) == plan.seeds * (1 + plan.floors)}


class ReplaysPart(StudyPart):
    """Every recorded episode under many seeds."""

    name, file, what = "replays", REPLAYS, "episodes"
    in_all = True

    def __init__(self, args: argparse.Namespace, given: GivenRecordings) -> None:
        self._loaded = given.load()
        which = getattr(args, "which", None)
        self._plan = {
            "recordings": given.digests(self._loaded),
            "episodes": selection.seeds(which) if which else None,
            "seeds": args.seeds,
            "floors": args.floors,
        }

    def plan(self) -> dict[str, Any]:
        return self._plan

    def blocks(self, plan: MeasurementPlan, chosen: Options) -> Sequence[ReplayBlock]:
        return replay_blocks(self._loaded, plan, chosen)

    def done(self, records: Sequence[Record], plan: MeasurementPlan) -> set[Hashable]:
        return done_replays(records, plan)

    def banner(self, plan: MeasurementPlan) -> dict[str, str]:
        own = (
            f", beside {plan.floors} of the engine's own for each"
            if plan.floors
            else ", without a noise floor"
        )
        names = (
            f"{name} ({len(recording.episodes) if plan.episodes is None else len(plan.episodes)})"
            for name, recording in self._loaded.items()
        )
        return {"recordings": ", ".join(names), "replays": f"{plan.seeds} seeds each{own}"}

    @classmethod
    def tables(cls, found: Found) -> list[CaptionedTable]:
        return replay_tables(found.maps) if found.maps else []

    @classmethod
    def draw(cls, found: Found, folder: Path, suffixes: Sequence[str]) -> list[Path]:
        records = found.records[cls.name]
        return fidelity_figures.draw(records, found.maps, folder, suffixes) if found.maps else []

    @classmethod
    def summary(cls, found: Found) -> dict[str, Any]:
        return {"maps": found.maps}
