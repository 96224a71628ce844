"""`fop_envs.play`: whole episodes with any policy, the same for any number of slots; and policies by name."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import fop_envs
from fop_core.errors import FopError, IllegalAction, UnknownName
from fop_core.types import Actions, Step
from fop_envs import Played, Turn, play
from fop_envs.games.dummy import LEFT, RIGHT, STAY, Dummy
from fop_envs.policies import random_actions, random_policy


def towards_the_goal(turn: Turn) -> Actions:
    own, goal = turn.obs[:, :, 0], turn.obs[:, :, 2]
    return np.where(goal > own, RIGHT, np.where(goal < own, LEFT, STAY))


class Hesitant:
    """A policy with a memory: waits as many steps as the episode's number says, then goes."""

    def __init__(self, n_envs: int) -> None:
        self.waited = np.zeros(n_envs, np.int64)

    def __call__(self, turn: Turn) -> Actions:
        self.waited[turn.times == 0] = 0
        going = self.waited >= turn.episodes % 4
        self.waited += turn.active
        return np.where(going[:, None], towards_the_goal(turn), STAY)


def by_hand(seed: int, episode: int, policy: Any) -> tuple[float, int, bool]:
    """One episode alone, with a loop of its own."""
    env = Dummy(seed=seed)
    env.reset(np.array([0]), np.array([episode]))
    active = np.ones(1, np.bool_)
    total, length = 0.0, 0
    while True:
        turn = Turn(
            env,
            env.obs,
            env.state,
            env.available,
            active,
            np.array([0]),
            np.array([episode]),
            np.array([length]),
        )
        step = env.step(policy(turn), active)
        total, length = total + float(step.reward[0]), length + 1
        if step.terminated[0] or step.truncated[0]:
            return total, length, bool(step.terminated[0])


def equal(one: Played, other: Played) -> bool:
    pairs = [
        (getattr(one, field.name), getattr(other, field.name))
        for field in dataclasses.fields(Played)
        if field.name != "info"
    ]
    pairs += [(one.info[name], other.info[name]) for name in one.info | other.info]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("make_policy", [lambda n: random_policy(5), Hesitant, lambda n: towards_the_goal])
def test_episodes_are_those_of_a_loop_by_hand_for_any_number_of_slots(make_policy: Any) -> None:
    numbers = [7, 0, 30, 2, 9, 4, 11]
    wanted = [by_hand(3, number, make_policy(1)) for number in numbers]
    for n_envs in (1, 3, 7, 20):
        played = play(Dummy(n_envs=n_envs, seed=3), make_policy(n_envs), numbers)
        assert played.episodes.tolist() == numbers
        assert played.won is not None
        assert (
            list(
                zip(
                    played.returns.tolist(),
                    played.lengths.tolist(),
                    played.won.tolist(),
                    strict=True,
                )
            )
            == wanted
        )
        assert (played.truncated == ~played.won).all()
        assert played.win_rate == np.mean([won for *_, won in wanted])


@pytest.mark.parametrize("name", ["3m", "dummy", "differential", "matrix"])
def test_random_play_does_not_depend_on_the_number_of_slots(name: str) -> None:
    few, many = (play(fop_envs.make(name, n, seed=2), "random", 12, seed=4) for n in (2, 5))
    assert equal(few, many)
    assert few.episodes.tolist() == list(range(12))
    if name != "matrix":
        assert len(set(few.returns.tolist())) > 1
        assert not equal(few, play(fop_envs.make(name, 5, seed=2), "random", 12, seed=5))
    assert (few.won is None) == (name in ("differential", "matrix")) == (few.win_rate is None)


def test_every_slot_is_busy_while_episodes_wait() -> None:
    busy = []

    def policy(turn: Turn) -> Actions:
        busy.append(int(turn.active.sum()))
        return np.full((4, 2), STAY)

    played = play(Dummy(n_envs=4), policy, 30)
    assert sum(busy) == played.lengths.sum()
    tail = busy.index(next(b for b in busy if b < 4))
    assert len(busy) - tail <= Dummy.spec.episode_limit


def test_the_hook_sees_each_step_with_what_it_led_to() -> None:
    env = fop_envs.make("3m", 3, seed=1, obs_timestep_number=True)
    totals: dict[int, float] = {}
    before: dict[int, Any] = {}

    def policy(turn: Turn) -> Actions:
        for slot in turn.slots:
            before[slot] = turn.obs[slot].copy()
        return random_policy(1)(turn)

    def on_step(turn: Turn, actions: Actions, step: Step) -> None:
        for slot in turn.slots:
            episode = int(turn.episodes[slot])
            totals[episode] = totals.get(episode, 0.0) + float(step.reward[slot])
            assert turn.times[slot] + 1 == env.steps(slot)
            assert not np.array_equal(before[slot], turn.obs[slot])

    played = play(env, policy, 7, on_step=on_step)
    assert [totals[k] for k in range(7)] == played.returns.tolist()
    assert set(played.info) >= {"battle_won", "dead_allies", "dead_enemies"}
    assert (played.info["dead_allies"] == 3).all(), "random play loses"


def test_progress_is_told_up_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    play(Dummy(n_envs=3), "random", 10, progress=lambda ended, n: told.append((ended, n)))
    assert told[-1] == (10, 10)
    assert told == sorted(told)


def test_an_interrupt_passes_through() -> None:
    def policy(turn: Turn) -> Actions:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(Dummy(), policy, 1)


def test_the_heuristic_is_the_engines() -> None:
    env = fop_envs.make("2s3z", 4, seed=1, heuristic_ai=True)
    played = play(env, "heuristic", 8)
    assert played.win_rate is not None
    assert played.win_rate > play(fop_envs.make("2s3z", 4, seed=1), "random", 8).win_rate
    assert not played.truncated.any()


@pytest.mark.parametrize("env", [Dummy(), fop_envs.make("3m")])
def test_the_heuristic_needs_an_environment_that_plays_it(env: Any) -> None:
    with pytest.raises(FopError, match=f"this environment of {env.spec.name} doesn't: .*heuristic_ai=True"):
        play(env, "heuristic", 1)


def test_random_actions_are_available_and_uniform() -> None:
    env = fop_envs.make("dummy", 600)
    slots = np.arange(600)
    env.reset(slots, slots)
    actions = random_actions(env, 0, slots, slots * 0, np.ones(600, np.bool_))
    assert np.take_along_axis(env.available, actions[:, :, None], 2).all()
    inner = env.available.all(axis=2)
    counts = np.bincount(actions[inner], minlength=3)
    # About 720 agents with three choices: a share of 1/3 each, within five standard deviations.
    assert np.abs(counts / counts.sum() - 1 / 3).max() < 5 * np.sqrt(2 / 9 / counts.sum())


def test_integers_of_any_width_and_lists_are_actions() -> None:
    wanted = play(Dummy(n_envs=2), lambda turn: np.full((2, 2), STAY), 4)
    assert equal(wanted, play(Dummy(n_envs=2), lambda turn: np.full((2, 2), STAY, np.uint8), 4))
    assert equal(wanted, play(Dummy(n_envs=2), lambda turn: [[STAY] * 2] * 2, 4))
    game = fop_envs.make("differential", 2)
    assert play(game, lambda turn: np.full((2, 2, 1), 5), 3).returns.tolist() == [10, 10, 10]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("randm", 1), UnknownName, "unknown policy 'randm'; did you mean random?"),
        ((None, 1), ValueError, "policy is a NoneType; needed: a function of a Turn, or a name"),
        (("random", 0), ValueError, "episodes is 0; allowed: 1 to 2\\^32, or a sequence of numbers"),
        (("random", []), ValueError, r"episodes is \[\]; needed: how many, or a sequence of whole numbers"),
        (("random", 2.5), ValueError, "episodes is 2.5; needed: how many, or"),
        (("random", [1, -1]), ValueError, "episodes holds -1 to 1; allowed: 0 to 2"),
        (("random", [3, 1, 3]), ValueError, "episodes names episode 3 more than once"),
        (
            (lambda turn: np.zeros(2), 1),
            ValueError,
            r"the policy gave float64\(2,\); needed: integers \(1, 2\)",
        ),
        ((lambda turn: None, 1), ValueError, r"the policy gave object\(\); needed: integers \(1, 2\)"),
        ((lambda turn: np.full((1, 2), 3), 1), IllegalAction, "action 3 is not available"),
    ],
)
def test_a_wrong_argument_is_named(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        play(Dummy(), *arguments)


def test_an_environment_without_an_end_is_stopped() -> None:
    class Endless(Dummy):
        def step(self, actions: Actions, active: Any) -> Step:
            step = super().step(actions, active)
            return dataclasses.replace(step, truncated=np.zeros_like(step.truncated))

    with pytest.raises(RuntimeError, match=r"episode . of dummy goes on after 8 steps"):
        play(Endless(), lambda turn: np.full((1, 2), STAY), 30)
