"""Episode replay: each episode stored once at its own length, a sample gathered into one padded batch."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _native
from ._native import Sampler
from .errors import DamagedFile
from .types import Episodes, Int, TaskSpec

__all__ = ["EpisodeReplay", "Sampler"]

_FORMAT = 2
_HEADER: dict[str, type[np.generic]] = {"identity": np.int64, "task": np.uint8, "stream": np.uint64}
_TABLES: dict[str, type[np.generic]] = {
    "lengths": np.int64,
    "terminated": np.uint8,
    "obs_values": np.int64,
    "state_values": np.int64,
    "label": np.int64,
    "blocks": np.uint8,
}


class EpisodeReplay:
    """The newest `capacity` episodes of one task; implements `fop_core.protocols.Replay`.

    Stored are, per step: observation, state and available actions of all agents (one step more than the
    episode has), actions in the smallest integer that holds them (or float32), the reward; per episode its
    label. Of observation and state only the numbers that are not zero take 4 bytes, each number takes one
    bit; available actions take one bit each. Nothing is stored that can be derived: no padding, masks or
    one-hots. Memory is taken as episodes come, not for `capacity` episodes at the start; `nbytes` says how
    much.

    Samples are drawn without replacement by a counter-based stream, so which episodes come out is a function
    of the seed, of how often `sample` was called before, and of what is stored: nothing else.

    A batch is written into buffers that are used again: it holds until the next call of the same method
    (`sample` and `latest` have their own buffers). Pass `copy=True` to keep one.
    """

    def __init__(self, spec: TaskSpec, capacity: int, seed: int, *, draws: int = 0) -> None:
        """
        Args:
            spec: the task; gives all shapes.
            capacity: most episodes kept.
            seed: of the samples; 0 to 2^64 - 1.
            draws: samples that count as drawn before.

        Raises:
            ValueError: capacity or seed out of range.
        """
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}; at least 1 is needed")
        if not 0 <= seed < 2**64:
            raise ValueError(f"seed is {seed}; allowed: 0 to 2^64 - 1")
        self.spec = spec
        self.capacity = capacity
        self._ring = _native.EpisodeRing(
            n_agents=spec.n_agents,
            n_actions=spec.n_actions,
            obs_dim=spec.obs_dim,
            state_dim=spec.state_dim,
            action_dim=spec.action_dim,
            episode_limit=spec.episode_limit,
            capacity=capacity,
        )
        self._sampler = Sampler(seed, draws)
        self._sampled = _Buffers(spec)
        self._latest = _Buffers(spec)

    def __len__(self) -> int:
        return len(self._ring)

    @property
    def draws(self) -> int:
        """How many samples were drawn: all the state that the samples have."""
        return self._sampler.draws

    @property
    def nbytes(self) -> int:
        """Bytes that the stored episodes take."""
        return self._ring.nbytes

    def add(self, episodes: Episodes) -> None:
        """Stores each of `B` episodes at its own length; `mask` is not read, `lengths` is.

        Raises:
            ValueError: a field of the wrong shape or type, a length, action or termination that cannot be;
                then nothing has been added.
        """
        if episodes.lengths.ndim != 1 or episodes.reward.ndim != 2:
            raise ValueError(
                f"lengths and reward have shapes {episodes.lengths.shape} and {episodes.reward.shape}; "
                f"needed: (B,) and (B, T)"
            )
        n, steps = len(episodes.lengths), episodes.reward.shape[1]
        fields = {name: getattr(episodes, name) for name in _shapes(self.spec, n, steps) if name != "mask"}
        for name, (shape, dtype) in _shapes(self.spec, n, steps).items():
            if name != "mask" and (fields[name].shape != shape or fields[name].dtype != dtype):
                found = f"{fields[name].dtype}{fields[name].shape}"
                raise ValueError(f"{name} is {found}; needed: {np.dtype(dtype)}{shape}")
        self._ring.add(steps, **{name: np.ascontiguousarray(value) for name, value in fields.items()})

    def sample(self, n: int, *, copy: bool = False) -> Episodes:
        """`n` different episodes, uniformly and in random order, padded to the longest of them.

        Padded steps are zero in every field; their `available` is all false.

        Args:
            n: how many; at most `len(self)`.
            copy: give fresh arrays instead of those that the next `sample` rewrites.

        Raises:
            ValueError: `n` below 1 or above the number of episodes.
        """
        self._check_count(n)
        return self._gather(self._sampler.draw(len(self), n), self._sampled, copy)

    def latest(self, n: int, *, copy: bool = False) -> Episodes:
        """The `n` newest episodes, oldest of them first; otherwise like `sample`."""
        self._check_count(n)
        return self._gather(np.arange(len(self) - n, len(self), dtype=np.int64), self._latest, copy)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Everything that `load_state` needs to go on with the same samples, as flat arrays."""
        tables = self._ring.content()
        stream = np.array([self._sampler.seed, self._sampler.draws], np.uint64)
        identity = np.array(list(self._identity().values()), np.int64)
        task = np.frombuffer(self.spec.name.encode(), np.uint8)
        state = {"identity": identity, "task": task, "stream": stream, **tables}
        return state | {"checksum": np.array([_checksum(state)], np.int64)}

    def load_state(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Takes over what `state` of a replay of the same task, capacity and seed gave.

        Raises:
            DamagedFile: naming what is missing, damaged or different; then nothing has changed.
        """
        _check_vectors(state, _HEADER)
        self._check_identity(state)  # before the rest, which another format may not have
        _check_vectors(state, {**_TABLES, "checksum": np.int64})
        body = {name: np.ascontiguousarray(state[name]) for name in (*_HEADER, *_TABLES)}
        if state["checksum"].tolist() != [_checksum(body)]:
            raise DamagedFile("replay state: its checksum differs from what was saved")
        try:
            self._ring.restore(*(body[name] for name in _TABLES))
        except ValueError as error:
            raise DamagedFile(f"replay state: {error}") from error
        self._sampler = Sampler(*(int(x) for x in body["stream"]))

    def _identity(self) -> dict[str, int]:
        spec = self.spec
        return {
            "format": _FORMAT,
            "n_agents": spec.n_agents,
            "n_actions": spec.n_actions,
            "obs_dim": spec.obs_dim,
            "state_dim": spec.state_dim,
            "action_dim": spec.action_dim,
            "episode_limit": spec.episode_limit,
            "capacity": self.capacity,
        }

    def _check_identity(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        mine = self._identity() | {"seed": self._sampler.seed}
        if len(state["identity"]) != len(mine) - 1 or len(state["stream"]) != 2:
            raise DamagedFile("replay state: identity or stream has the wrong length")
        for (name, wanted), found in zip(mine.items(), [*state["identity"], state["stream"][0]], strict=True):
            if int(found) != wanted:
                raise DamagedFile(f"replay state: {name} is {int(found)}; here it is {wanted}")
        task = bytes(state["task"]).decode(errors="replace")
        if task != self.spec.name:
            raise DamagedFile(f"replay state: the task is {task!r}; here it is {self.spec.name!r}")

    def _check_count(self, n: int) -> None:
        if not 1 <= n <= len(self):
            raise ValueError(f"n is {n}; the replay holds {len(self)} episodes, so allowed: 1 to {len(self)}")

    def _gather(self, ages: Int, buffers: _Buffers, copy: bool) -> Episodes:
        steps = self._ring.longest(ages)
        batch = (_Buffers(self.spec) if copy else buffers).batch(len(ages), steps)
        self._ring.gather(ages, steps, **vars(batch))
        return batch


class _Buffers:
    """Flat arrays that grow to the largest batch so far; a batch is a view of their fronts."""

    def __init__(self, spec: TaskSpec) -> None:
        self._spec = spec
        self._flat: dict[str, npt.NDArray[Any]] = {}

    def batch(self, n: int, steps: int) -> Episodes:
        views: dict[str, npt.NDArray[Any]] = {}
        for name, (shape, dtype) in _shapes(self._spec, n, steps).items():
            size = math.prod(shape)
            if name not in self._flat or self._flat[name].size < size:
                self._flat[name] = np.empty(size, dtype)
            views[name] = self._flat[name][:size].reshape(shape)
        return Episodes(**views)


def _shapes(spec: TaskSpec, n: int, steps: int) -> dict[str, tuple[tuple[int, ...], type[np.generic]]]:
    agents = (n, steps, spec.n_agents)
    discrete = spec.action_kind == "discrete"
    return {
        "obs": ((n, steps + 1, spec.n_agents, spec.obs_dim), np.float32),
        "state": ((n, steps + 1, spec.state_dim), np.float32),
        "available": ((n, steps + 1, spec.n_agents, spec.n_actions), np.bool_),
        "actions": (agents, np.int64) if discrete else ((*agents, spec.action_dim), np.float32),
        "reward": ((n, steps), np.float32),
        "terminated": ((n, steps), np.bool_),
        "mask": ((n, steps), np.bool_),
        "lengths": ((n,), np.int64),
        "label": ((n,), np.int64),
    }


def _check_vectors(state: Mapping[str, npt.NDArray[Any]], needed: Mapping[str, type[np.generic]]) -> None:
    for name, dtype in needed.items():
        if name not in state:
            raise DamagedFile(f"replay state: {name} is missing")
        if state[name].dtype != dtype or state[name].ndim != 1:
            found = f"{state[name].dtype}{state[name].shape}"
            raise DamagedFile(f"replay state: {name} is {found}; needed: a vector of {np.dtype(dtype)}")


def _checksum(arrays: Mapping[str, npt.NDArray[Any]]) -> int:
    """CRC-32 over all arrays, in a fixed order."""
    crc = 0
    for name in (*_HEADER, *_TABLES):
        crc = zlib.crc32(arrays[name].data, crc)
    return crc
