"""How noisy gradients are: against hand-worked cases, one seed's plain computation, and the run itself."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithm import Draws
from fop_algos.algorithms.deterministic import DeterministicActors, DeterministicConfig
from fop_algos.bases.continuous_actors import ContinuousActors
from fop_algos.batch import EpisodeBatch
from fop_algos.training.snapshots import Snapshot, snapshots
from fop_algos.training.stack import StackedReplay, constant_fields, stacked
from fop_algos.training.train import TrainState
from fop_bench.studies.paper.gradient_noise import APART, gradient_noise, noise_of
from fop_core.replay import Sampler
from fop_core.types import Clock, Episodes

SPEC = fop_envs.make("differential").spec
METHODS = ("fop", "dop", "facmaddpg", "maddpg", "maac", "masql")
SEEDS = (5, 0)


def test_the_noise_of_two_gradients_by_hand() -> None:
    """First seed: variances 2 and 8, means 2 and 4; the second doesn't vary, the third isn't finite."""
    one, other = [[1.0, 2.0], [5.0, 5.0], [1.0, math.nan]], [[3.0, 6.0], [5.0, 5.0], [3.0, 0.0]]
    noise = noise_of(torch.tensor([one, other]))
    assert noise.variance[:2].tolist() == [5.0, 0.0]
    assert noise.relative[:2].tolist() == [10 / 20, 0.0]
    assert noise.variance[2].isnan()
    assert noise.relative[2].isnan()


class Slope(nn.Module):
    """`w_1`, `w_2`: their gradient is whatever multiplies them."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(2))


class Known(DeterministicActors):
    """Loss `w_1 mean(first agent's action) + w_2 (7 + mean of as many normal numbers)`."""

    def __init__(self, seed: int) -> None:
        super().__init__("known", SPEC, DeterministicConfig(), seed)
        self.actor = self.modules["actor"] = Slope()

    def policy_loss(self, batch: EpisodeBatch, draws: Draws, clock: Clock) -> tuple[Tensor]:
        taken = batch.actions[..., 0, 0, 0]
        slopes = torch.stack((taken.mean(-1), 7 + draws.normal(taken.shape).mean(-1)), -1)
        return ((self.actor.w * slopes).sum(-1),)


def test_variance_over_minibatches_and_over_fresh_noise_is_what_it_must_be() -> None:
    """Of `n` out of `N` without replacement: `s^2 / n (1 - n / N)`; of `n` normal numbers: `1 / n`."""
    stored, drawn = 100, 25
    algorithm = stacked(Known, SEEDS)
    assert isinstance(algorithm, ContinuousActors)
    replay = StackedReplay(SPEC, SEEDS, stored)
    actions = np.random.default_rng(0).normal(size=(2, stored, 2, 1)).astype(np.float32)
    actions[1] *= 3
    constant = constant_fields(SPEC, 2, stored)
    reward, label = np.zeros((2, stored, 1), np.float32), np.zeros((2, stored), np.int64)
    replay.add(Episodes(actions=actions[:, :, None], reward=reward, label=label, **constant))
    noise = gradient_noise(algorithm, replay, Clock(updates=8), samples=4000, episodes=drawn)
    spread = actions[:, :, 0, 0].var(1, ddof=1)
    total = spread / drawn * (1 - drawn / stored) + 1 / drawn
    squared = actions[:, :, 0, 0].mean(1) ** 2 + 7**2
    np.testing.assert_allclose(noise.variance, total / 2, rtol=0.06)
    np.testing.assert_allclose(noise.relative, total / squared, rtol=0.06)


def start(name: str) -> tuple[ContinuousActors, StackedReplay]:
    config: Any = catalogue.entry(name).config_for(SPEC)
    config = replace(config, burn_in_episodes=12, batch_episodes=8)
    algorithm = stacked(lambda seed: catalogue.build(name, SPEC, config, seed), SEEDS)
    assert isinstance(algorithm, ContinuousActors)
    return algorithm, StackedReplay(SPEC, SEEDS, config.buffer_episodes)


def trained(algorithm: ContinuousActors, replay: StackedReplay, measured: bool) -> list[Snapshot]:
    taken = []
    env = fop_envs.make("differential", n_envs=len(SEEDS))
    for snapshot in snapshots(TrainState(algorithm, replay), env, updates=20, every=5):
        taken.append(snapshot)
        if measured and snapshot.clock.updates:
            gradient_noise(algorithm, replay, snapshot.clock, samples=3, episodes=6)
    return taken


@pytest.mark.parametrize("name", METHODS)
def test_it_is_what_each_seed_computes_alone(name: str) -> None:
    algorithm, replay = start(name)
    clock = trained(algorithm, replay, measured=False)[-1].clock
    noise = gradient_noise(algorithm, replay, clock, samples=4, episodes=6)
    for k, seed in enumerate(SEEDS):
        alone: Any = catalogue.build(name, SPEC, algorithm.config, seed)
        alone.modules.load_state_dict({key: v[k] for key, v in algorithm.modules.state_dict().items()})
        numbers = range(APART + 4 * clock.updates, APART + 4 * clock.updates + 4)
        gradients = []
        for number in numbers:
            episodes = replay.drawn([Sampler(s, number) for s in SEEDS], 6)
            fields = ("obs", "state", "available", "actions", "reward", "terminated", "mask", "label")
            batch = EpisodeBatch(*(torch.from_numpy(getattr(episodes, f)[k].copy()) for f in fields))
            alone.actor.zero_grad()
            loss = alone.policy_loss(batch, Draws(seed, None, Clock(updates=number)), clock)[0]
            loss.backward()
            gradients.append(np.concatenate([p.grad.numpy().ravel() for p in alone.actor.parameters()]))
        variance = np.var(gradients, axis=0, ddof=1, dtype=np.float64)
        squared = np.square(np.mean(gradients, axis=0, dtype=np.float64)).sum()
        assert noise.variance[k].item() == pytest.approx(variance.mean(), rel=1e-3)
        assert noise.relative[k].item() == pytest.approx(variance.sum() / squared, rel=1e-3)
        if name in ("dop", "facmaddpg"):
            assert noise.variance[k] == 0, "with one state nothing that these climb is sampled"
        else:
            assert noise.variance[k] > 0


@pytest.mark.parametrize("name", METHODS)
def test_a_run_does_not_know_that_it_was_measured(name: str) -> None:
    one, other = start(name), start(name)
    torch_state = torch.random.get_rng_state()
    assert [m.metrics for m in trained(*one, measured=False)] == [
        m.metrics for m in trained(*other, measured=True)
    ]
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    theirs = other[0].modules.state_dict()
    for key, value in one[0].modules.state_dict().items():
        assert torch.equal(value, theirs[key]), key
    for group, optimiser in one[0].optimisers.items():
        for mine, its in zip(
            optimiser.state.values(), other[0].optimisers[group].state.values(), strict=True
        ):
            assert all(torch.equal(value, its[key]) for key, value in mine.items())
    np.testing.assert_array_equal(one[1].sample(8).actions, other[1].sample(8).actions)


def test_it_is_a_function_of_seeds_clock_and_replay() -> None:
    algorithm, replay = start("maac")
    clock = trained(algorithm, replay, measured=False)[-1].clock
    first = gradient_noise(algorithm, replay, clock, episodes=20)
    replay.sample(8)
    again = gradient_noise(algorithm, replay, clock, episodes=20)
    assert first.variance.tolist() == again.variance.tolist()
    later = gradient_noise(algorithm, replay, replace(clock, updates=clock.updates + 1), episodes=20)
    assert (first.variance != later.variance).all()
