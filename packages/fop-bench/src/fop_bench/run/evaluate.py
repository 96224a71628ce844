"""Greedy episodes of a trained team."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fop_bench.report import statistics

from .records import CHECKPOINT, MANIFEST, Manifest, read_json


def evaluate(path: Path, episodes: int, seed: int, n_envs: int) -> str:
    """Plays `episodes` greedy episodes and tells how they ended.

    Args:
        path: a checkpoint, or a run's folder that holds one.
        episodes: how many.
        seed: of the environments.
        n_envs: stepped together.

    Raises:
        FopError: there is no checkpoint.
        DamagedFile: it can't be read.
    """
    import torch

    from fop_algos.training.checkpoint import load_algorithm, read_header
    from fop_algos.training.evaluate import evaluate as play

    from .tasks import environment

    torch.set_num_threads(1)
    if path.is_dir():
        path = path / CHECKPOINT
    clock = read_header(path).clock
    algorithm = load_algorithm(path)
    spec = algorithm.spec
    env = environment(spec.name, _payoff(path, spec.name), min(n_envs, episodes), seed)
    result = play(algorithm, env, episodes)
    lines = [
        f"{algorithm.name} on {spec.name} ({spec.engine}), trained for {clock['env_steps']:,} steps "
        f"({clock['updates']:,} updates), seed {algorithm.seed}",
        f"episodes      {episodes} greedy, environment seed {seed}",
    ]
    if result.won is not None:
        rate = statistics.wilson(int(result.won.sum()), episodes)
        lines.append(f"win rate      {rate.value:.3f}  (95% Wilson interval {rate.low:.3f}-{rate.high:.3f})")
    lines.append(
        f"return        {result.returns.mean():.3f}  (standard deviation {result.returns.std():.3f})"
    )
    lines.append(f"length        {result.lengths.mean():.1f} steps")
    return "\n".join(lines)


def _payoff(path: Path, task: str) -> dict[str, list[Any]]:
    """What the manifest beside a checkpoint knows of a payoff from a file."""
    path = path.with_name(MANIFEST)
    payoff = read_json(path, Manifest).payoff if path.exists() else None
    return {} if payoff is None else {task: payoff}
