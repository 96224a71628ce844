"""Many seeds of one setting trained together on a one-step game: one batch, the same algorithm files.

`stacked` puts the nets of `K` algorithms, built from `K` seeds, into one: each parameter gets a `K` in front,
and so has every tensor that the algorithm computes with (`fop_algos.algorithm.Algorithm`). Optimisers work
element by element and gradients are scaled for each seed, so that no seed knows of the others.

`train_stack` is `fop_algos.train.train` for such a stack: the same episodes, samples and updates in the same
order as `K` runs one after the other. What a seed learns may differ from its single run in the last bits, for
products of other shapes round differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fop_core.errors import FopError
from fop_core.protocols import VectorEnv
from fop_core.replay import Sampler
from fop_core.rng import Purpose, uniform
from fop_core.types import Actions, Clock, Episodes, Float, Int, TaskSpec

from .algorithm import Algorithm, Metrics

AHEAD = 256
"""Rounds whose randomness is drawn at once."""


@dataclass(frozen=True)
class Moment:
    """How far a stack has come.

    Attributes:
        clock: of every seed.
        actions: `[K, N]` int64 or `[K, N, D]` float32, what each seed's team plays without exploring.
        returns: `[K]` what it gets for it.
        explored: `[K, E, N, ...]` the joint actions of the `E` episodes played since the last moment.
        metrics: of the last update, a list of `K` numbers each.
    """

    clock: Clock
    actions: Actions
    returns: Float
    explored: Actions
    metrics: Metrics


def stacked(make: Callable[[int], Algorithm], seeds: Sequence[int]) -> Algorithm:
    """One algorithm that learns for all `seeds`; seed `k` starts from the nets of `make(seeds[k])`.

    Args:
        make: builds the algorithm of one seed.
        seeds: different ones.

    Raises:
        ValueError: no seed, or one twice.
        FopError: the algorithm has nets that can't be stacked (recurrent ones).
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds is {list(seeds)}; needed: at least one, and each once")
    first, *others = [make(seed) for seed in seeds]
    if any(isinstance(net, nn.GRU) for net in first.modules.modules()):
        memoryless = "agent=separate_mlp (and, where there is one, discriminator=steps)"
        raise FopError(f"{first.name} has recurrent nets, which can't be stacked; use {memoryless}")
    theirs = [dict(other.modules.named_parameters()) for other in others]
    for name, parameter in first.modules.named_parameters():
        parameter.data = torch.stack([parameter.data, *(their[name].data for their in theirs)])
    first.seeds = tuple(seeds)
    return first


def train_stack(
    algorithm: Algorithm,
    env: VectorEnv,
    *,
    updates: int,
    every: int = 1000,
    replay: StackedReplay | None = None,
) -> Iterator[Moment]:
    """Trains a stack, and tells how far it is before the first update and after each `every` updates.

    Args:
        algorithm: from `stacked`.
        env: a one-step game that shows the constant 1 and offers all actions, with `K * episodes_per_round`
            slots.
        updates: of every seed.
        every: updates between two moments.
        replay: where episodes go; None makes one.

    Raises:
        ValueError: the environment doesn't fit.
    """
    assert algorithm.seeds is not None
    config, n_seeds = algorithm.config, len(algorithm.seeds)
    rows = config.episodes_per_round
    if env.spec.episode_limit != 1:
        raise ValueError(f"{env.spec.name} has {env.spec.episode_limit} steps an episode; needed: 1")
    if env.n_envs != n_seeds * rows:
        raise ValueError(f"env has {env.n_envs} slots; needed: {n_seeds} seeds x {rows} episodes a round")
    if replay is None:
        replay = StackedReplay(env.spec, algorithm.seeds, config.buffer_episodes)
    play = _Player(algorithm, env, rows)
    clock = Clock()
    metrics: Metrics = {}
    yield play.test(clock, metrics)
    while clock.updates < updates:
        replay.add(*play.explore(clock))
        clock = replace(clock, env_steps=clock.env_steps + rows, episodes=clock.episodes + rows)
        if clock.episodes < config.burn_in_episodes:
            continue
        for _ in range(config.updates_per_round):
            metrics = algorithm.update(replay, clock)
            clock = replace(clock, updates=clock.updates + 1)
            if clock.updates % every == 0 or clock.updates == updates:
                yield play.test(clock, metrics)


class _Player:
    """Plays a round of every seed at once, with the randomness that each would have alone."""

    def __init__(self, algorithm: Algorithm, env: VectorEnv, rows: int) -> None:
        self.algorithm, self.env, self.rows = algorithm, env, rows
        self.slots = np.arange(env.n_envs)
        self.active = np.ones(env.n_envs, np.bool_)
        env.reset(self.slots, self.slots)
        if not ((env.obs == 1).all() and (env.state == 1).all() and env.available.all()):
            raise ValueError(
                f"{env.spec.name} shows other than the constant 1, or not all actions are available"
            )
        shape = (*algorithm.stack, rows)
        self.obs = torch.from_numpy(env.obs.reshape(*shape, *env.obs.shape[1:]).copy())
        self.available = torch.from_numpy(env.available.reshape(*shape, *env.available.shape[1:]).copy())
        self._drawn_from = -AHEAD * rows
        self._uniform = torch.empty(0)
        self._explored: list[Actions] = []

    def explore(self, clock: Clock) -> tuple[Actions, Float, Int]:
        """Actions `[K, R, N, ...]`, rewards and labels `[K, R]` of the next `R` episodes of every seed."""
        if clock.episodes >= self._drawn_from + AHEAD * self.rows:
            self._draw(clock.episodes)
        first = clock.episodes - self._drawn_from
        played = self._play(self._uniform[:, first : first + self.rows], clock, explore=True)
        self._explored.append(played[0])
        return played

    def test(self, clock: Clock, metrics: Metrics) -> Moment:
        shape = (*self.obs.shape[:3], 2)
        actions, returns, _ = self._play(torch.zeros(shape), clock, explore=False)
        listed = {k: v.tolist() if isinstance(v, torch.Tensor) else v for k, v in metrics.items()}
        explored = np.concatenate([actions[:, :0], *self._explored], 1)
        self._explored = []
        return Moment(clock, actions[:, 0], returns[:, 0], explored, listed)

    def _play(self, noise: torch.Tensor, clock: Clock, explore: bool) -> tuple[Actions, Float, Int]:
        memory = self.algorithm.start(self.rows)
        with torch.inference_mode():
            chosen, memory = self.algorithm.act(self.obs, self.available, memory, noise, clock, explore)
            label = self.algorithm.label(memory).numpy()
        actions = chosen.numpy()
        self.env.reset(self.slots, clock.episodes + self.slots)
        step = self.env.step(actions.reshape(self.env.n_envs, *actions.shape[2:]), self.active)
        return actions, step.reward.reshape(actions.shape[:2]).copy(), label

    def _draw(self, episode: int) -> None:
        assert self.algorithm.seeds is not None
        n_agents, episodes = self.env.spec.n_agents, episode + np.arange(AHEAD * self.rows)
        drawn = [uniform(s, Purpose.ACTION_NOISE, episodes, 0, 2 * n_agents) for s in self.algorithm.seeds]
        self._uniform = torch.from_numpy(np.stack(drawn)).unflatten(-1, (n_agents, 2))
        self._drawn_from = episode


class StackedReplay:
    """A replay for each seed, of a game that shows the constant 1 and offers all actions.

    Seed `k` gets the samples that an `fop_core.replay.EpisodeReplay` of this seed gives.
    """

    def __init__(self, spec: TaskSpec, seeds: Sequence[int], capacity: int) -> None:
        self.spec = spec
        self.capacity = capacity
        self._samplers = [Sampler(seed) for seed in seeds]
        self._added = 0
        self._actions: npt.NDArray[Any] = np.zeros(0)
        self._reward: Float = np.zeros(0, np.float32)
        self._label: Int = np.zeros(0, np.int64)
        self._constants: dict[int, dict[str, npt.NDArray[Any]]] = {}

    def __len__(self) -> int:
        return min(self._added, self.capacity)

    def add(self, actions: Actions, reward: Float, label: Int) -> None:
        """`[K, R, N, ...]`, `[K, R]` and `[K, R]`."""
        needed = min(self._added + reward.shape[1], self.capacity)
        if self._reward.ndim == 1 or needed > self._reward.shape[1]:
            self._grow(actions, reward, min(2 * needed + 1024, self.capacity))
        at = (self._added + np.arange(reward.shape[1])) % self.capacity
        self._actions[:, at], self._reward[:, at], self._label[:, at] = actions, reward, label
        self._added += reward.shape[1]

    def sample(self, n: int) -> Episodes:
        return self.drawn(self._samplers, n)

    def drawn(self, samplers: Sequence[Sampler], n: int) -> Episodes:
        """Like `sample`, by samplers of one's own, one for each seed."""
        return self._batch(np.stack([sampler.draw(len(self), n) for sampler in samplers]))

    def latest(self, n: int) -> Episodes:
        return self._batch(np.tile(np.arange(len(self) - n, len(self)), (len(self._samplers), 1)))

    def _batch(self, ages: npt.NDArray[np.int64]) -> Episodes:
        """Episodes by age, 0 the oldest."""
        at = (ages + self._added - len(self)) % self.capacity
        seeds = np.arange(len(at))[:, None]
        n = ages.shape[1]
        if n not in self._constants:
            self._constants[n] = self._looks(n)
        return Episodes(
            actions=self._actions[seeds, at][:, :, None],
            reward=self._reward[seeds, at][:, :, None],
            label=self._label[seeds, at],
            **self._constants[n],
        )

    def _looks(self, n: int) -> dict[str, npt.NDArray[Any]]:
        """What is the same in every batch of `n`."""
        spec, lead = self.spec, (len(self._samplers), n)
        return {
            "obs": _repeated((len(self._samplers), n, 2), (spec.n_agents, spec.obs_dim)),
            "state": _repeated((len(self._samplers), n, 2), (spec.state_dim,)),
            "available": np.ones((*lead, 2, spec.n_agents, spec.n_actions), np.bool_),
            "terminated": np.ones((*lead, 1), np.bool_),
            "mask": np.ones((*lead, 1), np.bool_),
            "lengths": np.ones(lead, np.int64),
        }

    def _grow(self, actions: Actions, reward: Float, capacity: int) -> None:
        wider = np.zeros((len(actions), capacity, *actions.shape[2:]), actions.dtype)
        rewards = np.zeros((len(actions), capacity), np.float32)
        labels = np.zeros((len(actions), capacity), np.int64)
        if self._reward.ndim == 2:
            wider[:, : self._reward.shape[1]] = self._actions
            rewards[:, : self._reward.shape[1]] = self._reward
            labels[:, : self._reward.shape[1]] = self._label
        self._actions, self._reward, self._label = wider, rewards, labels


def _repeated(lead: tuple[int, int, int], shape: tuple[int, ...]) -> Float:
    """Ones `[K, B, T, *shape]`, stored once for each seed: layers see that all episodes look alike."""
    one = np.ones((lead[0], *shape), np.float32)
    strides = (one.strides[0], 0, 0, *one.strides[1:])
    return np.lib.stride_tricks.as_strided(one, (*lead, *shape), strides)
