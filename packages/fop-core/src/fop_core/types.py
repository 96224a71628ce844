"""The vocabulary that all packages share.

Legend of dimensions, used in every docstring: `E` environments, `B` episodes, `T` steps, `N` agents,
`A` actions, `D` components of a continuous action, `O` observation, `S` state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Actions = npt.NDArray[np.int64] | npt.NDArray[np.float32]
ActionKind = Literal["discrete", "continuous"]


@dataclass(frozen=True)
class TaskSpec:
    """What an algorithm has to know of a task.

    Attributes:
        name: name of the map or game, e.g. `3m`.
        n_agents: `N`.
        n_actions: `A`, choices of one agent (discrete), or 0.
        obs_dim: `O`.
        state_dim: `S`.
        episode_limit: most steps of an episode.
        action_kind: `discrete` (actions `[..., N]` int64) or `continuous` (`[..., N, D]` float32).
        action_dim: `D` (continuous), or 0.
        action_low: lowest value of a continuous action.
        action_high: highest value of a continuous action.
        engine: what plays it, with its version; part of every record and checkpoint.
        ally_feature_dim: width of one ally's block in the state, 0 where the state has no such blocks. The
            state of SMAC starts with `N` of them (keys of attention mixers).
    """

    name: str
    n_agents: int
    n_actions: int
    obs_dim: int
    state_dim: int
    episode_limit: int
    action_kind: ActionKind = "discrete"
    action_dim: int = 0
    action_low: float = 0.0
    action_high: float = 0.0
    engine: str = ""
    ally_feature_dim: int = 0


@dataclass(frozen=True)
class Step:
    """What one step of `E` environments gave; rows of inactive environments are zero.

    Attributes:
        reward: `[E]` float32, shared by the team.
        terminated: `[E]` the episode ended by the task's own rules: nothing to bootstrap from.
        truncated: `[E]` it was cut off by the step limit: bootstrap from the last observation.
        info: named `[E]` arrays; `battle_won` where a task can be won.
    """

    reward: Float
    terminated: Bool
    truncated: Bool
    info: dict[str, npt.NDArray[np.generic]] = field(default_factory=dict)


@dataclass(frozen=True)
class Optimum:
    """The best joint action of a task of one step, whose reward is a function of the joint action alone.

    A joint action is `[N]` int64 or `[N, D]` float32, as in one row of `VectorEnv.step`.

    Attributes:
        best_reward: what the best joint action earns.
        success_above: a joint action that earns more than this counts as optimal.
        success: the same in words that go on after "the joint action", e.g. `earns the largest payoff`.
        maximiser: a joint action that earns `best_reward`; others may, too.
        reward: what a joint action earns, in double precision; `Step.reward` is it, rounded.
        action_name: a joint action's name in tables and records, e.g. `ABA`.
    """

    best_reward: float
    success_above: float
    success: str
    maximiser: Actions
    reward: Callable[[Actions], float]
    action_name: Callable[[Actions], str]

    def is_reached_by(self, actions: Actions) -> bool:
        """Whether a joint action counts as optimal."""
        return self.reward(actions) > self.success_above


@dataclass(frozen=True)
class Clock:
    """How far training has come. Every schedule is a pure function of it.

    Attributes:
        env_steps: environment steps taken, all environments together (SMAC's epsilon and alpha).
        episodes: episodes finished (burn-in, target updates).
        updates: calls of `update` that trained (the matrix game's alpha).
    """

    env_steps: int = 0
    episodes: int = 0
    updates: int = 0


@dataclass(frozen=True)
class Episodes:
    """`B` episodes, padded with zeros to the longest of them, `T` steps.

    Attributes:
        obs: `[B, T+1, N, O]` float32.
        state: `[B, T+1, S]` float32.
        available: `[B, T+1, N, A]` bool (discrete; else `A = 0`).
        actions: `[B, T, N]` int64 or `[B, T, N, D]` float32.
        reward: `[B, T]` float32.
        terminated: `[B, T]` bool: true at an episode's last step if its task ended it, never when cut off.
        mask: `[B, T]` bool: true on real steps. Made from `lengths` here and nowhere else.
        lengths: `[B]` int64 steps of each episode.
        label: `[B]` int64: what an algorithm wants to know again of how it played an episode, else 0.
    """

    obs: Float
    state: Float
    available: Bool
    actions: Actions
    reward: Float
    terminated: Bool
    mask: Bool
    lengths: Int
    label: Int
