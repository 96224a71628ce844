import pytest

from fop_bench.jobs import progress
from fop_bench.jobs.progress import BlockProgress, Tracker, duration

FIRST, SECOND = "first", "second"


def at(fraction: float) -> BlockProgress:
    return BlockProgress(fraction, "")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_time_left_of_a_fresh_run(clock: list[float]) -> None:
    tracker = Tracker(total=2)
    tracker.progress(FIRST, at(0.0))
    clock[0] += 30
    tracker.progress(FIRST, at(0.25))
    assert tracker.seconds_left(FIRST) == pytest.approx(90)
    assert tracker.fraction == pytest.approx(0.125)
    assert tracker.all_seconds_left() == pytest.approx(210)


def test_time_left_after_a_resume_counts_this_session_only(clock: list[float]) -> None:
    tracker = Tracker(total=4, done=2)
    tracker.progress(FIRST, at(0.8))
    clock[0] += 10
    tracker.progress(FIRST, at(0.9))
    assert tracker.seconds_left(FIRST) == pytest.approx(10)
    tracker.finish(FIRST)
    # 0.2 of a run took 10 s; one run of four is left.
    assert tracker.fraction == pytest.approx(0.75)
    assert tracker.all_seconds_left() == pytest.approx(50)


def test_time_left_of_jobs_that_are_not_alike(clock: list[float]) -> None:
    """One job of 5 was done before; those of 30 and 10 are left, and take a second for each."""
    tracker = Tracker(total=3, done=1, sizes={"gone": 5.0, "long": 30.0, "short": 10.0}, before=5.0)
    tracker.progress("long", at(0.0))
    tracker.progress("short", at(0.0))
    clock[0] += 20
    tracker.progress("long", at(0.5))
    tracker.progress("short", at(0.5))
    assert tracker.fraction == pytest.approx(25 / 45)
    assert tracker.all_seconds_left() == pytest.approx(20)
    tracker.finish("short")
    assert tracker.fraction == pytest.approx(30 / 45)
    tracker.finish("long")
    assert tracker.fraction == pytest.approx(1)
    assert tracker.all_seconds_left() == pytest.approx(0)


def test_nothing_is_promised_before_anything_moved(clock: list[float]) -> None:
    tracker = Tracker(total=1)
    tracker.progress(SECOND, at(0.5))
    assert tracker.seconds_left(SECOND) is None
    assert tracker.all_seconds_left() is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "?"), (7.4, "7s"), (60, "1m00s"), (220, "3m40s"), (7500, "2h05m")]
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
