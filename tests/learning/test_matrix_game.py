"""FOP finds the matrix game's optimum, VDN and QMIX don't: 20 seeds each, 10,000 learning steps.

Seeds are independent runs; two processes share them, each with one thread.
"""

from __future__ import annotations

import itertools
import multiprocessing
from typing import NamedTuple

import numpy as np
import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.train import TrainState, train
from fop_core.replay import EpisodeReplay

SEEDS = 20
UPDATES = 10_000


class End(NamedTuple):
    greedy: tuple[int, int]
    table: list[list[float]]


def learn(name: str, seed: int) -> End:
    """One run of the catalogue's settings: the greedy joint action and `q_tot` of all nine."""
    torch.set_num_threads(1)
    env = fop_envs.make("matrix", n_envs=1, seed=seed)
    algorithm = catalogue.build(name, env.spec, seed=seed)
    state = TrainState(algorithm, EpisodeReplay(env.spec, algorithm.config.buffer_episodes, seed))
    for _ in train(state, env, updates=UPDATES):
        pass
    env.reset(np.array([0]), np.array([0]))
    obs, states, available = (torch.from_numpy(a.copy()) for a in (env.obs, env.state, env.available))
    with torch.inference_mode():
        uniform = torch.zeros(1, 2, 2)
        actions, _ = algorithm.act(obs, available, algorithm.start(1), uniform, state.clock, False)
        joint = torch.tensor(list(itertools.product(range(3), repeat=2)))
        rows = (obs.repeat(9, 1, 1), states.repeat(9, 1), available.repeat(9, 1, 1))
        table = algorithm.joint_value(*rows, joint, state.clock)
    return End((int(actions[0, 0]), int(actions[0, 1])), table.view(3, 3).tolist())


def all_seeds(name: str) -> list[End]:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return pool.starmap(learn, [(name, seed) for seed in range(SEEDS)], chunksize=1)


@pytest.mark.learning
def test_fop_ends_at_the_optimum() -> None:
    ends = all_seeds("fop")
    solved = [end for end in ends if end.greedy == (0, 0) and abs(end.table[0][0] - 8) <= 0.3]
    assert len(solved) >= 19, ends


@pytest.mark.learning
@pytest.mark.parametrize("name", ["vdn", "qmix"])
def test_monotone_mixing_ends_beside_it(name: str) -> None:
    ends = all_seeds(name)
    stuck = [end for end in ends if 0 not in end.greedy]
    assert len(stuck) >= 19, ends
