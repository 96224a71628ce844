"""Prints, after the benchmarks, each implementation's time over that of the group's first, `fop`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `regression` and the cases of the suites

_times = pytest.StashKey[dict[str, dict[str, float]]]()


@pytest.fixture
def compare(benchmark, request):
    """`compare(group, implementation, function)`: benchmarks `function` and puts it into the final table."""

    def run(group, implementation, function, rounds):
        benchmark.group = group
        benchmark.pedantic(function, rounds=rounds, warmup_rounds=2)
        if benchmark.stats:  # None where benchmarks are disabled
            times = request.config.stash.setdefault(_times, {})
            times.setdefault(group, {})[implementation] = benchmark.stats.stats.median

    return run


def pytest_terminal_summary(terminalreporter, config):
    groups = config.stash.get(_times, {})
    if not groups:
        return
    terminalreporter.section("ratios to fop (medians)")
    for group, times in groups.items():
        if "fop" not in times:
            continue
        ours = times["fop"]
        rest = "  ".join(f"{name} {t / ours:.1f}x" for name, t in times.items() if name != "fop")
        terminalreporter.write_line(f"{group:28} fop {ours * 1e3:9.3f} ms   {rest}")
