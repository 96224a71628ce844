from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithm import Algorithm
from fop_algos.training.snapshots import snapshots
from fop_algos.training.stack import StackedReplay, constant_fields, stacked
from fop_algos.training.train import Trained, TrainState, train
from fop_core.errors import FopError
from fop_core.replay import EpisodeReplay
from fop_core.types import Episodes

SEEDS = (5, 0, 3)
CASES = [
    (name, task)
    for name, entry in catalogue.CATALOGUE.items()
    for task in ("matrix", "differential")
    if fop_envs.make(task).spec.action_kind in entry.action_kinds
]


def small(name: str, task: str = "matrix", **fields: Any) -> Any:
    spec = fop_envs.make(task).spec
    config = catalogue.entry(name).config_for(spec)
    fields = {"burn_in_episodes": 12, "batch_episodes": 8, "target_update_episodes": 20} | fields
    return spec, replace(config, **{key: value for key, value in fields.items() if hasattr(config, key)})


def stack(
    name: str, seeds: tuple[int, ...], updates: int, task: str = "matrix", **fields: Any
) -> tuple[Algorithm, Any]:
    spec, config = small(name, task, **fields)
    algorithm = stacked(lambda seed: catalogue.build(name, spec, config, seed), seeds)
    env = fop_envs.make(task, n_envs=len(seeds) * config.episodes_per_round)
    test_env = fop_envs.make(task, n_envs=len(seeds))
    return algorithm, list(snapshots(TrainState.of(algorithm), env, test_env, updates=updates, every=10))


@pytest.mark.parametrize(("name", "task"), CASES)
@pytest.mark.parametrize("fields", [{}, {"episodes_per_round": 3, "updates_per_round": 2}])
def test_each_seed_learns_what_it_learns_alone(name: str, task: str, fields: dict[str, int]) -> None:
    """The plain loop, with its own collector and replay, is the oracle.

    Products of other shapes round differently, and Adam enlarges that where a gradient is close to 0; another
    seed's numbers are off by 1e-1. A gradient's norm shows it most: 1.1e-3 was seen of it.
    """
    spec, config = small(name, task, max_gradient_norm=0.5, **fields)
    together, taken = stack(name, SEEDS, 40, task, max_gradient_norm=0.5, **fields)
    for k, seed in enumerate(SEEDS):
        alone = catalogue.build(name, spec, config, seed)
        events = [
            e for e in train(TrainState.of(alone), fop_envs.make(task), updates=40) if isinstance(e, Trained)
        ]
        for key, value in alone.modules.state_dict().items():
            row = together.modules.state_dict()[key][k]
            torch.testing.assert_close(row, value, rtol=1e-3, atol=2e-5, msg=lambda m, key=key: f"{key}: {m}")
        for metric, value in events[-1].metrics.items():
            theirs = taken[-1].metrics[metric]
            its = theirs[k] if isinstance(theirs, list) else theirs
            rel = 1e-2 if metric.endswith("_gradient") else 1e-3
            assert its == pytest.approx(value, rel=rel, abs=1e-5), metric


@pytest.mark.parametrize(("name", "task"), CASES)
def test_companions_do_not_matter(name: str, task: str) -> None:
    one, _ = stack(name, (5, 0), 30, task)
    other, _ = stack(name, (7, 5, 9), 30, task)
    for key, value in one.modules.state_dict().items():
        torch.testing.assert_close(other.modules.state_dict()[key][1], value[0], rtol=1e-5, atol=1e-7)


def test_a_seed_that_is_not_finite_leaves_the_others_alone() -> None:
    clean, _ = stack("qmix", (5, 0), 0)
    spec, config = small("qmix")
    broken = stacked(lambda seed: catalogue.build("qmix", spec, config, seed), (5, 0))
    with torch.no_grad():
        next(broken.modules["agent"].parameters())[0] = torch.nan
    env = fop_envs.make("matrix", n_envs=2)
    *_, last = snapshots(TrainState.of(broken), env, updates=20)
    *_, good = snapshots(TrainState.of(clean), env, updates=20)
    assert np.isnan(last.metrics["td_loss"][0])
    assert last.metrics["td_loss"][1] == pytest.approx(good.metrics["td_loss"][1], rel=1e-5)


@pytest.mark.parametrize("task", ["matrix", "differential"])
def test_the_replay_of_each_seed_is_the_plain_one(task: str) -> None:
    spec = fop_envs.make(task).spec
    rng = np.random.default_rng(0)
    replay = StackedReplay(spec, SEEDS, capacity=10)
    plain = [EpisodeReplay(spec, 10, seed) for seed in SEEDS]
    for _ in range(7):  # 14 episodes: the oldest four are overwritten
        actions = rng.integers(3, size=(3, 2, 2))
        if spec.action_kind == "continuous":
            actions = rng.uniform(-10, 10, size=(3, 2, 2, 1)).astype(np.float32)
        reward = rng.normal(size=(3, 2)).astype(np.float32)
        label = rng.integers(1000, size=(3, 2))
        own = {"actions": actions[:, :, None], "reward": reward[:, :, None], "label": label}
        episodes = Episodes(**own, **constant_fields(spec, 3, 2))
        replay.add(episodes)
        for k, one in enumerate(plain):
            one.add(Episodes(**{key: value[k] for key, value in vars(episodes).items()}))
    for take in ("sample", "latest", "sample"):
        batch = getattr(replay, take)(6)
        for k, one in enumerate(plain):
            theirs = getattr(one, take)(6)
            for field in (f.name for f in fields(Episodes)):
                np.testing.assert_array_equal(getattr(batch, field)[k], getattr(theirs, field), err_msg=field)


def test_a_game_that_shows_something_else_is_refused() -> None:
    algorithm, _ = stack("vdn", (1, 2), 0)
    env = fop_envs.make("matrix", n_envs=2)
    reset = env.reset

    def other(envs: Any, episodes: Any) -> None:
        reset(envs, episodes)
        env.state[envs] = 2.0

    env.reset = other
    with pytest.raises(ValueError, match="matrix shows other than the constant 1"):
        next(snapshots(TrainState.of(algorithm), env, updates=1))


def test_what_can_not_be_stacked_is_said() -> None:
    spec = fop_envs.make("dummy").spec
    with pytest.raises(FopError, match="recurrent nets"):
        stacked(lambda seed: catalogue.build("fop", spec, None, seed), (0, 1))
    with pytest.raises(ValueError, match=r"seeds is \[1, 1\]"):
        stack("vdn", (1, 1), 1)
    algorithm, _ = stack("vdn", (1, 2), 0)
    with pytest.raises(ValueError, match=r"env has 3 slots; needed: 2 seeds x 1"):
        next(snapshots(TrainState.of(algorithm), fop_envs.make("matrix", n_envs=3), updates=1))
    with pytest.raises(ValueError, match="steps an episode"):
        next(snapshots(TrainState.of(algorithm), fop_envs.make("dummy", n_envs=2), updates=1))
