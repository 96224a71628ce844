"""From records to the numbers of one map: recordings, noise floor, the gap between both, and the goals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from fop_envs.smac.maps import map_names

from .comparison import Comparison, compare
from .fidelity_records import Play, Record, Reference, Source, Spawns
from .fight_counts import FightCount, fight_counts
from .goals import Goal, goals_of
from .medians import mean
from .quantiles import Pair


class MapSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One map. `noise_floor` is None where the engine's own episodes weren't played.

    Attributes:
        winner_gap: agreement of the winner, recordings minus noise floor, with a 95 % bootstrap interval.
        survivors_gap: the same of the number of survivors.
        fights: how many enemies were in the fight, of each list that the recordings have of them.
    """

    map: str
    spawns: Spawns
    recording: Comparison
    noise_floor: Comparison | None
    winner_gap: tuple[float, float, float] | None
    survivors_gap: tuple[float, float, float] | None
    goals: list[Goal]
    fights: list[FightCount]


def summarise(records: Iterable[Record]) -> dict[str, MapSummary]:
    """By map, in SMAC's order of maps, whatever the order of the records."""
    references: dict[tuple[str, Source, int, int], Reference] = {}
    plays: dict[tuple[str, Source, int, int], dict[int, Play]] = {}
    for record in records:
        if isinstance(record, Reference):
            references[record.map, record.source, record.episode, record.index] = record
        elif isinstance(record, Play):
            key = (record.map, record.source, record.episode, record.index)
            plays.setdefault(key, {})[record.seed] = record
    pairs: dict[str, dict[Source, list[Pair]]] = {}
    order = {name: place for place, name in enumerate(map_names())}
    for key in sorted(references, key=lambda key: (order.get(key[0], len(order)), key[0], key[2:])):
        sides = pairs.setdefault(key[0], {"recording": [], "engine": []})
        sides[key[1]].append(Pair(references[key], [plays[key][seed] for seed in sorted(plays[key])]))
    return {name: _map(name, sides) for name, sides in pairs.items()}


def _map(name: str, sides: dict[Source, list[Pair]]) -> MapSummary:
    known = [pair.reference.spawns for pair in sides["recording"] if pair.reference.spawns is not None]
    spawns = Spawns(
        cells=sum(s.cells for s in known),
        cells_agree=sum(s.cells_agree for s in known),
        exact=sum(s.exact for s in known),
        exact_agree=sum(s.exact_agree for s in known),
        worst=max((s.worst for s in known), default=0.0),
    )
    floor = compare(sides["engine"]) if sides["engine"] else None
    recording = compare(sides["recording"], floor)
    winners = survivors = None
    if floor:
        winners = _gap(sides, lambda r, p: p.outcome.winner == r.outcome.winner)
        survivors = _gap(sides, lambda r, p: p.outcome.survivors[0] == r.outcome.survivors[0])
    return MapSummary(
        map=name,
        spawns=spawns,
        recording=recording,
        noise_floor=floor,
        winner_gap=winners,
        survivors_gap=survivors,
        goals=goals_of(spawns, recording, floor, winners, survivors),
        fights=fight_counts(sides["recording"]),
    )


def _gap(sides: dict[Source, list[Pair]], agrees: Any) -> tuple[float, float, float]:
    """Difference of agreement between recordings and noise floor; episodes, not plays, are resampled."""

    def shares(pairs: list[Pair]) -> list[float]:
        return [mean(agrees(pair.reference, play) for play in pair.plays) for pair in pairs]

    recorded, own = np.array(shares(sides["recording"])), np.array(shares(sides["engine"]))
    rng = np.random.default_rng(0)
    draws = [
        rng.choice(sample, (2000, len(sample))).mean(axis=1) if len(sample) else np.zeros(2000)
        for sample in (recorded, own)
    ]
    low, high = np.percentile(draws[0] - draws[1], [2.5, 97.5])
    return float(recorded.mean() - own.mean()), float(low), float(high)
