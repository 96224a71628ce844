"""A template: a complete small environment, commented for people who bring their own.

Two agents walk on a line of cells and must stand on the same moving goal at the same time. It has everything
an environment can have: several steps, episodes that end (both on the goal) or are cut off (out of time),
actions that are not always available (no step off the line), and chance (start cells, a drifting goal).

Copy this file, change the rules, and check the result with `fop_envs.check_env`.
"""

from __future__ import annotations

import numpy as np

from fop_core import rng
from fop_core.rng import Purpose
from fop_core.types import Actions, Bool, Float, Int, Step, TaskSpec
from fop_envs import vector

STAY, LEFT, RIGHT = 0, 1, 2
_MOVE = np.array([0, -1, 1])
_CELLS = 5
_DRIFT = 0.2  # chance per step that the goal moves one cell


class Dummy:
    """Two agents, three actions, at most eight steps: -0.1 per step, +1 when both stand on the goal."""

    # The one description of the task that algorithms read. Widths must agree with the arrays below.
    spec = TaskSpec(
        name="dummy",
        n_agents=2,
        n_actions=3,
        obs_dim=3,  # own cell, partner's cell and goal: where they are, from 0 to 1
        state_dim=4,  # both cells, the goal, the time that has passed
        episode_limit=8,
        engine="dummy",  # bump a version here when the rules change: results are compared by it
    )
    # The best joint action of a one-step game, where it is known; MatrixGame has an example.
    optimum = None

    def __init__(self, *, n_envs: int = 1, seed: int = 0) -> None:
        self.n_envs = n_envs
        self._seed = seed
        # These three arrays are the output. They are allocated once and rewritten in place.
        self.obs, self.state, self.available = vector.empty_arrays(self.spec, n_envs)
        # The game's own variables, one row per slot ("structure of arrays": a step is a few numpy lines).
        self._episode = np.zeros(n_envs, np.int64)
        self._time = np.zeros(n_envs, np.int64)
        self._cells = np.zeros((n_envs, 2), np.int64)
        self._goal = np.zeros(n_envs, np.int64)

    def reset(self, envs: Int, episodes: Int) -> None:
        """Starts episode `episodes[k]` in slot `envs[k]`. May come at any time, also in mid-episode."""
        vector.check_reset(self.n_envs, envs, episodes)
        self._episode[envs] = episodes
        self._time[envs] = 0
        # Chance is a function of (seed, episode, time), never of a generator that remembers: so an episode
        # is the same in whatever slot, order and company it is played.
        draws = rng.below(self._seed, Purpose.GAME, episodes, 0, 3, _CELLS)
        self._cells[envs] = draws[:, :2]
        self._goal[envs] = draws[:, 2]
        self._observe(envs)

    def step(self, actions: Actions, active: Bool) -> Step:
        """Moves the agents of the active slots, then perhaps the goal."""
        # Refuses wrong shapes, and illegal actions by name, before anything has changed.
        vector.check_step(self.spec, self.available, actions, active)
        envs = np.flatnonzero(active)
        self._time[envs] += 1
        self._cells[envs] += _MOVE[actions[envs]]
        met = (self._cells[envs] == self._goal[envs, None]).all(axis=1)
        self._drift(envs[~met])
        self._observe(envs)

        # Rows of inactive slots stay zero.
        reward = np.zeros(self.n_envs, np.float32)
        terminated = np.zeros(self.n_envs, np.bool_)
        truncated = np.zeros(self.n_envs, np.bool_)
        reward[envs] = np.where(met, 1.0, -0.1)
        # Ended by the rules: the value beyond is 0. Out of time: the value beyond is that of the last
        # observation. Never both; an environment that mixes them up teaches wrong values.
        terminated[envs] = met
        truncated[envs] = ~met & (self._time[envs] == self.spec.episode_limit)
        # What else is worth recording, by name, one number per slot.
        return Step(reward, terminated, truncated, info={"battle_won": terminated.copy()})

    def close(self) -> None:
        """Nothing to give back. An environment with processes or files ends them here."""

    def _drift(self, envs: Int) -> None:
        draws: Float = rng.uniform(self._seed, Purpose.GAME, self._episode[envs], self._time[envs], 2)
        moves = np.where(draws[:, 1] < 0.5, -1, 1) * (draws[:, 0] < _DRIFT)
        self._goal[envs] = np.clip(self._goal[envs] + moves, 0, _CELLS - 1)

    def _observe(self, envs: Int) -> None:
        """Writes the output rows of these slots, and of no others."""
        places = self._cells[envs] / (_CELLS - 1)
        goal = self._goal[envs] / (_CELLS - 1)
        self.obs[envs, :, 0] = places
        self.obs[envs, :, 1] = places[:, ::-1]
        self.obs[envs, :, 2] = goal[:, None]
        self.state[envs, :2] = places
        self.state[envs, 2] = goal
        self.state[envs, 3] = self._time[envs] / self.spec.episode_limit
        # At least one action per agent must be available at all times, the last observation included.
        self.available[envs, :, STAY] = True
        self.available[envs, :, LEFT] = self._cells[envs] > 0
        self.available[envs, :, RIGHT] = self._cells[envs] < _CELLS - 1
