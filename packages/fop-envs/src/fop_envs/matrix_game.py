"""One-step games with a payoff tensor: the FOP paper's 3x3 game (appendix, Table 3) and its kin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fop_core.errors import UnknownName
from fop_core.types import Actions, Bool, Int, Step, TaskSpec

from . import vector

PAYOFFS = ("paper", "climbing", "penalty")


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
        n_envs: int = 1,
        seed: int = 0,
    ) -> None:
        """
        Args:
            payoff: a name (see `payoff_table`) or a tensor of shape `[A] * N`, one axis per agent.
            penalty: `k` of the penalty game; used by no other payoff.
            n_envs: `E`.
            seed: without effect: nothing here is random.

        Raises:
            UnknownName: no payoff has this name.
            ValueError: not a tensor of finite numbers with axes of one length.
        """
        self.payoff = payoff_table(payoff, penalty) if isinstance(payoff, str) else _checked(payoff)
        title = payoff if isinstance(payoff, str) else "own"
        self.spec = TaskSpec(
            name="matrix",
            n_agents=self.payoff.ndim,
            n_actions=self.payoff.shape[0],
            obs_dim=1,
            state_dim=1,
            episode_limit=1,
            engine=f"matrix game ({title} payoff)",
        )
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


def payoff_table(name: str, penalty: float = -100.0) -> npt.NDArray[np.float64]:
    """The `[3, 3]` payoff of a named game, rows = agent 0, columns = agent 1.

    - `paper`: FOP, appendix, Table 3. 8 at (A, A), -12 where exactly one agent plays A, else 0.
    - `climbing`: Claus and Boutilier, AAAI 1998. 11 at (A, A), hidden behind -30.
    - `penalty`: the same paper. 10 at (A, A) and (C, C), `penalty` where one plays A and the other C.

    Raises:
        UnknownName: no payoff has this name.
    """
    tables = {
        "paper": [[8.0, -12.0, -12.0], [-12.0, 0.0, 0.0], [-12.0, 0.0, 0.0]],
        "climbing": [[11.0, -30.0, 0.0], [-30.0, 7.0, 6.0], [0.0, 0.0, 5.0]],
        "penalty": [[10.0, 0.0, penalty], [0.0, 2.0, 0.0], [penalty, 0.0, 10.0]],
    }
    if name not in tables:
        raise UnknownName("payoff", name, PAYOFFS)
    return _checked(tables[name])


def _checked(payoff: npt.ArrayLike) -> npt.NDArray[np.float64]:
    table = np.array(payoff, dtype=np.float64)
    if table.ndim < 1 or min(table.shape) < 1 or len(set(table.shape)) > 1:
        raise ValueError(f"payoff has shape {table.shape}; needed: one axis per agent, all of one length")
    if not np.isfinite(table).all():
        raise ValueError("payoff holds a number that is not finite")
    return table
