"""Intervals that say how far a number can be trusted: over episodes for one run, over seeds for several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A number with the interval around it."""

    value: float
    low: float
    high: float


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """A proportion with Wilson's score interval (Wilson 1927), which stays in [0, 1] and works at 0 and 1.

    Raises:
        ValueError: `trials` is not positive or `successes` lies outside `[0, trials]`.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(
            f"successes={successes} of trials={trials}: need 0 <= successes <= trials, trials >= 1"
        )
    from scipy.stats import norm

    z = float(norm.ppf(0.5 + confidence / 2))
    p = successes / trials
    centre = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == trials else float(centre + half)
    return Estimate(p, low, high)


def median(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """The median over seeds with the percentile interval of 10,000 resamples under a fixed seed.

    One value can't be resampled: its interval is NaN. Equal values have an interval of no width.

    Raises:
        ValueError: there are no values.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0:
        raise ValueError("no values to summarise")
    value = float(np.median(sample))
    if sample.size == 1:
        return Estimate(value, float("nan"), float("nan"))
    if np.ptp(sample) == 0:
        return Estimate(value, value, value)
    from scipy.stats import bootstrap

    interval = bootstrap(
        (sample,),
        np.median,
        n_resamples=10_000,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(value, float(interval.low), float(interval.high))
