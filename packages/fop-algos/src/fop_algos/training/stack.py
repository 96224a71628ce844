"""Many seeds of one setting trained together on a one-step game: one batch, the same files, the same loop.

`stacked` puts the nets of `K` algorithms, built from `K` seeds, into one: each parameter gets a `K` in front,
and so has every tensor that the algorithm computes with (`fop_algos.algorithm.Algorithm`). Optimisers work
element by element and gradients are scaled for each seed, so that no seed knows of the others.
`StackedCollector` plays rounds of all seeds at once, `StackedReplay` has a replay for each, and
`fop_algos.training.train.train` takes both as it takes the plain ones: the same episodes, samples and updates
in the same order as `K` runs one after the other. What a seed learns may differ from its single run in the
last bits, for products of other shapes round differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fop_algos.algorithm import Algorithm
from fop_core.errors import DamagedFile, FopError
from fop_core.protocols import VectorEnv
from fop_core.replay import EpisodeReplay, Sampler
from fop_core.rng import Purpose, uniform
from fop_core.types import Actions, Clock, Episodes, Float, Int, TaskSpec

from .rollout import Collector, Round, Rounds

AHEAD = 256
"""Rounds whose randomness is drawn at once."""


def stackable(algorithm: Algorithm) -> bool:
    """Can seeds of this algorithm be one stack? Its task has one step, and no net is recurrent."""
    return algorithm.spec.episode_limit == 1 and not _is_recurrent(algorithm)


def _is_recurrent(algorithm: Algorithm) -> bool:
    return any(isinstance(net, nn.GRU) for net in algorithm.modules.modules())


def collector(algorithm: Algorithm, env: VectorEnv, n_episodes: int) -> Rounds:
    """What plays rounds of `n_episodes` (of each seed) with `algorithm`."""
    if algorithm.seeds is None:
        return Collector(env, n_episodes)
    return StackedCollector(env, n_episodes, algorithm.seeds)


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
    if _is_recurrent(first):
        memoryless = "agent=separate_mlp (and, where there is one, discriminator=steps)"
        raise FopError(f"{first.name} has recurrent nets, which can't be stacked; use {memoryless}")
    theirs = [dict(other.modules.named_parameters()) for other in others]
    for name, parameter in first.modules.named_parameters():
        parameter.data = torch.stack([parameter.data, *(their[name].data for their in theirs)])
    first.seeds = tuple(seeds)
    return first


class StackedCollector:
    """Plays a round of every seed at once, with the randomness that each would have alone."""

    def __init__(self, env: VectorEnv, n_episodes: int, seeds: Sequence[int]) -> None:
        """
        Args:
            env: a one-step game that shows the constant 1 and offers all actions, with
                `len(seeds) * n_episodes` slots.
            n_episodes: of each seed.
            seeds: of the stack.

        Raises:
            ValueError: the environment doesn't fit.
        """
        if env.spec.episode_limit != 1:
            raise ValueError(f"{env.spec.name} has {env.spec.episode_limit} steps an episode; needed: 1")
        if env.n_envs != len(seeds) * n_episodes:
            raise ValueError(
                f"env has {env.n_envs} slots; needed: {len(seeds)} seeds x {n_episodes} episodes a round"
            )
        self.env, self.n_episodes, self.seeds = env, n_episodes, tuple(seeds)
        self._slots = np.arange(env.n_envs)
        self._active = np.ones(env.n_envs, np.bool_)
        env.reset(self._slots, self._slots)
        if not ((env.obs == 1).all() and (env.state == 1).all() and env.available.all()):
            raise ValueError(
                f"{env.spec.name} shows other than the constant 1, or not all actions are available"
            )
        shape = (len(seeds), n_episodes)
        self._obs = torch.from_numpy(env.obs.reshape(*shape, *env.obs.shape[1:]).copy())
        self._available = torch.from_numpy(env.available.reshape(*shape, *env.available.shape[1:]).copy())
        self._constants = constant_fields(env.spec, *shape)
        self._no_noise = torch.zeros(*shape, env.spec.n_agents, 2)
        self._noise = torch.empty(0)  # of rounds to come
        self._drawn_from = -AHEAD * n_episodes

    def collect(self, algorithm: Algorithm, clock: Clock, *, first_episode: int, explore: bool) -> Round:
        """See `Rounds`."""
        noise = self._noise_of(first_episode) if explore else self._no_noise
        device = algorithm.device
        obs, available = self._obs.to(device), self._available.to(device)
        with torch.inference_mode():
            memory = algorithm.start(self.n_episodes)
            chosen, memory = algorithm.act(obs, available, memory, noise.to(device), clock, explore)
            label = algorithm.label(memory).cpu().numpy()
        actions = chosen.cpu().numpy()
        self.env.reset(self._slots, first_episode + self._slots)
        step = self.env.step(actions.reshape(self.env.n_envs, *actions.shape[2:]), self._active)
        reward = step.reward.reshape(actions.shape[:2]).copy()
        episodes = Episodes(
            actions=actions[:, :, None], reward=reward[:, :, None], label=label, **self._constants
        )
        return Round(episodes, reward, None)

    def _noise_of(self, episode: int) -> torch.Tensor:
        """`[K, n, N, 2]` of the round that begins with `episode`."""
        drawn = AHEAD * self.n_episodes
        if not self._drawn_from <= episode < self._drawn_from + drawn:
            n_agents, episodes = self.env.spec.n_agents, episode + np.arange(drawn)
            rows = [uniform(s, Purpose.ACTION_NOISE, episodes, 0, 2 * n_agents) for s in self.seeds]
            self._noise = torch.from_numpy(np.stack(rows)).unflatten(-1, (n_agents, 2))
            self._drawn_from = episode
        first = episode - self._drawn_from
        return self._noise[:, first : first + self.n_episodes]


class StackedReplay:
    """A replay for each seed, of a game that shows the constant 1 and offers all actions.

    Seed `k` gets the samples that an `fop_core.replay.EpisodeReplay` of this seed gives.
    """

    def __init__(self, spec: TaskSpec, seeds: Sequence[int], capacity: int) -> None:
        self.spec = spec
        self.seeds = tuple(seeds)
        self.capacity = capacity
        self._samplers = [Sampler(seed) for seed in seeds]
        self._added = 0
        self._actions: npt.NDArray[Any] = np.zeros(0)
        self._reward: Float = np.zeros(0, np.float32)
        self._label: Int = np.zeros(0, np.int64)
        self._constants: dict[int, dict[str, npt.NDArray[Any]]] = {}

    def __len__(self) -> int:
        return min(self._added, self.capacity)

    def add(self, episodes: Episodes) -> None:
        """`n` episodes of every seed, `[K, n, ...]`; what all of them show is not read."""
        actions, reward = episodes.actions[:, :, 0], episodes.reward[:, :, 0]
        needed = min(self._added + reward.shape[1], self.capacity)
        if self._reward.ndim == 1 or needed > self._reward.shape[1]:
            self._grow(actions, min(2 * needed + 1024, self.capacity))
        at = (self._added + np.arange(reward.shape[1])) % self.capacity
        self._actions[:, at], self._reward[:, at], self._label[:, at] = actions, reward, episodes.label
        self._added += reward.shape[1]

    def sample(self, n: int) -> Episodes:
        return self.drawn(self._samplers, n)

    def drawn(self, samplers: Sequence[Sampler], n: int) -> Episodes:
        """Like `sample`, by samplers of one's own, one for each seed."""
        return self._batch(np.stack([sampler.draw(len(self), n) for sampler in samplers]))

    def latest(self, n: int) -> Episodes:
        return self._batch(np.tile(np.arange(len(self) - n, len(self)), (len(self.seeds), 1)))

    def states(self) -> list[dict[str, npt.NDArray[Any]]]:
        """What each seed's plain replay would save."""
        held = self.latest(len(self)) if len(self) else None
        states = []
        for k, (seed, sampler) in enumerate(zip(self.seeds, self._samplers, strict=True)):
            plain = EpisodeReplay(self.spec, self.capacity, seed, draws=sampler.draws)
            if held is not None:
                plain.add(Episodes(**{name: value[k] for name, value in vars(held).items()}))
            states.append(plain.state())
        return states

    def load_states(self, states: Sequence[Mapping[str, npt.NDArray[Any]]]) -> None:
        """Takes over what plain replays of all seeds saved, or `states` gave.

        Raises:
            DamagedFile: one is damaged or of another task or seed, or they hold different numbers of
                episodes; then nothing has changed.
        """
        plains = []
        for seed, state in zip(self.seeds, states, strict=True):
            plain = EpisodeReplay(self.spec, self.capacity, seed)
            plain.load_state(state)
            plains.append(plain)
        if len({len(plain) for plain in plains}) > 1:
            raise DamagedFile("replay state: the seeds of a stack hold different numbers of episodes")
        self._samplers = [Sampler(seed, plain.draws) for seed, plain in zip(self.seeds, plains, strict=True)]
        self._added, self._reward = 0, np.zeros(0, np.float32)
        if n := len(plains[0]):
            held = [plain.latest(n) for plain in plains]
            names = ("actions", "reward", "label")
            joined = {name: np.stack([getattr(one, name) for one in held]) for name in names}
            self.add(Episodes(**joined, **constant_fields(self.spec, len(self.seeds), n)))

    def _batch(self, ages: npt.NDArray[np.int64]) -> Episodes:
        """Episodes by age, 0 the oldest."""
        at = (ages + self._added - len(self)) % self.capacity
        seeds = np.arange(len(at))[:, None]
        n = ages.shape[1]
        if n not in self._constants:
            self._constants[n] = constant_fields(self.spec, len(self.seeds), n)
        return Episodes(
            actions=self._actions[seeds, at][:, :, None],
            reward=self._reward[seeds, at][:, :, None],
            label=self._label[seeds, at],
            **self._constants[n],
        )

    def _grow(self, actions: Actions, capacity: int) -> None:
        wider = np.zeros((len(actions), capacity, *actions.shape[2:]), actions.dtype)
        rewards = np.zeros((len(actions), capacity), np.float32)
        labels = np.zeros((len(actions), capacity), np.int64)
        if self._reward.ndim == 2:
            wider[:, : self._reward.shape[1]] = self._actions
            rewards[:, : self._reward.shape[1]] = self._reward
            labels[:, : self._reward.shape[1]] = self._label
        self._actions, self._reward, self._label = wider, rewards, labels


def constant_fields(spec: TaskSpec, n_seeds: int, n: int) -> dict[str, npt.NDArray[Any]]:
    """What all batches of `n` episodes of `n_seeds` seeds have in common, by the names of `Episodes`."""
    lead = (n_seeds, n)
    return {
        "obs": _repeated((*lead, 2), (spec.n_agents, spec.obs_dim)),
        "state": _repeated((*lead, 2), (spec.state_dim,)),
        "available": np.ones((*lead, 2, spec.n_agents, spec.n_actions), np.bool_),
        "terminated": np.ones((*lead, 1), np.bool_),
        "mask": np.ones((*lead, 1), np.bool_),
        "lengths": np.ones(lead, np.int64),
    }


def _repeated(lead: tuple[int, int, int], shape: tuple[int, ...]) -> Float:
    """Ones `[K, B, T, *shape]`, stored once for each seed: layers see that all episodes look alike."""
    one = np.ones((lead[0], *shape), np.float32)
    strides = (one.strides[0], 0, 0, *one.strides[1:])
    return np.lib.stride_tricks.as_strided(one, (*lead, *shape), strides)
