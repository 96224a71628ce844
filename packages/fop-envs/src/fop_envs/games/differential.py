"""Max of two quadratics: the two-agent continuous game of FOP's section on the differential game.

Formula and constants: equation 19 of "FSV" (Factorized soft value), FOP's predecessor, after Wei et al.,
"Multiagent soft Q-learning", 2018. FOP's appendix names the game and gives no numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fop_core.types import Actions, Bool, Int, Optimum, Step, TaskSpec
from fop_envs import vector


def reward_surface(u1: npt.ArrayLike, u2: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """`max(f1, f2)`, element by element.

    f1 = 0.8 [-((u1+5)/3)^2 - ((u2+5)/3)^2], a broad hill whose top is 0 at (-5, -5);
    f2 = -(u1-5)^2 - (u2-5)^2 + 10, a narrow one whose top is 10 at (5, 5).
    """
    a, b = np.asarray(u1, np.float64), np.asarray(u2, np.float64)
    broad = -0.8 * (((a + 5) / 3) ** 2 + ((b + 5) / 3) ** 2)
    narrow = 10 - (a - 5) ** 2 - (b - 5) ** 2
    return np.asarray(np.maximum(broad, narrow))


def action_name(actions: Actions) -> str:
    """Both numbers, rounded to whole ones: `(5,5)`."""
    u1, u2 = (float(u) for u in actions[:, 0])
    return f"({round(u1)},{round(u2)})"


class DifferentialGame:
    """Two agents each choose one number in [-10, 10], once; the team gets `reward_surface` at that point.

    `obs` and `state` are the constant 1; each episode is one step and terminates.
    """

    spec = TaskSpec(
        name="differential",
        n_agents=2,
        n_actions=0,
        obs_dim=1,
        state_dim=1,
        episode_limit=1,
        action_kind="continuous",
        action_dim=1,
        action_low=-10.0,
        action_high=10.0,
        engine="differential game (max of two quadratics)",
    )
    # Ours: a reward above 9 needs both numbers within 1 of the narrow hill's top; the broad one's is 0.
    optimum = Optimum(
        best_reward=10.0,
        success_above=9.0,
        success="earns more than 9 of 10",
        maximiser=np.array([[5.0], [5.0]], np.float32),
        reward=lambda actions: float(reward_surface(actions[0, 0], actions[1, 0])),
        action_name=action_name,
    )

    def __init__(self, *, n_envs: int = 1, seed: int = 0) -> None:
        """
        Args:
            n_envs: `E`.
            seed: without effect: nothing here is random.
        """
        self.n_envs = n_envs
        self.obs, self.state, self.available = vector.empty_arrays(self.spec, n_envs)

    def reset(self, envs: Int, episodes: Int) -> None:
        vector.check_reset(self.n_envs, envs, episodes)
        self.obs[envs] = 1.0
        self.state[envs] = 1.0

    def step(self, actions: Actions, active: Bool) -> Step:
        vector.check_step(self.spec, self.available, actions, active)
        reward = np.zeros(self.n_envs, np.float32)
        reward[active] = reward_surface(actions[active, 0, 0], actions[active, 1, 0])
        return Step(reward=reward, terminated=active.copy(), truncated=np.zeros(self.n_envs, np.bool_))

    def close(self) -> None:
        pass
