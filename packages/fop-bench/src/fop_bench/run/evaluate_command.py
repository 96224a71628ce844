"""`fop-bench evaluate`: greedy episodes of a trained team."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fop_bench.arguments import Command, Parser, count, seed_number
from fop_bench.records.json_files import read_json
from fop_bench.records.run_records import CHECKPOINT, MANIFEST, Manifest
from fop_bench.report import statistics

from .tasks import environment


def add_arguments(parser: Parser) -> None:
    parser.add_argument("checkpoint", type=Path, help="a run's folder (runs/NAME/TASK/ALGORITHM/seed-K)")
    parser.add_argument("--episodes", type=count, default=100, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--seed", type=seed_number, default=1_000_000, metavar="S", help="of the test's environments"
    )
    parser.add_argument("--envs", type=count, default=32, metavar="E", help="environments stepped together")


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Prints how the episodes ended."""
    print(evaluate(args.checkpoint, args.episodes, args.seed, args.envs))
    return 0


EVALUATE = Command(add_arguments, run)


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
