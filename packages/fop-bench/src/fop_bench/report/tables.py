"""Tables and files made from records alone: no torch, no environment, so any machine can make them again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fop_bench.run.records import (
    MANIFEST,
    RECORDS,
    End,
    Manifest,
    Record,
    Test,
    Train,
    read_json,
    read_records,
)
from fop_core.errors import FopError

from . import statistics

MOST_GREEDY = 4  # joint actions that the table names


@dataclass(frozen=True)
class Run:
    """One run (task, algorithm, seed) as its folder tells it."""

    folder: Path
    manifest: Manifest
    records: list[Record]

    @property
    def tests(self) -> list[Test]:
        return [record for record in self.records if isinstance(record, Test)]

    @property
    def trains(self) -> list[Train]:
        return [record for record in self.records if isinstance(record, Train)]

    @property
    def end(self) -> End | None:
        last = self.records[-1] if self.records else None
        return last if isinstance(last, End) else None

    @property
    def status(self) -> str:
        """`finished`, `failed` or `stopped` (can be resumed)."""
        return self.end.outcome if self.end else "stopped"


def load(folder: Path) -> list[Run]:
    """Every run below `folder`, in the order of its plan where there is one.

    Raises:
        FopError: there is none.
        DamagedFile: one can't be read.
    """
    manifests = sorted(folder.rglob(MANIFEST)) if folder.is_dir() else []
    if not manifests:
        raise FopError(f"no runs in {folder}: expected {MANIFEST} in it or below it")
    runs = []
    for path in manifests:
        records = path.with_name(RECORDS)
        runs.append(
            Run(path.parent, read_json(path, Manifest), read_records(records) if records.exists() else [])
        )
    order = _order(folder)
    return sorted(
        runs,
        key=lambda run: (*order.get((run.manifest.task, run.manifest.algorithm), (0, 0)), run.manifest.seed),
    )


def _order(folder: Path) -> dict[tuple[str, str], tuple[int, int]]:
    from fop_bench.run.plan import PLAN, Plan

    if not (folder / PLAN).exists():
        return {}
    plan: Plan = read_json(folder / PLAN, Plan)
    return {
        (task, algorithm): (i, k)
        for i, task in enumerate(plan.tasks)
        for k, algorithm in enumerate(plan.algorithms)
    }


def groups(runs: Sequence[Run]) -> dict[tuple[str, str], list[Run]]:
    """Runs that differ in nothing but the seed, by (task, algorithm)."""
    grouped: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        grouped.setdefault((run.manifest.task, run.manifest.algorithm), []).append(run)
    return grouped


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
_LEFT = {"task", "algorithm", "greedy", "status"}


def table(runs: Sequence[Run]) -> list[list[str]]:
    """The results as rows of text, the header first; columns that no row has are left out."""
    rows = [_row(task, algorithm, group) for (task, algorithm), group in groups(runs).items()]
    columns = [column for column in _COLUMNS if any(column in row for row in rows)]
    return [
        columns,
        *([row.get(column, "-" if column != "status" else "") for column in columns] for row in rows),
    ]


def as_text(rows: list[list[str]], left: Container[str] = _LEFT) -> str:
    """Aligned columns for a terminal or a log; those in `left` begin at the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = (
            cell.ljust(width) if name in left else cell.rjust(width)
            for cell, width, name in zip(row, widths, rows[0], strict=True)
        )
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def as_markdown(rows: list[list[str]], left: Container[str] = _LEFT) -> str:
    header, *body = rows
    rule = [":--" if name in left else "--:" for name in header]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *body])


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


def marl_eval(runs: Sequence[Run]) -> dict[str, Any]:
    """The tests in marl-eval's JSON layout: environment, task, algorithm, seed, step."""
    tree: dict[str, Any] = {}
    for run in runs:
        seeds = tree.setdefault(run.manifest.suite, {}).setdefault(run.manifest.task, {})
        seed = seeds.setdefault(run.manifest.algorithm, {}).setdefault(f"seed_{run.manifest.seed}", {})
        for k, test in enumerate(run.tests):
            seed[f"step_{k}"] = {
                "step_count": test.env_steps,
                "elapsed_time": test.elapsed,
                **_metrics(test),
            }
        if run.tests:
            seed["absolute_metrics"] = _metrics(run.tests[-1])
    return tree


def _metrics(test: Test) -> dict[str, list[float]]:
    metrics = {"episode_return": test.returns, "episode_length": [float(n) for n in test.lengths]}
    if test.won is not None:
        metrics["win_rate"] = [sum(test.won) / len(test.won)]
    return metrics


def write(folder: Path, runs: Sequence[Run]) -> list[Path]:
    """Writes `results.md`, `marl-eval.json` and the figures beside the records; returns what it wrote."""
    from . import plots

    command = " ".join(runs[0].manifest.command)
    text = f"# Results\n\n{as_markdown(table(runs))}\n\n{caption(runs)}\n\nMade by `{command}`.\n"
    outputs = {"results.md": text, "marl-eval.json": json.dumps(marl_eval(runs), indent=1) + "\n"}
    try:
        for name, content in outputs.items():
            (folder / name).write_text(content, encoding="utf-8")
        figures = plots.learning_curves(runs, folder / "figures")
    except OSError as error:
        raise FopError(f"cannot write into {folder}: {error.strerror or error}") from error
    return [folder / name for name in outputs] + figures
