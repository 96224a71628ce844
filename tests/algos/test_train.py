"""The loop: counts, tests, and the same numbers for any number of environments."""

from __future__ import annotations

import numpy as np
import pytest

import fop_envs
from fop_algos import catalogue
from fop_algos.training.evaluate import evaluate
from fop_algos.training.rollout import Collector
from fop_algos.training.train import Evaluated, Trained, train
from fop_core.errors import FopError, UnknownName
from fop_core.types import Clock, TaskSpec


@pytest.mark.parametrize("algorithm", ["fop", "qmix"])
@pytest.mark.parametrize("episodes_per_round", [1, 5, 40])
def test_environments_stepped_together_change_nothing(
    new_run, assert_same, algorithm: str, episodes_per_round: int
) -> None:
    runs = []
    for n_envs in (1, 8, 32):
        state, env = new_run(
            algorithm, "dummy", n_envs, episodes_per_round=episodes_per_round, buffer_episodes=80
        )
        events = list(train(state, env, updates=3))
        runs.append((state, [event.metrics for event in events if isinstance(event, Trained)]))
    for state, metrics in runs[1:]:
        assert_same(runs[0][0], state)
        assert runs[0][1] == metrics


def test_environments_stepped_together_change_nothing_on_3m(new_run, assert_same) -> None:
    states = []
    for n_envs in (1, 8):
        state, env = new_run("fop", "3m", n_envs, episodes_per_round=4)
        for _ in train(state, env, updates=2):
            pass
        states.append(state)
    assert_same(*states)


def test_counts(new_run) -> None:
    state, env = new_run("vdn", "dummy", 2, episodes_per_round=3, updates_per_round=2)
    events = [event for event in train(state, env, updates=4) if isinstance(event, Trained)]
    assert [event.clock.episodes for event in events] == [3, 6, 9]
    assert [event.clock.updates for event in events] == [0, 2, 4]  # burn-in is 4 episodes
    assert events[-1].clock.env_steps == sum(event.lengths.sum() for event in events)
    assert state.clock == events[-1].clock
    assert len(state.replay) == 9


def test_collected_episodes_are_what_was_played(new_run) -> None:
    """Replaying the actions of each episode alone gives the same observations, rewards and ends."""
    state, env = new_run("qmix", "dummy", 3)
    collector = Collector(env, 7)
    collector.collect(state.algorithm, Clock(), first_episode=0, explore=True)  # fills the buffers
    played = collector.collect(state.algorithm, Clock(), first_episode=50, explore=True)
    single = fop_envs.make("dummy", n_envs=1, seed=3)
    e = played.episodes
    for k, length in enumerate(played.lengths):
        single.reset(np.array([0]), np.array([50 + k]))
        for t in range(length):
            assert np.array_equal(e.obs[k, t], single.obs[0])
            assert np.array_equal(e.available[k, t], single.available[0])
            step = single.step(e.actions[k, t][None], np.array([True]))
            assert e.reward[k, t] == step.reward[0]
            assert e.terminated[k, t] == step.terminated[0]
        assert step.terminated[0] or step.truncated[0]
        assert np.array_equal(e.state[k, length], single.state[0])
        assert not e.obs[k, length + 1 :].any()
        assert not e.available[k, length + 1 :].any()
        assert not e.actions[k, length:].any()
        assert played.returns[k] == pytest.approx(e.reward[k, :length].sum())
    assert np.array_equal(e.mask.sum(1), played.lengths)


def test_testing_more_often_changes_nothing(new_run, assert_same) -> None:
    often, env = new_run("fop", "dummy")
    test_env = fop_envs.make("dummy", n_envs=2, seed=77)
    events = list(train(often, env, updates=5, test_env=test_env, test_every=10, test_episodes=3))
    never, env = new_run("fop", "dummy")
    for _ in train(never, env, updates=5):
        pass
    assert_same(often, never)
    tests = [event for event in events if isinstance(event, Evaluated)]
    assert tests[0].clock == Clock()
    assert len(tests) > 3
    assert len(tests[1].result.returns) == 3


def test_greedy_tests_repeat(new_run) -> None:
    state, _ = new_run("fop", "dummy")
    env = fop_envs.make("dummy", n_envs=4, seed=5)
    one, other = evaluate(state.algorithm, env, 6), evaluate(state.algorithm, env, 6)
    assert np.array_equal(one.returns, other.returns)
    assert one.win_rate == (one.won.sum() / 6)
    assert not np.array_equal(one.returns, evaluate(state.algorithm, env, 6, first_episode=6).returns)


def test_limits_and_names() -> None:
    spec = TaskSpec("t", 2, 3, 4, 5, 6)
    with pytest.raises(UnknownName, match="did you mean qmix"):
        catalogue.build("qmx", spec)
    with pytest.raises(ValueError, match="vdn takes a ValueDecompositionConfig, not a FopConfig"):
        catalogue.build("vdn", spec, catalogue.entry("fop").smac)
    with pytest.raises(FopError, match="vdn chooses discrete actions; t has continuous"):
        catalogue.build("vdn", TaskSpec("t", 2, 0, 4, 5, 6, "continuous", 1))
    with pytest.raises(ValueError, match=r"burn_in_episodes is 8, less than one batch \(32\)"):
        type(catalogue.entry("fop").smac)(burn_in_episodes=8)
    with pytest.raises(ValueError, match="updates_per_round is 0"):
        type(catalogue.entry("vdn").smac)(updates_per_round=0)
    with pytest.raises(ValueError, match=r"mixer_embed is 0; at least 1 is needed"):
        type(catalogue.entry("qmix").smac)(mixer_embed=0)


def test_a_limit_is_needed(new_run) -> None:
    state, env = new_run("vdn", "dummy")
    with pytest.raises(ValueError, match="env_steps or updates"):
        train(state, env)
