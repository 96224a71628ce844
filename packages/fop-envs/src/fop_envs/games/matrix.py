"""One-step games with a payoff tensor: the FOP paper's 3x3 game (appendix, Table 3) and its kin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fop_core.types import Actions, Bool, Int, Optimum, Step, TaskSpec
from fop_envs import vector

from .payoffs import checked, payoff_table

TOLERANCE = 1e-6
"""Payoffs so close to the largest are as good: sums of decimals in a file may differ in their last digits."""


class MatrixGame:
    """All agents choose once, at the same time; the team gets one cell of a tensor. Nothing to observe.

    `obs` and `state` are the constant 1; every action is always available; each episode is one step and
    terminates.
    """

    def __init__(
        self,
        payoff: str | npt.ArrayLike = "paper",
        *,
        penalty: float = -100.0,
        title: str = "matrix",
        n_envs: int = 1,
        seed: int = 0,
    ) -> None:
        """
        Args:
            payoff: a name (see `payoff_table`) or a tensor of shape `[A] * N`, one axis per agent.
            penalty: `k` of the payoff `penalty`; used by no other.
            title: the task's name in records and checkpoints.
            n_envs: `E`.
            seed: without effect: nothing here is random.

        Raises:
            UnknownName: no payoff has this name.
            ValueError: not a tensor of finite numbers with axes of one length.
        """
        self.payoff = payoff_table(payoff, penalty) if isinstance(payoff, str) else checked(payoff)
        own = "own payoff" if title == "matrix" else f"own payoff, {title}"
        self.spec = TaskSpec(
            name=title,
            n_agents=self.payoff.ndim,
            n_actions=self.payoff.shape[0],
            obs_dim=1,
            state_dim=1,
            episode_limit=1,
            engine=f"matrix game ({f'{payoff} payoff' if isinstance(payoff, str) else own})",
        )
        self.optimum = self._optimum()
        self.n_envs = n_envs
        self.obs, self.state, self.available = vector.empty_arrays(self.spec, n_envs)
        self.available[:] = True

    def reset(self, envs: Int, episodes: Int) -> None:
        vector.check_reset(self.n_envs, envs, episodes)
        self.obs[envs] = 1.0
        self.state[envs] = 1.0

    def step(self, actions: Actions, active: Bool) -> Step:
        vector.check_step(self.spec, self.available, actions, active)
        reward = np.zeros(self.n_envs, np.float32)
        reward[active] = self.payoff[tuple(actions[active].T)]
        return Step(reward=reward, terminated=active.copy(), truncated=np.zeros(self.n_envs, np.bool_))

    def close(self) -> None:
        pass

    def _optimum(self) -> Optimum:
        best = float(self.payoff.max())
        return Optimum(
            best_reward=best,
            success_above=float(np.nextafter(best - TOLERANCE, -np.inf)),  # `best - TOLERANCE` itself counts
            success="earns the largest payoff",
            maximiser=np.array(np.unravel_index(int(self.payoff.argmax()), self.payoff.shape), np.int64),
            reward=lambda actions: float(self.payoff[tuple(actions)]),
            action_name=action_name,
        )


def action_name(actions: Actions) -> str:
    """`ABA`, a letter for each agent; `0,1,30` where the alphabet is too short."""
    choices = [int(action) for action in actions]
    if max(choices) < 26:
        return "".join(chr(ord("A") + choice) for choice in choices)
    return ",".join(map(str, choices))
