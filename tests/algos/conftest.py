from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.batch import EpisodeBatch
from fop_algos.training.train import TrainState
from fop_core.replay import EpisodeReplay
from fop_core.types import Episodes


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def new_run() -> Callable[..., tuple[TrainState, Any]]:
    """`new_run(algorithm, task, n_envs=1, seed=3, **fields)`: a small run and its environments."""

    def make(
        algorithm: str, task: str, n_envs: int = 1, seed: int = 3, **fields: Any
    ) -> tuple[TrainState, Any]:
        env = fop_envs.make(task, n_envs=n_envs, seed=seed)
        small = {"burn_in_episodes": 4, "batch_episodes": 4, "buffer_episodes": 16}
        config = replace(catalogue.entry(algorithm).config_for(env.spec), **(small | fields))
        built = catalogue.build(algorithm, env.spec, config, seed)
        return TrainState(built, EpisodeReplay(env.spec, config.buffer_episodes, seed)), env

    return make


@pytest.fixture
def new_batch() -> Callable[..., EpisodeBatch]:
    """`new_batch(lengths, terminated)`: random episodes, padding filled with zeros."""

    def make(
        lengths: list[int], terminated: list[bool], n_agents: int = 2, n_actions: int = 3
    ) -> EpisodeBatch:
        rng = np.random.default_rng(0)
        n, steps = len(lengths), max(lengths)
        mask = np.arange(steps) < np.array(lengths)[:, None]
        seen = np.arange(steps + 1) <= np.array(lengths)[:, None]
        ended = np.zeros((n, steps), np.bool_)
        ended[np.arange(n), np.array(lengths) - 1] = terminated
        available = rng.random((n, steps + 1, n_agents, n_actions)) < 0.6
        available[..., 0] = True
        return EpisodeBatch.of(
            Episodes(
                obs=(rng.normal(size=(n, steps + 1, n_agents, 4)) * seen[..., None, None]).astype(np.float32),
                state=(rng.normal(size=(n, steps + 1, 5)) * seen[..., None]).astype(np.float32),
                available=available & seen[..., None, None],
                actions=np.zeros((n, steps, n_agents), np.int64),
                reward=(rng.normal(size=(n, steps)) * mask).astype(np.float32),
                terminated=ended,
                mask=mask,
                lengths=np.array(lengths),
                label=np.zeros(n, np.int64),
            )
        )

    return make


@pytest.fixture
def new_continuous_batch() -> Callable[..., EpisodeBatch]:
    """`new_continuous_batch(lengths, terminated)`: random float64 of 3 agents, NaN as padding."""

    def make(lengths: list[int], terminated: list[bool]) -> EpisodeBatch:
        rng = torch.Generator().manual_seed(0)
        n, steps = len(lengths), max(lengths)
        mask = torch.arange(steps) < torch.tensor(lengths)[:, None]
        seen = torch.arange(steps + 1) <= torch.tensor(lengths)[:, None]
        ended = torch.zeros(n, steps, dtype=torch.bool)
        ended[torch.arange(n), torch.tensor(lengths) - 1] = torch.tensor(terminated)

        def filled(where: torch.Tensor, *shape: int) -> torch.Tensor:
            values = torch.rand(*where.shape, *shape, generator=rng, dtype=torch.float64) * 2 - 1
            return torch.where(where.view(*where.shape, *(1,) * len(shape)), values, torch.nan)

        return EpisodeBatch(
            obs=filled(seen, 3, 4),
            state=filled(seen, 5),
            available=torch.ones(n, steps + 1, 3, 0, dtype=torch.bool),
            actions=filled(mask, 3, 1) * 10,
            reward=filled(mask),
            terminated=ended,
            mask=mask,
            label=torch.zeros(n, dtype=torch.int64),
        )

    return make


def same_tensors(one: TrainState, other: TrainState) -> bool:
    """Whether every net, target net and optimiser state is equal bit for bit."""
    theirs = other.algorithm.modules.state_dict()
    nets = all(torch.equal(value, theirs[name]) for name, value in one.algorithm.modules.state_dict().items())
    for name, optimiser in one.algorithm.optimisers.items():
        mine, its = (o.state_dict()["state"] for o in (optimiser, other.algorithm.optimisers[name]))
        nets &= mine.keys() == its.keys()
        nets &= all(torch.equal(v, its[k][key]) for k, entry in mine.items() for key, v in entry.items())
    return nets


@pytest.fixture
def assert_same() -> Callable[[TrainState, TrainState], None]:
    def check(one: TrainState, other: TrainState) -> None:
        assert one.clock == other.clock
        assert one.algorithm.counters == other.algorithm.counters
        assert same_tensors(one, other)

    return check
