"""Where recorded episodes lie in the distribution of their own plays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from .fidelity_records import Play, Reference
from .medians import MedianP90, mean, median_p90, percentile

STATISTICS = ("first kill", "first loss", "median kill", "median loss", "end")
"""Loops of an episode whose place in the engine's own distribution is looked at."""


class Pair(NamedTuple):
    """An episode and its plays."""

    reference: Reference
    plays: list[Play]


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where episodes lie in the distribution of their own plays.

    Attributes:
        values: quantile of each episode, for one statistic after the other.
        middle: share within the middle half; a half is expected.
        ends: share in the outer tenth; a tenth is expected.
        low_end: share in the lowest twentieth: the episode was earlier than its plays.
        high_end: share in the highest twentieth.
        width: the plays' range from the 10th to the 90th percentile, in loops.
        pile: `ends` or `middle` where more lie there than chance and the noise floor explain (1 %), else "".
    """

    values: list[float]
    middle: float
    ends: float
    low_end: float
    high_end: float
    width: MedianP90
    pile: str


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


def quantile(value: float, sample: Sequence[float]) -> float:
    """Where `value` lies in a sample, in [0, 1]: the share below it, and half the share equal to it."""
    below = sum(other < value for other in sample)
    equal = sum(other == value for other in sample)
    return (below + equal / 2) / len(sample)


def quantiles_of(pairs: Sequence[Pair], beside: Quantiles | None) -> Quantiles:
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
        mean(claims) if claims else 0.0
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
        width=median_p90(widths),
        pile=pile_up(len(pairs), middle, low_end + high_end, beside),
    )


def pile_up(episodes: int, middle: float, ends: float, beside: Quantiles | None = None) -> str:
    """Do more episodes lie there than chance explains (1 %)?

    Half and a tenth are expected, or the noise floor's shares where those are larger: a recorded team
    answered its own battle, so even a perfect engine's plays lie round it unevenly. Statistics of one
    episode depend on each other, so episodes are counted, not statistics.
    """
    from scipy.stats import binom

    usual = {"ends": 0.1, "middle": 0.5}
    for name, share in (("ends", ends), ("middle", middle)):
        expected = max(usual[name], getattr(beside, name) if beside else 0.0)
        if episodes and binom.sf(round(share * episodes) - 1, episodes, expected) < 0.01:
            return name
    return ""
