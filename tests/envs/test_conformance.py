"""`check_env` finds what is broken: each mutant of a right environment breaks one promise."""

import dataclasses

import numpy as np
import pytest

from fop_core.errors import IllegalAction
from fop_core.types import Step
from fop_envs import NotConformant, check_env
from fop_envs.games.differential import DifferentialGame
from fop_envs.games.dummy import Dummy
from fop_envs.games.matrix import MatrixGame


def check(kind):
    check_env(lambda n_envs, seed: kind(n_envs=n_envs, seed=seed))


@pytest.mark.parametrize("kind", [Dummy, DifferentialGame, MatrixGame])
def test_right_environments_pass(kind):
    check(kind)


class NoAgents(Dummy):
    spec = dataclasses.replace(Dummy.spec, n_agents=0)


class Nameless(Dummy):
    spec = dataclasses.replace(Dummy.spec, name="")


class BothKinds(DifferentialGame):
    spec = dataclasses.replace(DifferentialGame.spec, n_actions=3)


class NoRange(DifferentialGame):
    spec = dataclasses.replace(DifferentialGame.spec, action_low=10.0)


class DoubleState(Dummy):
    def __init__(self, **options):
        super().__init__(**options)
        self.state = self.state.astype(np.float64)


class WrongCount(Dummy):
    def __init__(self, *, n_envs, seed):
        super().__init__(n_envs=n_envs, seed=seed)
        self.n_envs = n_envs + 1


class WrongWidth(Dummy):
    spec = dataclasses.replace(Dummy.spec, obs_dim=4)

    def __init__(self, **options):
        super().__init__(**options)
        self.obs = self.obs[:, :, :3].copy()


class NewArrays(Dummy):
    def step(self, actions, active):
        self.obs = self.obs.copy()
        return super().step(actions, active)


class NewArraysAtReset(Dummy):
    def reset(self, envs, episodes):
        self.available = self.available.copy()
        super().reset(envs, episodes)


class NaNState(Dummy):
    def step(self, actions, active):
        step = super().step(actions, active)
        self.state[active & step.truncated] = np.nan
        return step


class Stuck(Dummy):
    def step(self, actions, active):
        step = super().step(actions, active)
        self.available[step.terminated] = False
        return step


class ResetsAll(Dummy):
    def reset(self, envs, episodes):
        super().reset(envs, episodes)
        self.obs[:, :, 0] = 0.25


class StepsAll(Dummy):
    def step(self, actions, active):
        step = super().step(np.where(active[:, None], actions, 0), active)
        self.state[~active, 3] += 0.125
        return step


class ScoresIdle(Dummy):
    def step(self, actions, active):
        step = super().step(actions, active)
        return dataclasses.replace(step, reward=step.reward - np.float32(0.1))


class InfoForIdle(Dummy):
    def step(self, actions, active):
        step = super().step(actions, active)
        return dataclasses.replace(step, info={"time": self._time + 1})


class ScalarInfo(Dummy):
    def step(self, actions, active):
        return dataclasses.replace(super().step(actions, active), info={"battle_won": False})


class DoubleReward(Dummy):
    def step(self, actions, active):
        step = super().step(actions, active)
        return dataclasses.replace(step, reward=step.reward.astype(np.float64))


class InfiniteReward(Dummy):
    def step(self, actions, active):
        step = super().step(actions, active)
        return dataclasses.replace(step, reward=np.where(step.terminated, np.float32(np.inf), step.reward))


class BothEnds(Dummy):
    def step(self, actions, active):
        step = super().step(actions, active)
        return dataclasses.replace(step, terminated=step.terminated | step.truncated)


class Endless(Dummy):
    def step(self, actions, active):
        step = super().step(actions, active)
        return dataclasses.replace(step, truncated=np.zeros_like(step.truncated))


class TakesAnything(Dummy):
    def step(self, actions, active):
        legal = np.take_along_axis(self.available, (actions % 3)[:, :, None], 2)[:, :, 0] & (actions < 3)
        return super().step(np.where(legal & (actions >= 0), actions, 0), active)


class TakesMasked(Dummy):
    """Refuses numbers that no action has, but lets masked ones through."""

    def step(self, actions, active):
        inside = (actions >= 0) & (actions < 3)
        legal = np.take_along_axis(self.available, np.where(inside, actions, 0)[:, :, None], 2)[:, :, 0]
        return super().step(np.where(inside & ~legal, 0, actions), active)


class TakesNaN(DifferentialGame):
    def step(self, actions, active):
        return super().step(np.nan_to_num(actions), active)


class MovesThenRefuses(Dummy):
    def step(self, actions, active):
        try:
            return super().step(actions, active)
        except IllegalAction:
            self.state += 1
            raise


class RefusesIdle(Dummy):
    def step(self, actions, active):
        if (actions >= self.spec.n_actions).any():
            raise IllegalAction("slot of no concern")
        return super().step(actions, active)


class SharedGenerator(Dummy):
    """Chance from a generator that remembers: depends on the order of play."""

    def __init__(self, **options):
        super().__init__(**options)
        self.generator = np.random.default_rng(0)

    def reset(self, envs, episodes):
        super().reset(envs, self.generator.integers(0, 100, len(envs)))


class SlotMatters(Dummy):
    def reset(self, envs, episodes):
        super().reset(envs, episodes + envs)


class CompanyMatters(Dummy):
    def step(self, actions, active):
        step = super().step(actions, active)
        crowd = np.float32(0.01 * active.sum())
        return dataclasses.replace(step, reward=np.where(active, step.reward - crowd, np.float32(0)))


class Remembers(Dummy):
    """Something of an episode that was given up stays behind."""

    def reset(self, envs, episodes):
        left = self._time[envs].copy()
        super().reset(envs, episodes)
        self._time[envs] = left % self.spec.episode_limit


class ListOfMasks(Dummy):
    def __init__(self, **options):
        super().__init__(**options)
        self.available = self.available.tolist()


class SilentOnTheOptimum:
    """Has everything but `optimum`."""

    def __init__(self, **options):
        self._env = Dummy(**options)

    def __getattr__(self, name):
        if name == "optimum":
            raise AttributeError(name)
        return getattr(self._env, name)


class HasOptimumAfterManySteps(Dummy):
    optimum = DifferentialGame.optimum


class AnotherMaximiser(DifferentialGame):
    optimum = dataclasses.replace(DifferentialGame.optimum, maximiser=np.array([[-5.0], [-5.0]], np.float32))


class FlatMaximiser(DifferentialGame):
    optimum = dataclasses.replace(DifferentialGame.optimum, maximiser=np.array([5.0, 5.0], np.float32))


class LowBest(DifferentialGame):
    """The best of two hills is said to be the lower one's top."""

    optimum = dataclasses.replace(AnotherMaximiser.optimum, best_reward=0.0, success_above=-1.0)


class NeverASuccess(DifferentialGame):
    optimum = dataclasses.replace(DifferentialGame.optimum, success_above=10.0)


class FalseReward(DifferentialGame):
    optimum = dataclasses.replace(
        DifferentialGame.optimum, reward=lambda actions: 2 * DifferentialGame.optimum.reward(actions) - 10
    )


class Wordless(DifferentialGame):
    optimum = dataclasses.replace(DifferentialGame.optimum, success="")


class NamesNothing(MatrixGame):
    def _optimum(self):
        return dataclasses.replace(super()._optimum(), action_name=lambda actions: "")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (SilentOnTheOptimum, r"optimum is missing; where it isn't known, `optimum = None`"),
        (HasOptimumAfterManySteps, r"optimum is of one step; spec.episode_limit is 8"),
        (AnotherMaximiser, r"optimum.maximiser earned 0.0; optimum.best_reward is 10.0"),
        (FlatMaximiser, r"optimum.maximiser is float32\(2,\); needed: float32\(2, 1\)"),
        (LowBest, r"optimum.best_reward is 0.0; .* earned [1-9]"),
        (NeverASuccess, r"optimum.success_above is 10.0; it must be below best_reward, 10.0"),
        (FalseReward, r"optimum.reward says .*; the step paid"),
        (Wordless, r"optimum's success is ''; one line of text is needed"),
        (NamesNothing, r"optimum's action_name is ''; one line of text is needed"),
        (NoAgents, r"spec.n_agents is 0"),
        (Nameless, r"spec.name is empty"),
        (BothKinds, r"a continuous task needs n_actions 0"),
        (NoRange, r"spec.action_low 10.0 must be below 10.0"),
        (DoubleState, r"state is float64\(3, 4\); needed: float32\(3, 4\)"),
        (ListOfMasks, r"available is a list; a numpy array is needed"),
        (WrongCount, r"n_envs is 4; make was asked for 3"),
        (WrongWidth, r"obs is float32\(3, 2, 3\); needed: float32\(3, 2, 4\)"),
        (NewArrays, r"step replaced the array obs"),
        (NewArraysAtReset, r"reset of slots .* replaced the array available"),
        (NaNState, r"state holds a number that is not finite after step"),
        (Stuck, r"has no available action after step"),
        (ResetsAll, r"reset of slots .* changed obs of slots that it does not concern"),
        (StepsAll, r"step changed state of slots that it does not concern"),
        (ScoresIdle, r"step gave reward .* for the inactive slots"),
        (InfoForIdle, r"step gave info\['time'\] .* for the inactive slots"),
        (ScalarInfo, r"step gave info\['battle_won'\] of shape \(\)"),
        (DoubleReward, r"step's reward is float64"),
        (InfiniteReward, r"it must be finite"),
        (BothEnds, r"both terminated and truncated"),
        (Endless, r"goes on after 8 steps; spec.episode_limit is 8"),
        (TakesAnything, r"step took action -1 of agent 0"),
        (TakesMasked, r"step took action [12] of agent ., which is not available"),
        (TakesNaN, r"step took action nan of agent 0"),
        (MovesThenRefuses, r"state changed although step refused action"),
        (RefusesIdle, r"step refused an available action or an inactive slot's"),
        (SharedGenerator, r"depend on \(seed, episode, actions\) alone"),
        (SlotMatters, r"depend on \(seed, episode, actions\) alone"),
        (CompanyMatters, r"episode . differs in reward at step"),
        (Remembers, r"goes on after|depend on \(seed, episode, actions\) alone"),
    ],
)
def test_each_mutant_is_caught_and_named(kind, message):
    with pytest.raises(NotConformant, match=message):
        check(kind)


def test_too_small_a_check_is_refused():
    with pytest.raises(ValueError, match="must be at least 2"):
        check_env(lambda n_envs, seed: Dummy(n_envs=n_envs, seed=seed), n_envs=1)


def test_step_may_carry_no_info():
    class Quiet(Dummy):
        def step(self, actions, active):
            step = super().step(actions, active)
            return Step(step.reward, step.terminated, step.truncated)

    check(Quiet)
