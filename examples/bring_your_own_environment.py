"""Bring your own environment: write it, check it, register it, play it. Needs no torch.

    python examples/bring_your_own_environment.py

The task: two agents lift a beam. Each step both choose how hard to pull (0, 1 or 2). If they pull alike the
beam rises by that much, if not it slips back to the ground. Who has just pulled hard must rest: a hard pull
is not available twice in a row. In some episodes the beam is slippery: now and then it falls by itself.
"""

from __future__ import annotations

import numpy as np

import fop_envs
from fop_core import rng
from fop_core.rng import Purpose
from fop_core.types import Actions, Bool, Int, Step, TaskSpec
from fop_envs import vector

TOP, HARD = 6, 2


class Beam:
    """Reward 1 when the beam reaches the top, -0.05 per step."""

    spec = TaskSpec(
        name="beam", n_agents=2, n_actions=3, obs_dim=2, state_dim=2, episode_limit=20, engine="beam 1"
    )
    optimum = None  # the best reward isn't known

    def __init__(self, *, n_envs: int = 1, seed: int = 0) -> None:
        self.n_envs, self.seed = n_envs, seed
        self.obs, self.state, self.available = vector.empty_arrays(self.spec, n_envs)
        self.episode = np.zeros(n_envs, np.int64)
        self.time = np.zeros(n_envs, np.int64)
        self.height = np.zeros(n_envs, np.int64)
        self.slippery = np.zeros(n_envs, np.float32)
        self.tired = np.zeros((n_envs, 2), np.bool_)

    def reset(self, envs: Int, episodes: Int) -> None:
        vector.check_reset(self.n_envs, envs, episodes)
        self.episode[envs], self.time[envs], self.height[envs], self.tired[envs] = episodes, 0, 0, False
        # What chance decides is drawn by (seed, episode, time): no generator is kept.
        self.slippery[envs] = 0.2 * rng.uniform(self.seed, Purpose.GAME, episodes, 0, 1)[:, 0]
        self.observe(envs)

    def step(self, actions: Actions, active: Bool) -> Step:
        vector.check_step(self.spec, self.available, actions, active)
        envs = np.flatnonzero(active)
        self.time[envs] += 1
        pulls = actions[envs]
        draws = rng.uniform(self.seed, Purpose.GAME, self.episode[envs], self.time[envs], 1)[:, 0]
        slips = (pulls[:, 0] != pulls[:, 1]) | (draws < self.slippery[envs])
        self.height[envs] = np.where(slips, 0, np.minimum(self.height[envs] + pulls[:, 0], TOP))
        self.tired[envs] = pulls == HARD
        self.observe(envs)

        up = active & (self.height == TOP)
        late = active & ~up & (self.time == self.spec.episode_limit)
        reward = np.where(up, 1.0, -0.05).astype(np.float32) * active
        return Step(reward, terminated=up, truncated=late, info={"battle_won": up.copy()})

    def observe(self, envs: Int) -> None:
        self.obs[envs, :, 0] = self.height[envs, None] / TOP
        self.obs[envs, :, 1] = self.tired[envs]
        self.state[envs, 0] = self.height[envs] / TOP
        self.state[envs, 1] = self.time[envs] / self.spec.episode_limit
        self.available[envs] = True
        self.available[envs, :, HARD] = ~self.tired[envs]

    def close(self) -> None:
        pass


def make_beam(*, n_envs: int, seed: int) -> Beam:
    return Beam(n_envs=n_envs, seed=seed)


def main() -> None:
    # 1. Does it keep the protocol's promises? If not, this says which one and where.
    fop_envs.check_env(lambda n_envs, seed: Beam(n_envs=n_envs, seed=seed))
    print("check_env: beam keeps the protocol")

    # 2. Give it a name, so that it is made like any other.
    fop_envs.register("beam", fop_envs.Entry("two agents lift a beam", make_beam))

    # 3. Play 200 episodes, 64 at a time, with random available actions, then with a policy of your own.
    env = fop_envs.make("beam", n_envs=64, seed=1)
    policies = {"random play": "random", "gentle pulls": lambda turn: np.ones((env.n_envs, 2), np.int64)}
    for name, policy in policies.items():
        played = fop_envs.play(env, policy, 200)
        returns, lengths = played.returns.mean(), played.lengths.mean()
        print(f"{name}: return {returns:.2f}, {lengths:.1f} steps, {played.win_rate:.0%} reach the top")
    env.close()


if __name__ == "__main__":
    main()
