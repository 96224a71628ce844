import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fop_bench.report import statistics


def test_wilson_by_hand() -> None:
    # p = 0.8, n = 10, z = 1.959964: centre (0.8 + z^2/20) / (1 + z^2/10) = 0.716730,
    # half width z / (1 + z^2/10) * sqrt(0.016 + z^2/400) = 0.226569.
    estimate = statistics.wilson(8, 10)
    assert estimate == pytest.approx((0.8, 0.490162, 0.943318), abs=1e-5)


@given(st.integers(1, 500), st.data())
def test_wilson_is_inside_and_symmetric(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    one, other = statistics.wilson(successes, trials), statistics.wilson(trials - successes, trials)
    assert 0 <= one.low <= one.value <= one.high <= 1
    assert one.low == pytest.approx(1 - other.high, abs=1e-12)


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match=f"successes={successes} of trials={trials}"):
        statistics.wilson(successes, trials)


def test_bootstrap_of_the_median() -> None:
    values = [0.1, 0.2, 0.4, 0.7, 0.9]
    estimate = statistics.median(values)
    assert estimate.value == 0.4
    assert min(values) <= estimate.low < 0.4 < estimate.high <= max(values)
    assert statistics.median(values) == estimate, "a report made twice shows the same numbers"


def test_bootstrap_without_spread() -> None:
    assert statistics.median([0.5, 0.5, 0.5]) == (0.5, 0.5, 0.5)
    value, low, high = statistics.median([0.5])
    assert value == 0.5
    assert np.isnan([low, high]).all()
    with pytest.raises(ValueError, match="no values"):
        statistics.median([])
