"""Twenty seeds as one batch beside twenty runs, one after the other, in one run.

    pytest tests/benchmarks/test_bench_stack.py --benchmark-enable --benchmark-only -s

One run costs the same for each seed, so a single one is timed. Both train from the same settings with one
thread, and take turns; what is compared is the time of an update with its episode.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.training.snapshots import snapshots
from fop_algos.training.stack import stacked
from fop_algos.training.train import TrainState, train
from fop_core.replay import EpisodeReplay

SEEDS = 20
PART, PARTS = 50, 6
"""Updates between two looks at the clock, and how many such parts; the fastest counts."""

CASES = [("fop", "matrix"), ("qmix", "matrix"), ("fop", "differential"), ("maddpg", "differential")]


def parts_alone(name: str, task: str) -> Iterator[object]:
    """A single run, stopping after each part."""
    spec = fop_envs.make(task).spec
    config = catalogue.entry(name).config_for(spec)
    algorithm = catalogue.build(name, spec, config, 0)
    state = TrainState(algorithm, EpisodeReplay(spec, config.buffer_episodes, 0))
    env = fop_envs.make(task)
    for k in range(1, PARTS + 2):
        *_, last = train(state, env, updates=PART * k)
        yield last


def parts_together(name: str, task: str) -> Iterator[object]:
    """All seeds at once, stopping after each part."""
    spec = fop_envs.make(task).spec
    config = catalogue.entry(name).config_for(spec)
    algorithm = stacked(lambda seed: catalogue.build(name, spec, config, seed), range(SEEDS))
    env = fop_envs.make(task, n_envs=SEEDS * config.episodes_per_round)
    taken = snapshots(TrainState.of(algorithm), env, updates=PART * (PARTS + 1), every=PART)
    next(taken)
    yield from taken


@pytest.mark.parametrize(("name", "task"), CASES)
def test_a_stack_beside_single_runs(benchmark, name: str, task: str) -> None:
    torch.set_num_threads(1)
    alone, together = parts_alone(name, task), parts_together(name, task)
    next(alone), next(together)  # burn-in, and everything's first time
    times: dict[str, list[float]] = {"alone": [], "together": []}

    def take_turns() -> None:
        for side, parts in (("alone", alone), ("together", together)):
            start = time.process_time()
            assert next(parts) is not None
            times[side].append((time.process_time() - start) / PART)

    benchmark.pedantic(take_turns, rounds=PARTS, iterations=1)
    one, all_seeds = min(times["alone"]), min(times["together"])
    ratio = SEEDS * one / all_seeds
    benchmark.extra_info.update(alone=one, together=all_seeds, ratio=ratio)
    print(
        f"\n{name}, {task}: one seed {1e3 * one:.2f} ms an update, {SEEDS} seeds together "
        f"{1e3 * all_seeds:.2f} ms: {ratio:.1f}x as fast as one after the other"
    )
