"""The kernels as functions of numpy arrays (torch users: `fop_algos.native_ops`).

Legend: `...` any leading shape, `N` agents, `A` actions, `T` steps. Values are float32 or float64, all of one
kind; inputs that aren't contiguous are copied. `threads` changes the time taken, never a result. A wrong
shape, dtype or number raises ValueError naming the argument. docs/kernels.md states the contracts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _native

Array = npt.NDArray[Any]


class SoftValue(NamedTuple):
    """What `soft_value` gives: `v` and `entropy` `[...]`, `policy` and `log_policy` `[..., A]`."""

    v: Array
    policy: Array
    log_policy: Array
    entropy: Array


def set_simd(name: str) -> None:
    """Chooses the instruction set of the process: `auto` (the machine's best), `plain`, `avx2` or `avx512`.

    Raises:
        ValueError: the machine lacks it, or it isn't one of these.
    """
    _native.set_simd(name)


def simd() -> str:
    """The instruction set in use: `plain`, `avx2` or `avx512`."""
    return _native.simd()


def soft_value(q: Array, available: Array | None, alpha: float | Array, *, threads: int = 1) -> SoftValue:
    """Soft value and Boltzmann policy over the available actions: `v = alpha log sum_a exp(q_a / alpha)`.

    Args:
        q: `[..., A]`.
        available: `[..., A]` bool, or None where every action is available.
        alpha: temperature > 0: a number, or `[...]`.
        threads: at most this many.

    Returns:
        `v`, `policy = exp((q - v) / alpha)`, its log and its entropy. Unavailable actions have policy 0 and
        log-policy 0; rows without available actions are zero.
    """
    q = _dense(q)
    v, entropy = np.empty(q.shape[:-1], q.dtype), np.empty(q.shape[:-1], q.dtype)
    policy, log_policy = np.empty_like(q), np.empty_like(q)
    _native.soft_value(q, _bools(available), _temperature(alpha, q), v, policy, log_policy, entropy, threads)
    return SoftValue(v, policy, log_policy, entropy)


def routed_mix(q: Array, v: Array, lam: Array, v_state: Array, *, threads: int = 1) -> Array:
    """`sum_i q_i + v_state + sum_i (lam_i - 1) (q_i - v_i)`: `[...]` from `[..., N]`; `v_state` `[...]`."""
    q = _dense(q)
    q_tot = np.empty(q.shape[:-1], q.dtype)
    _native.routed_mix(q, _dense(v), _dense(lam), _dense(v_state), q_tot, threads)
    return q_tot


def literal_mix(q: Array, v: Array, lam: Array, v_tot: Array, *, threads: int = 1) -> Array:
    """Equation (18): `sum_i lam_i (q_i - v_i) + v_tot`: `[...]` from `[..., N]` and `v_tot` `[...]`."""
    q = _dense(q)
    q_tot = np.empty(q.shape[:-1], q.dtype)
    _native.literal_mix(q, _dense(v), _dense(lam), _dense(v_tot), q_tot, threads)
    return q_tot


def td_lambda(
    reward: Array,
    values: Array,
    terminated: Array,
    mask: Array,
    gamma: float,
    lam: float,
    *,
    threads: int = 1,
) -> Array:
    """TD(lambda) targets `G_t = r_t + gamma (1 - term_t) [(1 - lam) V_{t+1} + lam G_{t+1}]`.

    At an episode's own last step `G_{t+1} = V_{t+1}`: an episode that was cut off bootstraps from the value
    after its last step, whatever the length of the others. Padding is never read: NaN there does no harm.

    Args:
        reward: `[..., T]`.
        values: `[..., T+1]`; step `t` bootstraps from the value at `t + 1`.
        terminated: `[..., T]` bool: the task ended the episode at this step.
        mask: `[..., T]` bool: real steps.
        gamma: discount in [0, 1].
        lam: in [0, 1]: 0 for one-step targets, 1 for Monte-Carlo returns.
        threads: at most this many.

    Returns:
        `[..., T]` targets, zero on padding.
    """
    reward = _dense(reward)
    target = np.empty_like(reward)
    _native.td_lambda(reward, _dense(values), _dense(terminated), _dense(mask), gamma, lam, target, threads)
    return target


def _dense(array: Array) -> Array:
    return np.asarray(array, order="C")  # np.ascontiguousarray would make a scalar one-dimensional


def _bools(array: Array | None) -> Array | None:
    return None if array is None else _dense(array)


def _temperature(alpha: float | Array, q: Array) -> Array:
    return np.asarray(alpha, dtype=q.dtype, order="C")
