"""Watches the speed of the native core: ratios to torch, measured side by side, against a stored baseline.

A ratio is (time of the other implementation) / (time of ours). Both run in turn in the same process and what
counts is the ratio of their medians of processor time, one thread: on a noisy machine times vary by a third,
ratios by a tenth.

    python tests/benchmarks/regression.py check
    python tests/benchmarks/regression.py write --reason "why the ratios changed"

A new baseline is a commit of its own. A suite takes part by offering `pairs()` and a line in `suites()`.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

BASELINE = Path(__file__).with_name("baseline.json")
TOLERANCE = 0.25
"""A slow-down by more than this share counts. Noise of a shared machine stays below it, 30 % does not."""


@dataclass(frozen=True)
class Pair:
    """Two ways to do the same work."""

    name: str
    ours: Callable[[], object]
    other: Callable[[], object]


def suites() -> Iterable[Pair]:
    import kernel_cases

    yield from kernel_cases.pairs()


def regressions(
    baseline: Mapping[str, float], measured: Mapping[str, float], tolerance: float = TOLERANCE
) -> dict[str, float]:
    """How much slower, relative to its counterpart, each row has become, where that exceeds `tolerance`.

    A row of the baseline that was not measured is infinitely slower; a new row cannot be.
    """
    slowdowns = {
        name: ratio / measured[name] - 1 if name in measured else float("inf")
        for name, ratio in baseline.items()
    }
    return {name: slowdown for name, slowdown in slowdowns.items() if slowdown > tolerance}


def measure(pair: Pair, seconds: float = 2.0) -> float:
    """The ratio of medians of processor time, both sides taking turns for about `seconds` in all."""
    ours, other = [], []
    for function in (pair.ours, pair.other):
        function()
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(other) < 5:
        other.append(_cpu_time(pair.other))
        # The faster side needs more samples for an equally steady median.
        ours += [_cpu_time(pair.ours) for _ in range(4)]
    return statistics.median(other) / statistics.median(ours)


def _cpu_time(function: Callable[[], object]) -> float:
    start = time.process_time_ns()
    function()
    return (time.process_time_ns() - start) / 1e9


def check(tolerance: float, attempts: int = 3) -> int:
    """Measures every row, those that seem slower again; prints a table; 1 if some stay slower."""
    baseline = json.loads(BASELINE.read_text())["ratios"]
    measured: dict[str, float] = {}
    for attempt in range(attempts):
        again = set(regressions(baseline, measured, tolerance)) if attempt else None
        for pair in suites():
            if again is None or pair.name in again:
                measured[pair.name] = max(measure(pair), measured.get(pair.name, 0.0))
    slower = regressions(baseline, measured, tolerance)
    for name, ratio in sorted(measured.items()):
        before = f"{baseline[name]:8.1f}x" if name in baseline else "      new"
        print(f"{name:32} {ratio:8.1f}x  baseline {before}{'  SLOWER' if name in slower else ''}")
    for name in sorted(set(slower) - set(measured)):
        print(f"{name:32} is in the baseline but was not measured")
    return 1 if slower else 0


def write(reason: str) -> None:
    """Stores what this machine measures now."""
    ratios = {pair.name: round(measure(pair), 2) for pair in suites()}
    record = {"reason": reason, "machine": f"{platform.machine()}, {_processor()}", "ratios": ratios}
    BASELINE.write_text(json.dumps(record, indent=2) + "\n")
    print(BASELINE.read_text())


def _processor() -> str:
    from fop_core import ops

    return f"{ops.simd()}, Python {platform.python_version()}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares speed ratios with the stored baseline.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    checking = verbs.add_parser("check", help="measure and compare; exit status 1 if something became slower")
    checking.add_argument("--tolerance", type=float, default=TOLERANCE)
    verbs.add_parser("write", help="store a new baseline").add_argument("--reason", required=True)
    arguments = parser.parse_args()
    if arguments.verb == "check":
        return check(arguments.tolerance)
    if not arguments.reason.strip():
        parser.error("--reason: say why the ratios changed")
    write(arguments.reason)
    return 0


if __name__ == "__main__":
    sys.exit(main())
