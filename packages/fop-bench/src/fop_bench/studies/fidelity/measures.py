"""How far a play of the engine is from the episode whose orders it got. Pure functions; nothing is random
here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .fidelity_records import Departure, Fight, Outcome, Play, Reference, Source, Spawns, Winner
from .playback import Playback, Sighting, errors, sightings_of_movers, sightings_of_targets
from .recordings import FIGHT_INTERVAL, Episode

STEP = 8
"""Loops of an environment step: SMAC looks whether the battle is decided after each."""
FAR = 0.5
"""Cells off from which on the engine has left the recording."""
GRAIN = 1 / 4096


@dataclass(frozen=True)
class Known:
    """An episode's exact places: of agents at their move orders, of enemies at new orders that target
    them."""

    moves: tuple[Sighting, ...]
    targets: tuple[Sighting, ...]
    first_attack: int


def known(episode: Episode, spawns: npt.NDArray[np.float32]) -> Known:
    """`spawns` `[units, 2]` are needed to tell in which direction a unit's first move goes."""
    attacks = [order.loop for order in episode.orders if order.kind == "attack"]
    return Known(
        tuple(sightings_of_movers(episode, spawns)),
        tuple(sightings_of_targets(episode)),
        min(attacks, default=episode.end),
    )


def winner(episode: Episode, dead: Callable[[int], bool]) -> Winner | None:
    """Who has won by SMAC's rules, in SMAC's order; None while neither has. Medivacs alone don't count.

    `nobody` is a draw: both sides are empty.
    """
    left: tuple[list[str], list[str]] = ([], [])
    for unit, birth in enumerate(episode.units):
        if not dead(unit):
            left[birth.player].append(birth.type)
    agents, enemies = ([kind for kind in side if kind != "Medivac"] for side in left)
    if not agents and left[1]:
        return "enemy"
    if not enemies and left[0]:
        return "agents"
    return None if left[0] or left[1] else "nobody"


def outcome_of_recording(episode: Episode) -> Outcome:
    """How the recorded battle went; a battle that was cut off by the step limit was won by nobody."""
    kills = [0] * len(episode.units)
    dead = set()
    for death in episode.fallen:
        dead.add(death.unit)
        if death.killer is not None:
            kills[death.killer] += 1
    return Outcome(
        end=episode.end,
        winner=winner(episode, dead.__contains__) or "nobody",
        survivors=(episode.survivors(0), episode.survivors(1)),
        deaths=_by_side(episode, [(death.unit, death.loop) for death in episode.fallen]),
        kills=kills,
    )


def outcome_of_play(episode: Episode, playback: Playback) -> Outcome:
    """How the engine's battle went, up to the step that decided it."""
    last = len(playback.tracks)
    end, found = last, None
    for loop in range(STEP, last, STEP):
        gone = set(np.flatnonzero((playback.death_loop >= 0) & (playback.death_loop <= loop)).tolist())
        found = winner(episode, gone.__contains__)
        if found:
            end = loop + 1
            break
    deaths = [(unit, int(loop)) for unit, loop in enumerate(playback.death_loop) if 0 <= loop <= end]
    kills = [0] * len(episode.units)
    for unit, _ in deaths:
        if playback.killer[unit] >= 0:
            kills[playback.killer[unit]] += 1
    sides = _by_side(episode, deaths)
    totals = [sum(birth.player == side for birth in episode.units) for side in (0, 1)]
    return Outcome(
        end=end,
        winner=found or "nobody",
        survivors=(totals[0] - len(sides[0]), totals[1] - len(sides[1])),
        deaths=sides,
        kills=kills,
    )


def reference(
    map_name: str,
    episode: Episode,
    places: Known,
    engine: str,
    source: Source = "recording",
    index: int = 0,
    spawns: Spawns | None = None,
) -> Reference:
    """What plays of an episode by `engine` are compared with."""
    return Reference(
        map=map_name,
        episode=episode.number,
        source=source,
        index=index,
        engine=engine,
        n_agents=sum(birth.player == 0 for birth in episode.units),
        types=[birth.type for birth in episode.units],
        outcome=outcome_of_recording(episode),
        first_attack=places.first_attack,
        moves=[(seen.loop, seen.unit) for seen in places.moves],
        targets=[(seen.loop, seen.unit) for seen in places.targets],
        spawns=spawns,
        fights=recorded_fights(episode),
    )


def play(against: Reference, episode: Episode, places: Known, playback: Playback, seed: int) -> Play:
    """How far a play under `seed`, by whatever engine, is from its episode, whose `against` and `places`
    these are."""
    outcome = outcome_of_play(episode, playback)
    moves = place_errors(playback, places.moves, outcome.end)
    targets = place_errors(playback, places.targets, outcome.end)
    return Play(
        map=against.map,
        episode=against.episode,
        source=against.source,
        index=against.index,
        seed=seed,
        outcome=outcome,
        move_errors=moves,
        target_errors=targets,
        departure=departure((*places.moves, *places.targets), (*moves, *targets)),
        fights=played_fights(episode, playback, outcome.end),
    )


def _by_side(episode: Episode, deaths: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return (
        sorted(loop for unit, loop in deaths if episode.units[unit].player == 0),
        sorted(loop for unit, loop in deaths if episode.units[unit].player == 1),
    )


def place_errors(playback: Playback, sightings: Sequence[Sighting], end: int) -> list[float | None]:
    """Distance of each known place from the engine's unit; None where that is dead or the battle over."""
    return [
        None if math.isnan(error) or seen.loop >= end else round(float(error), 4)
        for seen, error in zip(sightings, errors(playback, sightings), strict=True)
    ]


def departure(sightings: Sequence[Sighting], distances: Sequence[float | None]) -> Departure | None:
    """The earliest place that is more than half a cell off; of equally early ones the farthest."""
    far = [
        (seen.loop, -distance, seen.unit)
        for seen, distance in zip(sightings, distances, strict=True)
        if distance is not None and distance > FAR
    ]
    if not far:
        return None
    loop, distance, unit = min(far)
    return Departure(loop=loop, unit=unit, distance=-distance)


def recorded_fights(episode: Episode) -> list[Fight]:
    """Of each list of the recording: the enemies on it, and those alive."""
    gone = {death.unit: death.loop for death in episode.deaths}
    enemies = [unit for unit, birth in enumerate(episode.units) if birth.player == 1]
    return [
        Fight(
            loop=seen.loop,
            fought=len(set(seen.units) & set(enemies)),
            alive=sum(gone.get(unit, math.inf) > seen.loop for unit in enemies),
        )
        for seen in episode.fights
    ]


def played_fights(episode: Episode, playback: Playback, end: int) -> list[Fight | None]:
    """What such lists would show of a play that ends at `end`: None of those after it."""
    if playback.fought is None:
        return []
    enemies = np.array([birth.player == 1 for birth in episode.units])
    found: list[Fight | None] = []
    for seen in episode.fights:
        if seen.loop >= end:
            found.append(None)
            continue
        alive = enemies & ((playback.death_loop < 0) | (playback.death_loop > seen.loop))
        since = max(0, seen.loop - FIGHT_INTERVAL)
        fought = alive & playback.fought[since : seen.loop].any(axis=0)
        found.append(Fight(loop=seen.loop, fought=int(fought.sum()), alive=int(alive.sum())))
    return found


def spawn_agreement(
    episode: Episode, places: Known, spawns: npt.NDArray[np.float32], start: npt.NDArray[np.float32]
) -> Spawns:
    """Recorded spawn places against the engine's.

    Args:
        episode: gives the cells in which units appeared.
        places: of these, those of loop 0 are exact, except for enemies after a restart, who have moved by
            then.
        spawns: `[units, 2]` where the engine's units appear.
        start: `[units, 2]` where they are at the first orders.
    """
    cells = np.array([birth.cell for birth in episode.units])
    standing = (*places.moves, *places.targets) if episode.first else places.moves
    off = {
        seen.unit: float(np.hypot(start[seen.unit, 0] - seen.x, start[seen.unit, 1] - seen.y))
        for seen in standing
        if seen.loop == 0
    }
    return Spawns(
        cells=len(cells),
        cells_agree=int((np.floor(spawns).astype(int) == cells).all(axis=1).sum()),
        exact=len(off),
        exact_agree=sum(distance < GRAIN / 2 for distance in off.values()),
        worst=round(max(off.values(), default=0.0), 6),
    )


def matched_deaths(recorded: Sequence[int], played: Sequence[int]) -> list[float]:
    """Death by death in order, `|played - recorded| / recorded`; infinite where only one side has a k-th
    death."""
    both = [abs(b - a) / max(a, 1) for a, b in zip(recorded, played, strict=False)]
    return both + [math.inf] * abs(len(recorded) - len(played))


def shared_kills(recorded: Sequence[int], played: Sequence[int]) -> float:
    """Share of kills, in [0, 1], that fall to the same killer in both; 1 where neither has any."""
    total = max(sum(recorded), sum(played))
    return 1.0 if total == 0 else sum(map(min, recorded, played)) / total
