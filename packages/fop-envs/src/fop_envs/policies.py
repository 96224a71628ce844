"""What a policy sees and gives, and policies that need no learning, by name for `play`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fop_core import rng
from fop_core.errors import FopError, UnknownName
from fop_core.protocols import VectorEnv
from fop_core.rng import Purpose
from fop_core.types import Actions, Bool, Float, Int


@dataclass(frozen=True)
class Turn:
    """What a policy chooses by: all slots before one step. Rows of slots that are not active mean nothing.

    Attributes:
        env: what is played; policies that look deeper than observations ask it.
        obs: `[E, N, O]` float32; this array and the next two are the environment's, rewritten by the step.
        state: `[E, S]` float32.
        available: `[E, N, A]` bool.
        active: `[E]` bool: slots with an episode under way.
        slots: the same as their numbers.
        episodes: `[E]` number of the episode that each slot plays.
        times: `[E]` steps that the episode has had; at 0 a policy with a memory begins that row anew.
    """

    env: VectorEnv
    obs: Float
    state: Float
    available: Bool
    active: Bool
    slots: Int
    episodes: Int
    times: Int


Policy = Callable[[Turn], npt.NDArray[Any]]
"""Chooses for all slots: `[E, N]` integers or `[E, N, D]` floats; rows of inactive slots are not looked at.

An episode's actions should be a function of its own rows, its number and time; then results don't depend on
`n_envs`.
"""

NAMES = ("random", "heuristic")


def named(name: str, env: VectorEnv, seed: int = 0) -> Policy:
    """A policy by name.

    Args:
        name: `random` or `heuristic`.
        env: what it will play.
        seed: of `random`.

    Raises:
        UnknownName: there is none of this name.
        FopError: the environment can't be played by it.
    """
    if name == "random":
        return random_policy(seed)
    if name == "heuristic":
        return heuristic_policy(env)
    raise UnknownName("policy", name, NAMES)


def random_policy(seed: int = 0) -> Policy:
    """Uniformly random available actions, a function of (seed, episode, time)."""

    def policy(turn: Turn) -> Actions:
        return random_actions(turn.env, seed, turn.episodes, turn.times, turn.active)

    return policy


def heuristic_policy(env: VectorEnv) -> Policy:
    """SMAC's scripted policy, which the battle engine plays itself; see `SmacOptions.heuristic_ai`.

    Raises:
        FopError: `env` was not made with `heuristic_ai=True`.
    """
    from fop_envs.smac.skirmish import SkirmishEnv

    if not (isinstance(env, SkirmishEnv) and env.options.heuristic_ai):
        raise FopError(
            f"the heuristic policy is played by the battle engine, and this environment of {env.spec.name} "
            f"doesn't: make one of SMAC's maps with heuristic_ai=True"
        )
    ignored = np.zeros((env.n_envs, env.spec.n_agents), np.int64)
    return lambda turn: ignored


def random_actions(env: VectorEnv, seed: int, episodes: Int, times: Int, active: Bool) -> Actions:
    """Uniformly random available actions, a function of (seed, episode, time) and of the masks.

    Rows of inactive slots hold what no environment may look at: an impossible action.

    Returns:
        `[E, N]` int64 or `[E, N, D]` float32.
    """
    spec = env.spec
    if spec.action_kind == "continuous":
        shape = (env.n_envs, spec.n_agents, spec.action_dim)
        draws = rng.uniform(seed, Purpose.RANDOM_POLICY, episodes, times, spec.n_agents * spec.action_dim)
        span = np.float32(spec.action_high - spec.action_low)
        chosen: Float = np.float32(spec.action_low) + span * draws.reshape(shape)
        chosen[~active] = np.nan
        return chosen
    counts = env.available.sum(axis=2)
    rank = rng.below(seed, Purpose.RANDOM_POLICY, episodes, times, spec.n_agents, np.maximum(counts, 1))
    actions: Int = (env.available.cumsum(axis=2) > rank[:, :, None]).argmax(axis=2).astype(np.int64)
    actions[~active] = spec.n_actions
    return actions
