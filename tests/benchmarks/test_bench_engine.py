"""Environment steps per second of the skirmish engine, one thread.

Random available actions; observations, states, masks and rewards are copied out as a rollout would; episodes
that end are begun anew, which is part of the time. Run with

    pytest tests/benchmarks/test_bench_engine.py -o addopts=--import-mode=importlib --benchmark-only
"""

from __future__ import annotations

import numpy as np
import pytest

from fop_envs.smac.skirmish import SkirmishEnv

N_ENVS = 64
MAPS = {"3m": 100, "2s3z": 60, "3s5z": 40, "MMM2": 20, "2c_vs_64zg": 20, "27m_vs_30m": 10}  # steps per round


class Player:
    """Plays on and on with random actions."""

    def __init__(self, name: str) -> None:
        self.env = SkirmishEnv(name, n_envs=N_ENVS, seed=0)
        self.env.reset(np.arange(N_ENVS), np.arange(N_ENVS))
        self.active = np.ones(N_ENVS, np.bool_)
        self.actions = np.zeros((N_ENVS, self.env.spec.n_agents), np.int64)
        self.episodes = N_ENVS
        self.out = [np.empty_like(array) for array in (self.env.obs, self.env.state, self.env.available)]
        self.rewards = 0.0

    def play(self, steps: int) -> None:
        env = self.env
        for _ in range(steps):
            step = env.step(env.random_actions(self.active, self.actions), self.active)
            for out, array in zip(self.out, (env.obs, env.state, env.available), strict=True):
                np.copyto(out, array)
            self.rewards += float(step.reward.sum())
            ended = np.flatnonzero(step.terminated | step.truncated)
            if len(ended):
                env.reset(ended, np.arange(self.episodes, self.episodes + len(ended)))
                self.episodes += len(ended)


@pytest.mark.parametrize("name", MAPS)
def test_random_play(benchmark, name):
    player = Player(name)
    player.play(2 * player.env.spec.episode_limit)  # slots are spread over all times of an episode
    benchmark.group = "engine"
    benchmark.pedantic(player.play, args=(MAPS[name],), rounds=10, iterations=1)
    benchmark.extra_info["steps_per_second"] = round(MAPS[name] * N_ENVS / benchmark.stats.stats.min)
