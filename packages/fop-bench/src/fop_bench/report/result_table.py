"""The table of results: a row for each task and algorithm, from the last test of each seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fop_bench.records.run_records import Test

from . import statistics
from .runs import Run, groups

MOST_GREEDY = 4  # joint actions that the table names


def win_rate(tests: Sequence[Test]) -> statistics.Estimate:
    """Of one test of each seed: the median over seeds with a bootstrap interval; of fewer than three seeds,
    the share of all their episodes with Wilson's interval.
    """
    won = [test.won or [] for test in tests]
    if len(won) < 3:
        return statistics.wilson(sum(map(sum, won)), sum(map(len, won)))
    return statistics.median([sum(w) / len(w) for w in won])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _steps_per_second(runs: Sequence[Run]) -> float:
    steps = seconds = 0.0
    for run in runs:
        last = run.records[-1]
        steps += last.env_steps
        seconds += last.elapsed
    return steps / seconds if seconds > 0 else 0.0


def _row(task: str, algorithm: str, runs: list[Run]) -> dict[str, str]:
    row = {"task": task, "algorithm": algorithm, "seeds": str(len(runs))}
    tests = [run.tests[-1] for run in runs if run.tests]
    if tests and all(test.won is not None for test in tests):
        estimate = win_rate(tests)
        row["win rate"] = f"{estimate.value:.2f}"
        row["interval"] = f"{estimate.low:.2f}-{estimate.high:.2f}"
    if tests and all("joint_action" in test.extra for test in tests):
        row |= _optimum(tests)
    if tests:
        row["return"] = f"{_mean([r for test in tests for r in test.returns]):.2f}"
        row["length"] = f"{_mean([n for test in tests for n in test.lengths]):.1f}"
    started = [run for run in runs if run.records]
    if started:
        row["steps"] = f"{_mean([run.records[-1].env_steps for run in started]):,.0f}"
        row["updates"] = f"{_mean([run.records[-1].updates for run in started]):,.0f}"
        row["steps/s"] = f"{_steps_per_second(started):,.0f}"
    counts = Counter(run.status for run in runs)
    if set(counts) != {"finished"}:
        row["status"] = ", ".join(
            f"{n} {status}" if len(runs) > 1 else status for status, n in counts.items()
        )
    return row


def _optimum(tests: list[Test]) -> dict[str, str]:
    """What a game with a known optimum adds: which joint action is greedy, and its share of the seeds."""
    greedy = Counter(str(test.extra["joint_action"]) for test in tests)
    hits = sum(bool(test.extra["is_optimal"]) for test in tests)
    share = statistics.wilson(hits, len(tests))
    chosen = [f"{action} x{n}" if len(tests) > 1 else action for action, n in greedy.most_common(MOST_GREEDY)]
    chosen += [f"+{len(greedy) - MOST_GREEDY} more"] if len(greedy) > MOST_GREEDY else []
    row = {
        "greedy": " ".join(chosen),
        "at optimum": f"{hits}/{len(tests)}",
        "interval": f"{share.low:.2f}-{share.high:.2f}",
    }
    if "optimum" in tests[0].extra:
        row["optimum"] = f"{tests[0].extra['optimum']:g}"
    values = sorted(float(test.extra["q_tot_optimum"]) for test in tests if "q_tot_optimum" in test.extra)
    if values:
        row["q_tot optimum"] = f"{values[0]:.2f}..{values[-1]:.2f}" if len(values) > 1 else f"{values[0]:.2f}"
    return row


_COLUMNS = ["task", "algorithm", "seeds", "win rate", "greedy", "optimum", "q_tot optimum", "at optimum"]
_COLUMNS += ["interval", "return", "length", "steps", "updates", "steps/s", "status"]
WORDS = frozenset({"task", "algorithm", "greedy", "status"})
"""Columns of words, which begin at the left."""


def table(runs: Sequence[Run]) -> list[list[str]]:
    """The results as rows of text, the header first; columns that no row has are left out."""
    rows = [_row(task, algorithm, group) for (task, algorithm), group in groups(runs).items()]
    columns = [column for column in _COLUMNS if any(column in row for row in rows)]
    return [
        columns,
        *([row.get(column, "-" if column != "status" else "") for column in columns] for row in rows),
    ]


def engines(names: Sequence[str]) -> str:
    """The engines of several tasks in a few words."""
    first, *others = dict.fromkeys(names)
    return f"{first} and {len(others)} more" if others else first


def caption(runs: Sequence[Run]) -> str:
    """What the table's numbers mean: engine, test protocol, kind of interval."""
    first = runs[0].manifest
    seeds = max(len(group) for group in groups(runs).values())
    tests = f"{first.test_episodes} greedy test episodes at the end"
    if any(test.won is not None for run in runs for test in run.tests):
        kind = (
            "win rate: median over seeds, 95% bootstrap interval"
            if seeds >= 3
            else "win rate: share of test episodes, 95% Wilson interval (of the episodes, not of training)"
        )
    else:
        kind = f"at optimum: seeds whose greedy joint action {_success(runs)}, 95% Wilson interval"
    return f"{engines([run.manifest.engine for run in runs])}; {tests}; {kind}."


def _success(runs: Sequence[Run]) -> str:
    """What counts as the optimum, in the words of the first test that has them."""
    for run in runs:
        for test in run.tests:
            if "success" in test.extra:
                return str(test.extra["success"])
    # Records that are older than these words are of games with a payoff and of one game without.
    without_payoff = runs[0].manifest.engine == "differential game (max of two quadratics)"
    return "earns more than 9 of 10" if without_payoff else "earns the largest payoff"
