"""What every vector environment needs: arrays of the right shapes, and checks of slots and actions."""

from __future__ import annotations

import numpy as np

from fop_core.errors import IllegalAction
from fop_core.types import Actions, Bool, Float, Int, TaskSpec


def empty_arrays(spec: TaskSpec, n_envs: int) -> tuple[Float, Float, Bool]:
    """Zeroed `obs` `[E, N, O]`, `state` `[E, S]` and `available` `[E, N, A]`.

    Raises:
        ValueError: no environment is asked for.
    """
    if n_envs < 1:
        raise ValueError(f"n_envs is {n_envs}; at least 1 is needed")
    return (
        np.zeros((n_envs, spec.n_agents, spec.obs_dim), np.float32),
        np.zeros((n_envs, spec.state_dim), np.float32),
        np.zeros((n_envs, spec.n_agents, spec.n_actions), np.bool_),
    )


def check_reset(n_envs: int, envs: Int, episodes: Int) -> None:
    """Refuses slots that do not exist or are named twice, and episode numbers that no stream has.

    Raises:
        ValueError: naming the argument and the value.
    """
    if envs.ndim != 1 or envs.shape != episodes.shape:
        raise ValueError(f"envs {envs.shape} and episodes {episodes.shape} must be vectors of one length")
    if envs.size == 0:
        return
    if envs.min() < 0 or envs.max() >= n_envs:
        raise ValueError(f"envs holds slots {envs.min()} to {envs.max()}; there are slots 0 to {n_envs - 1}")
    if len(np.unique(envs)) < len(envs):
        raise ValueError(f"envs names a slot twice: {envs.tolist()}")
    if episodes.min() < 0 or episodes.max() >= 2**32:
        raise ValueError(f"episodes holds {episodes.min()} to {episodes.max()}; allowed: 0 to 2^32 - 1")


def check_step(spec: TaskSpec, available: Bool, actions: Actions, active: Bool) -> None:
    """Refuses actions of the wrong shape or type, and illegal ones in active slots.

    Args:
        spec: the task.
        available: `[E, N, A]`, what may be chosen now.
        actions: `[E, N]` int64 or `[E, N, D]` float32.
        active: `[E]`; rows where it is false are not looked at.

    Raises:
        IllegalAction: naming slot, agent, action and what is allowed.
        ValueError: wrong shape or type.
    """
    n_envs = len(available)
    if active.shape != (n_envs,) or active.dtype != np.bool_:
        raise ValueError(f"active is {active.dtype}{active.shape}; needed: bool({n_envs},)")
    discrete = spec.action_kind == "discrete"
    shape = (n_envs, spec.n_agents) if discrete else (n_envs, spec.n_agents, spec.action_dim)
    dtype = np.dtype(np.int64 if discrete else np.float32)
    if actions.shape != shape or actions.dtype != dtype:
        raise ValueError(f"actions is {actions.dtype}{actions.shape}; needed: {dtype}{shape}")
    if discrete:
        _check_choices(available, actions, active)
    else:
        _check_range(spec, actions, active)


def _check_choices(available: Bool, actions: Actions, active: Bool) -> None:
    n_actions = available.shape[2]
    inside = (actions >= 0) & (actions < n_actions)
    chosen = np.where(inside, actions, 0).astype(np.int64)
    legal = inside & np.take_along_axis(available, chosen[:, :, None], 2)[:, :, 0]
    wrong = np.argwhere(~legal & active[:, None])
    if len(wrong):
        env, agent = (int(i) for i in wrong[0])
        allowed = np.flatnonzero(available[env, agent]).tolist()
        raise IllegalAction(
            f"slot {env}, agent {agent}: action {actions[env, agent]} is not available; allowed: {allowed}"
        )


def _check_range(spec: TaskSpec, actions: Actions, active: Bool) -> None:
    inside = (actions >= spec.action_low) & (actions <= spec.action_high)
    wrong = np.argwhere(~inside & active[:, None, None])
    if len(wrong):
        env, agent, _ = (int(i) for i in wrong[0])
        raise IllegalAction(
            f"slot {env}, agent {agent}: action {actions[env, agent].tolist()} is out of range; "
            f"allowed: {spec.action_low} to {spec.action_high}"
        )
