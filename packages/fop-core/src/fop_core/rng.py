"""Random numbers that are a function of (seed, purpose, episode, time, index) and of nothing else.

Counter-based (Philox4x32-10: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), so a
draw depends neither on earlier draws nor on which episodes happen to be stepped together, and nothing needs
saving. Row `e` of each result belongs to `(episodes[e], times[e])`; number `i` of a row is the same for every
`n > i`.

Two functions called with the same (seed, purpose, episode, time) read the same underlying bits: give draws
that must be independent another purpose, or take them from one longer row.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from . import _native
from .types import Float, Int

_WORD = 2**32


class Purpose(IntEnum):
    """What a draw is for; the numbers of `fop::Purpose` in csrc/include/fop/rng.hpp."""

    ACTION_NOISE = 0
    """Exploration."""
    REPLAY_SAMPLE = 1
    """Which episodes are drawn."""
    ENGINE_ORDER = 2
    """The order in which units act within a loop."""
    ENGINE_COOLDOWN = 3
    """The random addend of a weapon's period."""
    ENGINE_SCENARIO = 4
    """What a map itself leaves to chance."""
    RANDOM_POLICY = 5
    """Uniformly chosen available actions."""
    EVALUATION = 6
    """Choices made in tests."""
    GAME = 7
    """Toy games."""


def uniform(seed: int, purpose: Purpose, episodes: npt.ArrayLike, times: npt.ArrayLike, n: int) -> Float:
    """Uniform in [0, 1), multiples of 2^-24.

    Args:
        seed: 0 to 2^64 - 1.
        purpose: which stream.
        episodes: `[E]` integers from 0 to 2^32 - 1.
        times: `[E]` integers from 0 to 2^32 - 1, or one integer for all rows.
        n: numbers per row.

    Returns:
        `[E, n]` float32.

    Raises:
        ValueError: an argument out of range.
    """
    return _native.uniform(*_stream(seed, purpose, episodes, times, n))


def uniform64(
    seed: int, purpose: Purpose, episodes: npt.ArrayLike, times: npt.ArrayLike, n: int
) -> npt.NDArray[np.float64]:
    """Uniform in [0, 1), multiples of 2^-53: `[E, n]` float64. Arguments as for `uniform`."""
    return _native.uniform64(*_stream(seed, purpose, episodes, times, n))


def normal(seed: int, purpose: Purpose, episodes: npt.ArrayLike, times: npt.ArrayLike, n: int) -> Float:
    """Standard normal, `[E, n]` float32. Arguments as for `uniform`.

    Box-Muller on 53-bit uniforms, computed in double and rounded at the end; |x| <= 8.6.
    """
    return _native.normal(*_stream(seed, purpose, episodes, times, n))


def below(
    seed: int, purpose: Purpose, episodes: npt.ArrayLike, times: npt.ArrayLike, n: int, bound: npt.ArrayLike
) -> Int:
    """Uniform in {0, ..., bound - 1}, `[E, n]` int64; other arguments as for `uniform`.

    Args:
        bound: 1 to 2^32 - 1; one number, or an array that broadcasts to `[E, n]`. A value's probability is
            off by less than 2^-32.
    """
    stream = _stream(seed, purpose, episodes, times, n)
    bounds = _words("bound", bound, least=1)
    return _native.below(*stream, np.ascontiguousarray(np.broadcast_to(bounds, (len(stream[2]), n))))


def _stream(
    seed: int, purpose: Purpose, episodes: npt.ArrayLike, times: npt.ArrayLike, n: int
) -> tuple[int, int, npt.NDArray[np.uint32], npt.NDArray[np.uint32], int]:
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed is {seed}; allowed: 0 to 2^64 - 1")
    if not 0 <= n < _WORD:
        raise ValueError(f"n is {n}; allowed: 0 to 2^32 - 1")
    rows = _words("episodes", episodes)
    if rows.ndim != 1:
        raise ValueError(f"episodes has shape {rows.shape}; a vector is needed")
    moments = _words("times", times)
    if moments.shape not in ((), rows.shape):
        raise ValueError(f"times has shape {moments.shape}; allowed: {rows.shape} or one integer")
    moments = np.ascontiguousarray(np.broadcast_to(moments, rows.shape))
    return int(seed), int(purpose), rows, moments, int(n)


def _words(name: str, values: npt.ArrayLike, least: int = 0) -> npt.NDArray[np.uint32]:
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(array.shape, np.uint32)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} has dtype {array.dtype}; integers are needed")
    if array.min() < least or array.max() >= _WORD:
        raise ValueError(f"{name} holds {array.min()} to {array.max()}; allowed: {least} to 2^32 - 1")
    return array.astype(np.uint32, order="C")
