"""What a folder of runs gets beside its records: table, figures, and the tests in marl-eval's layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fop_bench.records.run_records import Test
from fop_core.errors import FopError

from .learning_curves import draw_curves
from .result_table import WORDS, caption, table
from .runs import Run
from .text_tables import as_markdown


def write(folder: Path, runs: Sequence[Run]) -> list[Path]:
    """Writes `results.md`, `marl-eval.json` and the figures beside the records; returns what it wrote."""
    command = " ".join(runs[0].manifest.command)
    text = f"# Results\n\n{as_markdown(table(runs), WORDS)}\n\n{caption(runs)}\n\nMade by `{command}`.\n"
    outputs = {"results.md": text, "marl-eval.json": json.dumps(marl_eval(runs), indent=1) + "\n"}
    try:
        for name, content in outputs.items():
            (folder / name).write_text(content, encoding="utf-8")
        figures = draw_curves(runs, folder / "figures")
    except OSError as error:
        raise FopError(f"cannot write into {folder}: {error.strerror or error}") from error
    return [folder / name for name in outputs] + figures


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
