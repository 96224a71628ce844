"""Medians and percentiles of cases, some of which may have no match, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np


class MedianP90(msgspec.Struct, frozen=True, kw_only=True):
    """Median and 90th percentile; infinite where that share of cases has no match. `n` cases."""

    median: float
    p90: float
    n: int

    def __str__(self) -> str:
        return "-" if self.n == 0 else f"{short(self.median)} / {short(self.p90)}"


def median_p90(values: Sequence[float]) -> MedianP90:
    return MedianP90(median=percentile(values, 50), p90=percentile(values, 90), n=len(values))


def short(value: float) -> str:
    """Three figures at most; `none` where there is no match, `-` where there is nothing to measure."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "none"
    if value == int(value) or abs(value) >= 20:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 2 else f"{value:.3f}"


def percentile(values: Sequence[float], q: float) -> float:
    """The nearest-rank percentile (`q` in (0, 100]), which may be infinite; NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(q / 100 * len(ordered)) - 1)]


def mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
