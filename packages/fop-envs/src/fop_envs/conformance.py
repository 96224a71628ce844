"""`check_env`: does an environment keep the promises of `fop_core.protocols.VectorEnv`?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fop_core.errors import IllegalAction
from fop_core.protocols import VectorEnv
from fop_core.types import Actions, Bool, Int, Step, TaskSpec

from .play import play
from .policies import Turn, random_actions, random_policy

Make = Callable[[int, int], VectorEnv]
_Array = npt.NDArray[np.generic]
OPTIMUM_EPISODES = 100
"""Random joint actions set beside a stated optimum."""


class NotConformant(AssertionError):
    """An environment breaks a promise; the message says which, where and what was expected."""


def check_env(make: Make, *, n_envs: int = 3, episodes: int = 4, seed: int = 0) -> None:
    """Plays random available actions and raises at the first broken promise.

    Checked are shapes, types and finite values; arrays rewritten in place; at least one available action for
    each agent at all times; illegal actions refused and without effect; inactive slots untouched; episodes
    that end within the limit, either terminated or truncated; and that what an episode holds depends on
    (seed, episode, actions) alone: not on the slot, the other slots, their number, the order of play or what
    was played before. Where an optimum is stated, the maximiser earns its reward and random play no more.

    Args:
        make: `make(n_envs, seed)` builds the environment.
        n_envs: slots of the wide copy; at least 2.
        episodes: how many different episodes are played, each three times.
        seed: of the environments and of the actions.

    Raises:
        NotConformant: what is wrong, and where.
        ValueError: `n_envs` or `episodes` too small to check anything.
    """
    if n_envs < 2 or episodes < 2:
        raise ValueError(f"n_envs is {n_envs} and episodes {episodes}; both must be at least 2")
    order = list(range(episodes))
    wide = make(n_envs, seed)
    _check_spec(wide.spec)
    _check_arrays(wide, n_envs)
    first = _traces(wide, seed, order)
    _check_restart(wide, seed, first[0])
    _check_illegal_actions(wide, seed)
    _check_optimum(wide, seed)
    wide.close()

    narrow = make(1, seed)
    alone = _traces(narrow, seed, order[::-1])
    _compare(first, alone, f"in {n_envs} slots", "in one slot, in reverse order")
    narrow.close()

    wider = make(n_envs + 1, seed)
    idle = _traces(wider, seed, order[::-1], in_parts=True)
    _compare(first, idle, f"in {n_envs} slots", f"in {n_envs + 1} slots that rest in turn")
    wider.close()


@dataclass
class _Trace:
    """What one episode held: arrays before each step and after the last, and what each step gave."""

    seen: list[dict[str, _Array]] = field(default_factory=list)
    given: list[dict[str, _Array]] = field(default_factory=list)


class _Checked:
    """An environment whose every reset and step is checked.

    `in_parts`: each step is made by two calls, so that slots rest while others are stepped.
    """

    def __init__(self, env: VectorEnv, in_parts: bool = False) -> None:
        self.env, self.in_parts = env, in_parts
        self.spec, self.n_envs, self.optimum = env.spec, env.n_envs, None
        self.obs, self.state, self.available = env.obs, env.state, env.available
        self._calls = 0

    def reset(self, envs: Int, episodes: Int) -> None:
        _reset(self.env, envs, episodes)

    def step(self, actions: Actions, active: Bool) -> Step:
        if not self.in_parts:
            return _step(self.env, actions, active)
        self._calls += 1
        first = active & ((np.arange(self.n_envs) + self._calls) % 2 == 0)
        parts = [_step(self.env, actions, part) for part in (first, active & ~first) if part.any()]
        if len(parts) == 1:
            return parts[0]
        one, other = parts
        return Step(
            one.reward + other.reward,
            one.terminated | other.terminated,
            one.truncated | other.truncated,
            {
                name: np.where(first, one.info.get(name, 0), other.info.get(name, 0))
                for name in one.info | other.info
            },
        )

    def close(self) -> None:
        self.env.close()


def _traces(env: VectorEnv, seed: int, order: Sequence[int], in_parts: bool = False) -> dict[int, _Trace]:
    """Plays random available actions, checking each step; traces by episode."""
    traces: dict[int, _Trace] = {}
    choose = random_policy(seed)

    def policy(turn: Turn) -> Actions:
        for slot in map(int, turn.slots[turn.times[turn.slots] == 0]):
            traces[int(turn.episodes[slot])] = _Trace([_rows(env, slot)])
        return choose(turn)

    def record(turn: Turn, actions: Actions, step: Step) -> None:
        for slot in map(int, turn.slots):
            episode, length = int(turn.episodes[slot]), int(turn.times[slot]) + 1
            traces[episode].seen.append(_rows(env, slot))
            traces[episode].given.append({name: value[slot].copy() for name, value in _named(step).items()})
            ended = step.terminated[slot] or step.truncated[slot]
            if not ended and length >= env.spec.episode_limit:
                raise NotConformant(
                    f"episode {episode} goes on after {length} steps; spec.episode_limit is "
                    f"{env.spec.episode_limit}, so its last step must be truncated or terminated"
                )

    play(_Checked(env, in_parts), policy, order, on_step=record)
    return traces


def _check_spec(spec: TaskSpec) -> None:
    for name in ("n_agents", "obs_dim", "state_dim", "episode_limit"):
        if getattr(spec, name) < 1:
            raise NotConformant(f"spec.{name} is {getattr(spec, name)}; at least 1 is needed")
    if not spec.name:
        raise NotConformant("spec.name is empty; records and lists need it")
    if spec.action_kind == "discrete" and spec.n_actions < 1:
        raise NotConformant(f"spec.n_actions is {spec.n_actions}; a discrete task needs at least 1")
    if spec.action_kind == "continuous":
        if spec.n_actions != 0 or spec.action_dim < 1:
            raise NotConformant(
                f"a continuous task needs n_actions 0 and action_dim >= 1; "
                f"spec has {spec.n_actions} and {spec.action_dim}"
            )
        if not spec.action_low < spec.action_high:
            raise NotConformant(f"spec.action_low {spec.action_low} must be below {spec.action_high}")


def _check_arrays(env: VectorEnv, n_envs: int) -> None:
    spec = env.spec
    if env.n_envs != n_envs:
        raise NotConformant(f"n_envs is {env.n_envs}; make was asked for {n_envs}")
    _expect("obs", env.obs, (n_envs, spec.n_agents, spec.obs_dim), np.float32)
    _expect("state", env.state, (n_envs, spec.state_dim), np.float32)
    _expect("available", env.available, (n_envs, spec.n_agents, spec.n_actions), np.bool_)


def _expect(name: str, array: object, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    if not isinstance(array, np.ndarray):
        raise NotConformant(f"{name} is a {type(array).__name__}; a numpy array is needed")
    if array.shape != shape or array.dtype != dtype:
        raise NotConformant(f"{name} is {array.dtype}{array.shape}; needed: {np.dtype(dtype)}{shape}")


def _check_restart(env: VectorEnv, seed: int, expected: _Trace) -> None:
    """An episode given up halfway leaves nothing behind, and a second reset changes nothing."""
    slot = np.array([0])
    active = np.arange(env.n_envs) == 0
    _reset(env, slot, np.array([1]))
    _step(env, random_actions(env, seed, np.ones(env.n_envs, np.int64), _zeros(env), active), active)
    _reset(env, slot, np.array([0]))
    again = _traces(env, seed, [0])
    _compare({0: expected}, again, "afresh", "after an episode was given up in its slot and after two resets")


def _check_illegal_actions(env: VectorEnv, seed: int) -> None:
    slots = np.arange(env.n_envs)
    _reset(env, slots, slots)
    active = np.ones(env.n_envs, np.bool_)
    legal = random_actions(env, seed, slots, _zeros(env), active)
    for agent in range(env.spec.n_agents):
        for action in _illegal_choices(env, agent):
            actions = legal.copy()
            actions[0, agent] = action
            before = [a.copy() for a in (env.obs, env.state, env.available)]
            try:
                env.step(actions, active)
            except IllegalAction:
                for name, old in zip(("obs", "state", "available"), before, strict=True):
                    if not np.array_equal(old, getattr(env, name)):
                        raise NotConformant(
                            f"{name} changed although step refused action {action} of agent {agent}"
                        ) from None
            else:
                raise NotConformant(
                    f"step took action {action} of agent {agent}, which is not available; "
                    f"it must raise IllegalAction"
                )


def _check_optimum(env: VectorEnv, seed: int) -> None:
    """The maximiser earns the best reward, random play finds nothing better, and `reward` is true."""
    if not hasattr(env, "optimum"):
        raise NotConformant("optimum is missing; where it isn't known, `optimum = None`")
    best, spec = env.optimum, env.spec
    if best is None:
        return
    if spec.episode_limit != 1:
        raise NotConformant(f"optimum is of one step; spec.episode_limit is {spec.episode_limit}")
    discrete = spec.action_kind == "discrete"
    shape = (spec.n_agents,) if discrete else (spec.n_agents, spec.action_dim)
    _expect("optimum.maximiser", best.maximiser, shape, np.int64 if discrete else np.float32)
    if not best.success_above < best.best_reward:
        raise NotConformant(
            f"optimum.success_above is {best.success_above}; it must be below best_reward, {best.best_reward}"
        )
    for name, words in (("success", best.success), ("action_name", best.action_name(best.maximiser))):
        if not words or "\n" in words:
            raise NotConformant(f"optimum's {name} is {words!r}; one line of text is needed")
    top = np.float32(best.best_reward)

    def compare(turn: Turn, actions: Actions, step: Step) -> None:
        for slot in turn.slots:
            stated, earned = best.reward(actions[slot]), step.reward[slot]
            if np.float32(stated) != earned:
                raise NotConformant(
                    f"optimum.reward says {stated} for {actions[slot].tolist()}; the step paid {earned}"
                )
            if earned > top:
                raise NotConformant(
                    f"optimum.best_reward is {best.best_reward}; {actions[slot].tolist()} earned {earned}"
                )

    checked = _Checked(env)
    earned = play(checked, lambda turn: np.stack([best.maximiser] * env.n_envs), 1, on_step=compare)
    if earned.returns[0] != top:
        raise NotConformant(
            f"optimum.maximiser earned {earned.returns[0]}; optimum.best_reward is {best.best_reward}"
        )
    play(checked, "random", OPTIMUM_EPISODES, seed=seed, on_step=compare)


def _illegal_choices(env: VectorEnv, agent: int) -> list[float]:
    if env.spec.action_kind == "continuous":
        return [env.spec.action_low - 1.0, env.spec.action_high + 1.0, float("nan")]
    masked = np.flatnonzero(~env.available[0, agent])[:1]
    return [-1, env.spec.n_actions, *masked.tolist()]


def _reset(env: VectorEnv, slots: Int, episodes: Int) -> None:
    others = np.setdiff1d(np.arange(env.n_envs), slots)
    with _InPlace(env, others, f"reset of slots {slots.tolist()}"):
        env.reset(slots.astype(np.int64), episodes.astype(np.int64))
    _check_values(env, slots, "after reset")


def _step(env: VectorEnv, actions: Actions, active: Bool) -> Step:
    idle = np.flatnonzero(~active)
    with _InPlace(env, idle, "step"):
        try:
            step = env.step(actions, active)
        except IllegalAction as refusal:
            raise NotConformant(
                f"step refused an available action or an inactive slot's: {refusal}"
            ) from refusal
    for name, value in _named(step).items():
        if not isinstance(value, np.ndarray) or value.shape != (env.n_envs,):
            raise NotConformant(f"step gave {name} of shape {np.shape(value)}; needed: ({env.n_envs},)")
        if np.any(value[idle]):
            raise NotConformant(
                f"step gave {name} {value[idle]} for the inactive slots {idle}; needed: zeros"
            )
    _expect("step's reward", step.reward, (env.n_envs,), np.float32)
    _expect("step's terminated", step.terminated, (env.n_envs,), np.bool_)
    _expect("step's truncated", step.truncated, (env.n_envs,), np.bool_)
    if not np.isfinite(step.reward).all():
        raise NotConformant(f"step gave reward {step.reward}; it must be finite")
    if (step.terminated & step.truncated).any():
        raise NotConformant("step says both terminated and truncated; an episode ends in one way only")
    _check_values(env, np.flatnonzero(active), "after step")
    return step


def _check_values(env: VectorEnv, slots: Int, when: str) -> None:
    for name in ("obs", "state"):
        if not np.isfinite(getattr(env, name)[slots]).all():
            raise NotConformant(f"{name} holds a number that is not finite {when}")
    if env.spec.action_kind == "discrete":
        stuck = np.argwhere(~env.available[slots].any(axis=2))
        if len(stuck):
            raise NotConformant(
                f"agent {stuck[0][1]} of slot {slots[stuck[0][0]]} has no available action {when}; "
                f"dead or idle agents need one too, and so does the last observation"
            )


class _InPlace:
    """Checks that a call rewrites the arrays in place and leaves the rows of `untouched` slots alone."""

    def __init__(self, env: VectorEnv, untouched: Int, what: str) -> None:
        self.env, self.untouched, self.what = env, untouched, what

    def __enter__(self) -> None:
        self.arrays = {name: getattr(self.env, name) for name in ("obs", "state", "available")}
        self.before = {name: array[self.untouched].copy() for name, array in self.arrays.items()}

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            return
        for name, array in self.arrays.items():
            if getattr(self.env, name) is not array:
                raise NotConformant(f"{self.what} replaced the array {name}; it must be rewritten in place")
            if not np.array_equal(array[self.untouched], self.before[name], equal_nan=name != "available"):
                raise NotConformant(
                    f"{self.what} changed {name} of slots that it does not concern: {self.untouched.tolist()}"
                )


def _compare(first: dict[int, _Trace], second: dict[int, _Trace], how: str, how_else: str) -> None:
    for episode, trace in first.items():
        other = second[episode]
        for t in range(min(len(trace.seen), len(other.seen))):
            _compare_rows(episode, t, trace.seen[t], other.seen[t], how, how_else)
            if t < min(len(trace.given), len(other.given)):
                _compare_rows(episode, t, trace.given[t], other.given[t], how, how_else)


def _compare_rows(
    episode: int, t: int, rows: dict[str, _Array], others: dict[str, _Array], how: str, how_else: str
) -> None:
    for name in rows:
        if not np.array_equal(rows[name], others[name]):
            raise NotConformant(
                f"episode {episode} differs in {name} at step {t} when played {how} and {how_else}; "
                f"it must depend on (seed, episode, actions) alone"
            )


def _rows(env: VectorEnv, slot: int) -> dict[str, _Array]:
    return {name: getattr(env, name)[slot].copy() for name in ("obs", "state", "available")}


def _named(step: Step) -> dict[str, _Array]:
    core = {"reward": step.reward, "terminated": step.terminated, "truncated": step.truncated}
    return core | {f"info[{name!r}]": value for name, value in step.info.items()}


def _zeros(env: VectorEnv) -> Int:
    return np.zeros(env.n_envs, np.int64)
