"""Tables of the plays of recorded episodes with health: the game's counts beside the engine's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from fop_bench.report.statistics import Estimate, wilson

from .captioned_tables import CaptionedTable
from .fidelity_records import HealthPlays, HitTimes, Record
from .health_rows import SITUATIONS

TIMES: dict[str, Callable[[HitTimes], float | None]] = {
    "hits on agents": lambda times: times.hits,
    "row of the first": lambda times: times.first,
    "rows with hits": lambda times: times.rows,
    "of these, share with two or more": lambda times: times.together / times.rows if times.rows else None,
}


def health_tables(records: Iterable[Record]) -> list[CaptionedTable]:
    """Whom enemies shoot at, when hits fall, how likely the recorded ones are; nothing without records."""
    found = [record for record in records if isinstance(record, HealthPlays)]
    return [_whom(found), _when(found), _likelihood(found)] if found else []


def agrees(recorded: tuple[int, int], played: tuple[int, int]) -> bool | None:
    """Is the engine's share within the 95 % interval (Wilson) of the game's? None without cases on a side."""
    if not recorded[1] or not played[1]:
        return None
    _, low, high = wilson(*recorded)
    return low <= played[0] / played[1] <= high


def _whom(found: Sequence[HealthPlays]) -> CaptionedTable:
    rows = [["situation", "result", "game", "%", "interval", "engine", "%", "within"]]
    verdicts = []
    for key, (situation, result) in SITUATIONS.items():
        recorded = _sum(record.recorded[key] for record in found)
        played = _sum(record.played[key] for record in found)
        within = agrees(recorded, played)
        verdicts.append(within)
        interval = "-"
        if recorded[1]:
            _, low, high = wilson(*recorded)
            interval = f"{100 * low:.1f} to {100 * high:.1f}"
        rows.append(
            [
                situation,
                result,
                _of(recorded),
                _share(recorded),
                interval,
                _of(played),
                _share(played),
                {True: "yes", False: "NO", None: "-"}[within],
            ]
        )
    episodes, judged = sum(len(record.episodes) for record in found), [v for v in verdicts if v is not None]
    return CaptionedTable(
        "Whom an enemy shoots at",
        rows,
        f"Counted by the same code in {episodes:,} recorded episodes and in {found[0].seeds} plays of each, "
        "with places, orders and deaths forced: how often the result followed, of the cases of the "
        "situation; the 95 % interval (Wilson) of the game's share. Within: is the engine's share in it? "
        f"{sum(judged)} of {len(judged)} are.",
    )


def _when(found: Sequence[HealthPlays]) -> CaptionedTable:
    rows = [["by episode", "game", "interval", "engine", "interval", "difference", "interval"]]
    recorded = [times for record in found for times in record.recorded_times]
    played = [plays for record in found for plays in record.played_times]
    for name, measure in TIMES.items():
        pairs = []
        for ours, plays in zip(recorded, played, strict=True):
            value = measure(ours)
            others = [other for other in map(measure, plays) if other is not None]
            if value is not None and others:
                pairs.append((value, sum(others) / len(others)))
        values = np.array(pairs, np.float64).reshape(-1, 2)
        columns = (values[:, 0], values[:, 1], values[:, 1] - values[:, 0])
        rows.append([name, *(text for column in columns for text in _estimate(mean_interval(column)))])
    return CaptionedTable(
        "When hits fall",
        rows,
        "Means over episodes, the engine's over its plays first, with 95 % intervals over episodes; the "
        "difference is the engine's less the game's. A row is 8 loops.",
    )


def _likelihood(found: Sequence[HealthPlays]) -> CaptionedTable:
    numbers = np.array([number for record in found for number in record.episodes])
    logs = np.array([both for record in found for both in record.log_likelihoods]).reshape(-1, 2)
    rows = [["likelihood", "even", "interval", "odd", "interval", "odd - even", "interval"]]
    for name, values in (("when", logs[:, 0]), ("on whom", logs[:, 1]), ("both", logs.sum(axis=1))):
        even, odd = values[numbers % 2 == 0], values[numbers % 2 == 1]
        between = mean_interval(odd).value - mean_interval(even).value
        half = math.hypot(*(mean_interval(part).high - mean_interval(part).value for part in (even, odd)))
        rows.append(
            [
                name,
                *_estimate(mean_interval(even)),
                *_estimate(mean_interval(odd)),
                *_estimate(Estimate(between, between - half, between + half)),
            ]
        )
    return CaptionedTable(
        "Likelihood of the recorded hits",
        rows,
        "Logarithm, mean over episodes with 95 % intervals: 0 is best. When: the number of hits from each "
        "row to the next, by the share of plays with that number; on whom: each recorded hit by the share of "
        "the plays' hits that this agent gets at about this time. Half a play is added to both. Rules are "
        "fitted on even episodes alone; odd ones are held out.",
    )


def mean_interval(values: Sequence[float] | np.ndarray) -> Estimate:
    """The mean with its 95 % interval (normal); NaN where there are too few."""
    sample = np.asarray(values, np.float64)
    if sample.size == 0:
        return Estimate(math.nan, math.nan, math.nan)
    mean = float(sample.mean())
    half = 1.96 * float(sample.std(ddof=1)) / math.sqrt(sample.size) if sample.size > 1 else math.nan
    return Estimate(mean, mean - half, mean + half)


def _estimate(estimate: Estimate) -> list[str]:
    """The number and its interval; `-` where there is none."""
    value, low, high = estimate
    return [
        "-" if math.isnan(value) else f"{value:.2f}",
        "-" if math.isnan(low) else f"{low:.2f} to {high:.2f}",
    ]


def _sum(counts: Iterable[tuple[int, int]]) -> tuple[int, int]:
    every = list(counts)
    return sum(k for k, _ in every), sum(n for _, n in every)


def _of(counts: tuple[int, int]) -> str:
    return f"{counts[0]:,} of {counts[1]:,}"


def _share(counts: tuple[int, int]) -> str:
    return f"{100 * counts[0] / counts[1]:.1f}" if counts[1] else "-"
