"""Plays a round: a fixed number of episodes. How many environments step together changes the speed alone.

Episode `k` of a round always sits in row `k % block` of block `k // block`, and each block is computed with
its full number of rows, so every matrix product has the same shape whatever `E` is: products of different
shapes round differently. `block` depends on the number of episodes alone. Randomness is keyed by (seed,
purpose, episode, time). Fix the number of torch's threads with `torch.set_num_threads`: its kernels may round
differently with another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from fop_algos.algorithm import Algorithm
from fop_core.protocols import VectorEnv
from fop_core.rng import Purpose, uniform
from fop_core.types import Bool, Clock, Episodes, Float, Int

LARGEST_BLOCK = 32


@dataclass(frozen=True)
class Round:
    """`n` episodes in their order, and how they ended; of a stack of `K` seeds, `n` of each (`[K, n]`).

    Attributes:
        episodes: padded to the longest. Its arrays are reused by the next round: copy what must last.
        returns: `[n]` sums of rewards.
        won: `[n]` bool where the task can be won, else None.
    """

    episodes: Episodes
    returns: Float
    won: Bool | None

    @property
    def lengths(self) -> Int:
        return self.episodes.lengths

    @property
    def env_steps(self) -> int:
        """Steps of the episodes together; of a stack, of one seed's (they are all alike)."""
        return int(self.lengths.sum(-1).flat[0])


class Rounds(Protocol):
    """What plays a round: `Collector`, or `fop_algos.training.stack.StackedCollector`."""

    n_episodes: int

    def collect(self, algorithm: Algorithm, clock: Clock, *, first_episode: int, explore: bool) -> Round:
        """Plays episodes `first_episode ..` to their ends, with the schedules as `clock` has them."""
        ...


class Collector:
    """Plays rounds of `n_episodes` on `env`, in buffers that are made once."""

    def __init__(self, env: VectorEnv, n_episodes: int) -> None:
        spec = env.spec
        self.env = env
        self.n_episodes = n_episodes
        self.block = min(n_episodes, LARGEST_BLOCK)
        self.n_blocks = -(-n_episodes // self.block)
        rows = self.block * self.n_blocks
        limit, agents = spec.episode_limit, spec.n_agents
        self._obs = np.zeros((n_episodes, limit + 1, agents, spec.obs_dim), np.float32)
        self._state = np.zeros((n_episodes, limit + 1, spec.state_dim), np.float32)
        self._available = np.zeros((n_episodes, limit + 1, agents, spec.n_actions), np.bool_)
        discrete = spec.action_kind == "discrete"
        self._action_shape = (agents,) if discrete else (agents, spec.action_dim)
        self._action_type = np.int64 if discrete else np.float32
        self._actions = np.zeros((n_episodes, limit, *self._action_shape), self._action_type)
        self._reward = np.zeros((n_episodes, limit), np.float32)
        # What the nets read, one row per episode; torch allocates them, at its own alignment.
        self._obs_rows = torch.zeros(rows, agents, spec.obs_dim)
        self._available_rows = torch.zeros(rows, agents, spec.n_actions, dtype=torch.bool)
        self._uniform_rows = torch.zeros(rows, agents, 2)

    def collect(self, algorithm: Algorithm, clock: Clock, *, first_episode: int, explore: bool) -> Round:
        """See `Rounds`."""
        env, n = self.env, self.n_episodes
        obs_rows, available_rows = self._obs_rows.numpy(), self._available_rows.numpy()
        uniform_rows = self._uniform_rows.numpy()
        memory = list(algorithm.start(self.block * self.n_blocks).split(self.block))
        actions_rows = np.zeros((self.block * self.n_blocks, *self._action_shape), self._action_type)
        actions = np.zeros((env.n_envs, *self._action_shape), self._action_type)
        lengths = np.zeros(n, np.int64)
        terminated = np.zeros((n, env.spec.episode_limit), np.bool_)
        won = np.zeros(n, np.bool_)
        can_win = False

        active = np.zeros(env.n_envs, np.bool_)
        episode_of = np.zeros(env.n_envs, np.int64)  # which episode of the round each slot plays
        started = min(env.n_envs, n)
        slots = np.arange(started)
        env.reset(slots, first_episode + slots)
        active[:started] = True
        episode_of[:started] = slots

        while slots.size:
            k = episode_of[slots]
            t = lengths[k]
            self._obs[k, t] = obs_rows[k] = env.obs[slots]
            self._available[k, t] = available_rows[k] = env.available[slots]
            self._state[k, t] = env.state[slots]
            if explore:
                episodes = first_episode + k
                drawn = uniform(algorithm.seed, Purpose.ACTION_NOISE, episodes, t, 2 * env.spec.n_agents)
                uniform_rows[k] = drawn.reshape(len(k), env.spec.n_agents, 2)
            with torch.inference_mode():
                for row in k[t == 0]:
                    memory[row // self.block][row % self.block] = 0  # it went along before it began
                for b in (0,) if self.n_blocks == 1 else np.unique(k // self.block):
                    rows = slice(b * self.block, (b + 1) * self.block)
                    chosen, memory[b] = algorithm.act(
                        self._obs_rows[rows].to(algorithm.device),
                        self._available_rows[rows].to(algorithm.device),
                        memory[b],
                        self._uniform_rows[rows].to(algorithm.device),
                        clock,
                        explore,
                    )
                    actions_rows[rows] = chosen.cpu().numpy()
            actions[slots] = self._actions[k, t] = actions_rows[k]
            step = env.step(actions, active)
            self._reward[k, t] = step.reward[slots]
            terminated[k, t] = step.terminated[slots]
            lengths[k] = t + 1

            ended = (step.terminated | step.truncated)[slots]
            if not ended.any():
                continue
            last, ended_k = slots[ended], k[ended]
            self._obs[ended_k, lengths[ended_k]] = env.obs[last]
            self._available[ended_k, lengths[ended_k]] = env.available[last]
            self._state[ended_k, lengths[ended_k]] = env.state[last]
            if "battle_won" in step.info:
                can_win = True
                won[ended_k] = step.info["battle_won"][last]
            free = last[: n - started]
            active[last] = False
            if free.size:
                episode_of[free] = np.arange(started, started + free.size)
                env.reset(free, first_episode + episode_of[free])
                active[free] = True
                started += free.size
            slots = np.flatnonzero(active)

        with torch.inference_mode():
            label = algorithm.label(torch.cat(memory)).cpu().numpy()[:n]
        return self._round(lengths, terminated, label, won if can_win else None)

    def _round(self, lengths: Int, terminated: Bool, label: Int, won: Bool | None) -> Round:
        longest = int(lengths.max())
        mask = np.arange(longest) < lengths[:, None]
        for k, length in enumerate(lengths):  # what an earlier round left behind
            self._obs[k, length + 1 : longest + 1] = 0
            self._state[k, length + 1 : longest + 1] = 0
            self._available[k, length + 1 : longest + 1] = False
            self._actions[k, length:longest] = 0
            self._reward[k, length:longest] = 0
        episodes = Episodes(
            obs=self._obs[:, : longest + 1],
            state=self._state[:, : longest + 1],
            available=self._available[:, : longest + 1],
            actions=self._actions[:, :longest],
            reward=self._reward[:, :longest],
            terminated=terminated[:, :longest],
            mask=mask,
            lengths=lengths,
            label=label,
        )
        return Round(episodes, episodes.reward.sum(1, dtype=np.float64).astype(np.float32), won)
