"""What is compared: plays of the engine with the episodes whose orders they got, over all plays of a map."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import msgspec

from .measures import STEP, matched_deaths, shared_kills
from .medians import MedianP90, mean, median_p90, percentile
from .quantiles import Pair, Quantiles, quantiles_of

FREE_LOOPS = 40
"""Loops from the start within which agents still move freely on most maps."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Plays against the episodes whose orders they got: recordings, or the engine's own (the noise floor).

    Attributes:
        episodes: how many.
        plays: of all of them.
        allies_free: cells, agents at move orders in the first 40 loops, before the agents' first attack.
        allies_free_within: share of those within 0.02 cells.
        allies_until_attack: cells, agents at move orders before the agents' first attack.
        allies: cells, agents at all move orders.
        enemies_first: cells, enemies at the first order that targets them.
        enemies: cells, enemies at all new orders that target them.
        by_loop: `[first loop, agents' median, 90th percentile, enemies' median, 90th percentile]`.
        first_kill, first_loss: loops between the first deaths, without sign; infinite where only one side
            died.
        first_kill_shift: median with sign, positive where the plays are late; NaN where nobody died.
        deaths: share of the recorded loop, death by death in order, both sides.
        deaths_of: the same by side.
        end: loops between the ends.
        kills_shared: mean share of kills that fall to the same killer.
        won: share of the episodes that the agents won.
        plays_won: share of plays.
        same_winner: share of plays.
        same_survivors: share of plays with as many agents left.
        survivors_off: mean difference of agents left, as a share of the team.
        losses, plays_losses: mean dead of both sides.
        departures: of plays that left the episode by more than half a cell: loop.
        departed: share of plays that did.
        first_off: who left first, as `agent Marine` with the share of departures, most frequent first.
        example: the earliest departure there is.
    """

    episodes: int
    plays: int
    allies_free: MedianP90
    allies_free_within: float
    allies_until_attack: MedianP90
    allies: MedianP90
    enemies_first: MedianP90
    enemies: MedianP90
    by_loop: list[tuple[int, float, float, float, float]]
    first_kill: MedianP90
    first_kill_shift: float
    first_loss: MedianP90
    deaths: MedianP90
    deaths_of: tuple[MedianP90, MedianP90]
    end: MedianP90
    kills_shared: float
    won: float
    plays_won: float
    same_winner: float
    same_survivors: float
    survivors_off: float
    losses: tuple[float, float]
    plays_losses: tuple[float, float]
    departures: MedianP90
    departed: float
    first_off: list[tuple[str, float]]
    example: str
    quantiles: Quantiles


def compare(pairs: Sequence[Pair], floor: Comparison | None = None) -> Comparison:
    moves: list[tuple[int, bool, float]] = []  # loop, before the first attack, error
    targets: list[tuple[int, bool, float]] = []  # loop, first order on this unit, error
    kills, losses, shifts, ends, shared = [], [], [], [], []
    deaths: tuple[list[float], list[float]] = ([], [])
    off: list[tuple[int, str]] = []
    examples = []
    for pair in pairs:
        reference, recorded = pair.reference, pair.reference.outcome
        newly = _first_of_each([unit for _, unit in reference.targets])
        for play in pair.plays:
            moves += [
                (loop, loop < reference.first_attack, error)
                for (loop, _), error in zip(reference.moves, play.move_errors, strict=True)
                if error is not None
            ]
            targets += [
                (loop, first, error)
                for (loop, _), first, error in zip(reference.targets, newly, play.target_errors, strict=True)
                if error is not None
            ]
            played = play.outcome
            for side in (0, 1):
                deaths[side].extend(matched_deaths(recorded.deaths[side], played.deaths[side]))
            kills += _first_difference(recorded.deaths[1], played.deaths[1])
            losses += _first_difference(recorded.deaths[0], played.deaths[0])
            if recorded.deaths[1] and played.deaths[1]:
                shifts.append(float(played.deaths[1][0] - recorded.deaths[1][0]))
            ends.append(float(abs(played.end - recorded.end)))
            n = reference.n_agents
            shared.append(shared_kills(recorded.kills[:n], played.kills[:n]))
            if play.departure is not None:
                unit = play.departure.unit
                who = f"{'agent' if unit < n else 'enemy'} {reference.types[unit]}"
                off.append((play.departure.loop, who))
                examples.append(
                    (
                        play.departure.loop,
                        f"episode {play.episode}, seed {play.seed}: loop {play.departure.loop}, "
                        f"unit {unit} ({who}), {play.departure.distance:.2f} cells",
                    )
                )
    plays = [play for pair in pairs for play in pair.plays]
    both = [(pair.reference.outcome, play.outcome) for pair in pairs for play in pair.plays]
    free = [error for loop, before, error in moves if before and loop <= FREE_LOOPS]
    names = Counter(who for _, who in off)
    return Comparison(
        episodes=len(pairs),
        plays=len(plays),
        allies_free=median_p90(free),
        allies_free_within=mean(error <= 0.02 for error in free) if free else math.nan,
        allies_until_attack=median_p90([error for _, before, error in moves if before]),
        allies=median_p90([error for _, _, error in moves]),
        enemies_first=median_p90([error for _, first, error in targets if first]),
        enemies=median_p90([error for _, _, error in targets]),
        by_loop=_by_loop(moves, targets),
        first_kill=median_p90(kills),
        first_kill_shift=percentile(shifts, 50),
        first_loss=median_p90(losses),
        deaths=median_p90(deaths[0] + deaths[1]),
        deaths_of=(median_p90(deaths[0]), median_p90(deaths[1])),
        end=median_p90(ends),
        kills_shared=mean(shared),
        won=mean(pair.reference.outcome.winner == "agents" for pair in pairs),
        plays_won=mean(b.winner == "agents" for _, b in both),
        same_winner=mean(a.winner == b.winner for a, b in both),
        same_survivors=mean(a.survivors[0] == b.survivors[0] for a, b in both),
        survivors_off=mean(
            abs(pair.reference.outcome.survivors[0] - play.outcome.survivors[0]) / pair.reference.n_agents
            for pair in pairs
            for play in pair.plays
        ),
        losses=(mean(len(a.deaths[0]) for a, _ in both), mean(len(a.deaths[1]) for a, _ in both)),
        plays_losses=(mean(len(b.deaths[0]) for _, b in both), mean(len(b.deaths[1]) for _, b in both)),
        departures=median_p90([float(loop) for loop, _ in off]),
        departed=len(off) / len(plays),
        first_off=[(who, count / len(off)) for who, count in names.most_common(3)],
        example=min(examples)[1] if examples else "",
        quantiles=quantiles_of(pairs, floor.quantiles if floor else None),
    )


def _first_of_each(units: Sequence[int]) -> list[bool]:
    return [unit not in units[:place] for place, unit in enumerate(units)]


def _first_difference(recorded: Sequence[int], played: Sequence[int]) -> list[float]:
    """Nothing where nobody died in either; infinite where somebody died in one only."""
    if not recorded and not played:
        return []
    return [float(abs(played[0] - recorded[0]))] if recorded and played else [math.inf]


def _by_loop(
    moves: Sequence[tuple[int, bool, float]], targets: Sequence[tuple[int, bool, float]]
) -> list[tuple[int, float, float, float, float]]:
    """Bins of two steps; a bin with fewer than 20 places is left out."""
    bins: dict[int, tuple[list[float], list[float]]] = {}
    for side, places in enumerate((moves, targets)):
        for loop, _, error in places:
            bins.setdefault(loop // (2 * STEP), ([], []))[side].append(error)
    rows = []
    for place in sorted(bins):
        sides = [side if len(side) >= 20 else [] for side in bins[place]]
        if sides[0] or sides[1]:
            values = [round(percentile(side, q), 4) for side in sides for q in (50, 90)]
            rows.append((place * 2 * STEP, *values))
    return rows  # type: ignore[return-value]
