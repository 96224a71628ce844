"""From records to the numbers of the tables: per map, medians and 90th percentiles, and the goals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from fop_envs.smac.maps import map_names

from .measures import STEP, matched_deaths, percentile, quantile, shared_kills
from .records import Play, Record, Reference, Source, Spawns

FREE_LOOPS = 40
"""Loops from the start within which agents still move freely on most maps."""
STATISTICS = ("first kill", "first loss", "median kill", "median loss", "end")
"""Loops of an episode whose place in the engine's own distribution is looked at."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Median and 90th percentile; infinite where that share of cases has no match. `n` cases."""

    median: float
    p90: float
    n: int

    def __str__(self) -> str:
        return "-" if self.n == 0 else f"{short(self.median)} / {short(self.p90)}"


def spread(values: Sequence[float]) -> Spread:
    return Spread(median=percentile(values, 50), p90=percentile(values, 90), n=len(values))


def short(value: float) -> str:
    """Three figures at most; `none` where there is no match, `-` where there is nothing to measure."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "none"
    if value == int(value) or abs(value) >= 20:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 2 else f"{value:.3f}"


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where episodes lie in the distribution of their own plays.

    Attributes:
        values: quantile of each episode, for one statistic after the other.
        middle: share within the middle half; a half is expected.
        ends: share in the outer tenth; a tenth is expected.
        low_end: share in the lowest twentieth: the episode was earlier than its plays.
        high_end: share in the highest twentieth.
        width: the plays' range from the 10th to the 90th percentile, in loops.
        pile: `ends` or `middle` where more lie there than chance and the floor explain (1 %), else "".
    """

    values: list[float]
    middle: float
    ends: float
    low_end: float
    high_end: float
    width: Spread
    pile: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Plays against the episodes whose orders they got: recordings, or the engine's own (the floor).

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
    allies_free: Spread
    allies_free_within: float
    allies_until_attack: Spread
    allies: Spread
    enemies_first: Spread
    enemies: Spread
    by_loop: list[tuple[int, float, float, float, float]]
    first_kill: Spread
    first_kill_shift: float
    first_loss: Spread
    deaths: Spread
    deaths_of: tuple[Spread, Spread]
    end: Spread
    kills_shared: float
    won: float
    plays_won: float
    same_winner: float
    same_survivors: float
    survivors_off: float
    losses: tuple[float, float]
    plays_losses: tuple[float, float]
    departures: Spread
    departed: float
    first_off: list[tuple[str, float]]
    example: str
    quantiles: Quantiles


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """One goal on one map."""

    name: str
    target: str
    value: str
    reached: bool | None


class MapSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One map. `floor` is None where the engine's own episodes weren't played.

    Attributes:
        winner_gap: agreement of the winner, recordings minus floor, with a 95 % bootstrap interval.
        survivors_gap: the same of the number of survivors.
    """

    map: str
    spawns: Spawns
    recording: Comparison
    floor: Comparison | None
    winner_gap: tuple[float, float, float] | None
    survivors_gap: tuple[float, float, float] | None
    goals: list[Goal]


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
    pairs: dict[str, dict[Source, list[_Pair]]] = {}
    order = {name: place for place, name in enumerate(map_names())}
    for key in sorted(references, key=lambda key: (order.get(key[0], len(order)), key[0], key[2:])):
        sides = pairs.setdefault(key[0], {"recording": [], "engine": []})
        sides[key[1]].append(_Pair(references[key], [plays[key][seed] for seed in sorted(plays[key])]))
    return {name: _map(name, sides) for name, sides in pairs.items()}


class _Pair:
    def __init__(self, reference: Reference, plays: list[Play]) -> None:
        self.reference = reference
        self.plays = plays


def _map(name: str, sides: dict[Source, list[_Pair]]) -> MapSummary:
    known = [pair.reference.spawns for pair in sides["recording"] if pair.reference.spawns is not None]
    spawns = Spawns(
        cells=sum(s.cells for s in known),
        cells_agree=sum(s.cells_agree for s in known),
        exact=sum(s.exact for s in known),
        exact_agree=sum(s.exact_agree for s in known),
        worst=max((s.worst for s in known), default=0.0),
    )
    floor = _compare(sides["engine"]) if sides["engine"] else None
    recording = _compare(sides["recording"], floor)
    winners = survivors = None
    if floor:
        winners = _gap(sides, lambda r, p: p.outcome.winner == r.outcome.winner)
        survivors = _gap(sides, lambda r, p: p.outcome.survivors[0] == r.outcome.survivors[0])
    return MapSummary(
        map=name,
        spawns=spawns,
        recording=recording,
        floor=floor,
        winner_gap=winners,
        survivors_gap=survivors,
        goals=_goals(spawns, recording, floor, winners, survivors),
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _gap(sides: dict[Source, list[_Pair]], agrees: Any) -> tuple[float, float, float]:
    """Difference of agreement between recordings and floor; episodes, not plays, are resampled."""

    def shares(pairs: list[_Pair]) -> list[float]:
        return [_mean(agrees(pair.reference, play) for play in pair.plays) for pair in pairs]

    recorded, own = np.array(shares(sides["recording"])), np.array(shares(sides["engine"]))
    rng = np.random.default_rng(0)
    draws = [
        rng.choice(sample, (2000, len(sample))).mean(axis=1) if len(sample) else np.zeros(2000)
        for sample in (recorded, own)
    ]
    low, high = np.percentile(draws[0] - draws[1], [2.5, 97.5])
    return float(recorded.mean() - own.mean()), float(low), float(high)


def _compare(pairs: Sequence[_Pair], floor: Comparison | None = None) -> Comparison:
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
        allies_free=spread(free),
        allies_free_within=_mean(error <= 0.02 for error in free) if free else math.nan,
        allies_until_attack=spread([error for _, before, error in moves if before]),
        allies=spread([error for _, _, error in moves]),
        enemies_first=spread([error for _, first, error in targets if first]),
        enemies=spread([error for _, _, error in targets]),
        by_loop=_by_loop(moves, targets),
        first_kill=spread(kills),
        first_kill_shift=percentile(shifts, 50),
        first_loss=spread(losses),
        deaths=spread(deaths[0] + deaths[1]),
        deaths_of=(spread(deaths[0]), spread(deaths[1])),
        end=spread(ends),
        kills_shared=_mean(shared),
        won=_mean(pair.reference.outcome.winner == "agents" for pair in pairs),
        plays_won=_mean(b.winner == "agents" for _, b in both),
        same_winner=_mean(a.winner == b.winner for a, b in both),
        same_survivors=_mean(a.survivors[0] == b.survivors[0] for a, b in both),
        survivors_off=_mean(
            abs(pair.reference.outcome.survivors[0] - play.outcome.survivors[0]) / pair.reference.n_agents
            for pair in pairs
            for play in pair.plays
        ),
        losses=(_mean(len(a.deaths[0]) for a, _ in both), _mean(len(a.deaths[1]) for a, _ in both)),
        plays_losses=(_mean(len(b.deaths[0]) for _, b in both), _mean(len(b.deaths[1]) for _, b in both)),
        departures=spread([float(loop) for loop, _ in off]),
        departed=len(off) / len(plays),
        first_off=[(who, count / len(off)) for who, count in names.most_common(3)],
        example=min(examples)[1] if examples else "",
        quantiles=_quantiles(pairs, floor.quantiles if floor else None),
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


def loops_of(reference: Reference | Play) -> dict[str, float]:
    """The statistics of an episode; infinite where it didn't happen."""
    losses, kills = reference.outcome.deaths
    return {
        "first kill": kills[0] if kills else math.inf,
        "first loss": losses[0] if losses else math.inf,
        "median kill": percentile(kills, 50) if kills else math.inf,
        "median loss": percentile(losses, 50) if losses else math.inf,
        "end": reference.outcome.end,
    }


def _quantiles(pairs: Sequence[_Pair], beside: Quantiles | None) -> Quantiles:
    values, widths = [], []
    for name in STATISTICS:
        for pair in pairs:
            sample = [loops_of(play)[name] for play in pair.plays]
            if math.isinf(min(*sample, loops_of(pair.reference)[name])):
                continue  # it happened nowhere
            values.append(quantile(loops_of(pair.reference)[name], sample))
            low, high = percentile(sample, 10), percentile(sample, 90)
            if math.isfinite(high):
                widths.append(high - low)
    middle, low_end, high_end = (
        _mean(claims) if claims else 0.0
        for claims in (
            [0.25 <= q <= 0.75 for q in values],
            [q < 0.05 for q in values],
            [q > 0.95 for q in values],
        )
    )
    return Quantiles(
        values=[round(q, 4) for q in values],
        middle=middle,
        ends=low_end + high_end,
        low_end=low_end,
        high_end=high_end,
        width=spread(widths),
        pile=_pile(len(pairs), middle, low_end + high_end, beside),
    )


def _pile(episodes: int, middle: float, ends: float, beside: Quantiles | None = None) -> str:
    """Do more episodes lie there than chance explains (1 %)?

    Half and a tenth are expected, or the floor's shares where those are larger: a recorded team answered its
    own battle, so even a perfect engine's plays lie round it unevenly. Statistics of one episode hang
    together, so episodes are counted, not statistics.
    """
    from scipy.stats import binom

    usual = {"ends": 0.1, "middle": 0.5}
    for name, share in (("ends", ends), ("middle", middle)):
        expected = max(usual[name], getattr(beside, name) if beside else 0.0)
        if episodes and binom.sf(round(share * episodes) - 1, episodes, expected) < 0.01:
            return name
    return ""


def _goals(
    spawns: Spawns,
    recording: Comparison,
    floor: Comparison | None,
    winners: tuple[float, float, float] | None,
    survivors: tuple[float, float, float] | None,
) -> list[Goal]:
    def goal(name: str, target: str, value: str, reached: bool | None) -> Goal:
        return Goal(name=name, target=target, value=value, reached=reached)

    def below(name: str, target: str, measured: float, most: float, n: int) -> Goal:
        return goal(name, target, short(measured), measured <= most if n else None)

    goals = [
        goal(
            "spawn places",
            "all",
            f"{spawns.cells_agree}/{spawns.cells} cells, {spawns.exact_agree}/{spawns.exact} exact",
            spawns.cells_agree == spawns.cells and spawns.exact_agree == spawns.exact,
        ),
        below(
            "agents, first 40 loops (90th percentile)",
            "0.02 cells",
            recording.allies_free.p90,
            0.02,
            recording.allies_free.n,
        ),
        below(
            "agents until the first attack (median)",
            "0.25 cells",
            recording.allies_until_attack.median,
            0.25,
            recording.allies_until_attack.n,
        ),
        below(
            "enemies at their first order (median)",
            "0.25 cells",
            recording.enemies_first.median,
            0.25,
            recording.enemies_first.n,
        ),
        below("first kill (median)", "8 loops", recording.first_kill.median, 8, recording.first_kill.n),
        below("all deaths (median)", "10 %", recording.deaths.median, 0.1, recording.deaths.n),
    ]
    for name, gap in (("same winner", winners), ("same survivors", survivors)):
        target = "within 5 points of the floor"
        if gap is None:
            goals.append(goal(name, target, "no floor", None))
        else:
            goals.append(goal(name, target, f"{100 * gap[0]:+.0f} points", abs(gap[0]) <= 0.05))
    pile = recording.quantiles.pile
    own = f" (floor: {floor.quantiles.pile or 'spread'})" if floor else ""
    goals.append(goal("quantiles", "not piled up", (pile or "spread") + own, not pile))
    return goals
