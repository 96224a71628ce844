"""Plays episodes with any policy, in every slot of an environment at once. Needs no torch.

env = fop_envs.make("3m", n_envs=32, seed=1)
fop_envs.play(env, "random", 100).win_rate
fop_envs.play(env, lambda turn: turn.available.argmax(axis=2), 100).returns.mean()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fop_core.protocols import VectorEnv
from fop_core.types import Actions, Bool, Int, Step

from .policies import Policy, Turn, named

OnStep = Callable[[Turn, Actions, Step], None]
"""Called after each step with the turn, what was played and what came of it. The environment's arrays, which
`turn` shares, show by then what the step led to."""


@dataclass(frozen=True)
class Played:
    """How `n` episodes ended, in the order in which they were asked for.

    Attributes:
        episodes: `[n]` their numbers.
        returns: `[n]` float64 sums of rewards.
        lengths: `[n]` steps.
        truncated: `[n]` bool: cut off by the step limit.
        info: `[n]` arrays of what each episode's last step told, by name.
    """

    episodes: Int
    returns: npt.NDArray[np.float64]
    lengths: Int
    truncated: Bool
    info: dict[str, npt.NDArray[np.generic]]

    @property
    def won(self) -> Bool | None:
        """`[n]` bool where the task can be won, else None."""
        won = self.info.get("battle_won")
        return None if won is None else won.astype(np.bool_)

    @property
    def win_rate(self) -> float | None:
        """Share of episodes won, or None where nothing can be won."""
        return None if self.won is None else float(self.won.mean())


def play(
    env: VectorEnv,
    policy: Policy | str,
    episodes: int | Sequence[int],
    *,
    seed: int = 0,
    on_step: OnStep | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Played:
    """Plays episodes to their ends; a slot whose episode has ended takes the next one at once.

    Results don't depend on `env.n_envs`: an episode is a function of its number, of the environment's seed
    and of what the policy does in it.

    Args:
        env: used by nothing else meanwhile; episodes under way in it are given up.
        policy: see `Policy`, or a name: `random` (uniform over available actions), `heuristic` (SMAC's; the
            environment plays it itself and must be made with `heuristic_ai=True`).
        episodes: how many, numbered from 0; or their numbers, each of them once.
        seed: of the policy `random`; a policy of one's own has its own.
        on_step: see `OnStep`.
        progress: called as `progress(ended, n)` whenever episodes have ended.

    Raises:
        UnknownName: no policy has this name.
        FopError: `heuristic` in an environment that doesn't play it.
        IllegalAction: the policy chose an action that is not available.
        ValueError: an argument that can't be, or actions of the wrong shape or type.
    """
    numbers = _numbers(episodes)
    choose = named(policy, env, seed) if isinstance(policy, str) else policy
    if not callable(choose):
        raise ValueError(f"policy is a {type(policy).__name__}; needed: a function of a Turn, or a name")
    n, e, limit = len(numbers), env.n_envs, env.spec.episode_limit
    returns, lengths, truncated = np.zeros(n), np.zeros(n, np.int64), np.zeros(n, np.bool_)
    info: dict[str, npt.NDArray[np.generic]] = {}
    place = np.zeros(e, np.int64)  # of each slot's episode among `numbers`
    slots = np.arange(min(e, n))
    place[slots] = slots
    env.reset(slots, numbers[slots])
    begun, ended = len(slots), 0
    while len(slots):
        active = np.zeros(e, np.bool_)
        active[slots] = True
        turn = Turn(env, env.obs, env.state, env.available, active, slots, numbers[place], lengths[place])
        actions = _checked(choose(turn), env)
        step = env.step(actions, active)
        playing = place[slots]
        returns[playing] += step.reward[slots]
        lengths[playing] += 1
        if on_step is not None:
            on_step(turn, actions, step)
        over = (step.terminated | step.truncated)[slots]
        late = ~over & (lengths[playing] >= limit)
        if late.any():
            raise RuntimeError(
                f"episode {numbers[playing[late][0]]} of {env.spec.name} goes on after {limit} steps, which "
                f"is spec.episode_limit; fop_envs.check_env tells what else is wrong"
            )
        if not over.any():
            continue
        done, free = playing[over], slots[over]
        truncated[done] = step.truncated[free]
        for name, values in step.info.items():
            info.setdefault(name, np.zeros(n, values.dtype))[done] = values[free]
        ended += len(done)
        if progress is not None:
            progress(ended, n)
        again = free[: n - begun]
        place[again] = np.arange(begun, begun + len(again))
        begun += len(again)
        if len(again):
            env.reset(again, numbers[place[again]])
        slots = np.concatenate([slots[~over], again])
        slots.sort()
    return Played(numbers, returns, lengths, truncated, info)


def _numbers(episodes: int | Sequence[int]) -> Int:
    """`[n]` numbers of episodes."""
    if isinstance(episodes, int | np.integer):
        if not 1 <= episodes <= 2**32:
            raise ValueError(f"episodes is {episodes}; allowed: 1 to 2^32, or a sequence of numbers")
        return np.arange(episodes, dtype=np.int64)
    numbers = np.asarray(episodes)
    if numbers.ndim != 1 or not len(numbers) or numbers.dtype.kind not in "iu":
        raise ValueError(f"episodes is {episodes!r}; needed: how many, or a sequence of whole numbers")
    if numbers.min() < 0 or numbers.max() >= 2**32:
        raise ValueError(f"episodes holds {numbers.min()} to {numbers.max()}; allowed: 0 to 2^32 - 1")
    in_order = np.sort(numbers)
    twice = np.flatnonzero(in_order[1:] == in_order[:-1])
    if len(twice):
        raise ValueError(f"episodes names episode {in_order[twice[0]]} more than once")
    return numbers.astype(np.int64)


def _checked(actions: object, env: VectorEnv) -> Actions:
    """Actions of the environment's own type; any integers will do, and any numbers for continuous ones."""
    spec, given = env.spec, np.asarray(actions)
    discrete = spec.action_kind == "discrete"
    shape = (env.n_envs, spec.n_agents) if discrete else (env.n_envs, spec.n_agents, spec.action_dim)
    if given.shape != shape or given.dtype.kind not in ("iu" if discrete else "iuf"):
        needed = "integers" if discrete else "numbers"
        raise ValueError(f"the policy gave {given.dtype}{given.shape}; needed: {needed} {shape}")
    return given.astype(np.int64, copy=False) if discrete else given.astype(np.float32, copy=False)
