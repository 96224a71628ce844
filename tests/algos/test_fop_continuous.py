from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

import fop_envs
from fop_algos.algorithms.fop_continuous import FopContinuous, FopContinuousConfig, frozen
from fop_algos.functional.continuous_actions import to_scale
from fop_algos.functional.schedules import Temperature
from fop_algos.training.snapshots import snapshots
from fop_algos.training.stack import stacked
from fop_algos.training.train import TrainState
from fop_core.errors import FopError
from fop_core.types import Clock

SPEC = fop_envs.make("differential").spec


def looks(rows: int) -> tuple[Tensor, Tensor, Tensor]:
    return torch.ones(rows, 2, 1), torch.ones(rows, 1), torch.ones(rows, 2, 0, dtype=torch.bool)


def test_the_joint_value_is_equation_18() -> None:
    """`sum_i lambda_i (q_i - v_i) + v(s) + sum_i v_i`, each part from its own net, in units of the reward."""
    fop = FopContinuous("fop", SPEC, FopContinuousConfig(), 0)
    obs, state, available = looks(5)
    actions = 20 * torch.rand(5, 2, 1, generator=torch.Generator().manual_seed(0)) - 10
    scaled = to_scale(actions, SPEC)
    torch.testing.assert_close(scaled, actions / 10)
    q, v = fop.critic(obs, scaled), fop.value.each(obs).squeeze(-1)
    lam = fop.mixer.weights(state, scaled)
    expected = (lam * (q - v)).sum(-1) + fop.mixer.v(state).squeeze(-1) + v.sum(-1)
    assert (lam >= 0).all()
    torch.testing.assert_close(
        fop.joint_value(obs, state, available, actions, Clock()),
        expected.detach() / 0.05,
        rtol=1e-5,
        atol=1e-4,
    )


def test_without_temperature_the_policies_go_straight_up_their_values() -> None:
    """The greedy ablation: alpha is 0, spreads shrink, and nothing is divided by 0."""
    config = FopContinuousConfig(alpha=Temperature(0.0, 0.0), learning_rate=1e-3)
    fop = stacked(lambda seed: FopContinuous("fop", SPEC, config, seed), (0, 1))
    first, last = snapshots(
        TrainState.of(fop), fop_envs.make("differential", n_envs=2), updates=400, every=400
    )
    assert (last.returns > first.returns).all()
    assert max(last.metrics["entropy"]) < -2.0  # uniform play has log 2


def test_a_policy_is_improved_by_its_own_value_alone() -> None:
    fop = FopContinuous("fop", SPEC, FopContinuousConfig(), 1)
    obs, _, _ = looks(3)
    action = torch.zeros(3, 2, 1, requires_grad=True)
    frozen(fop.critic, obs, action)[:, 0].sum().backward()
    assert action.grad is not None
    assert (action.grad[:, 0] != 0).all()
    assert (action.grad[:, 1] == 0).all()
    assert all(p.grad is None and p.requires_grad for p in fop.critic.parameters())


def test_it_climbs_the_hill_where_the_policies_start() -> None:
    """With next to no entropy, play started on the broad hill ends at its top, reward 0 at (-5, -5)."""
    config = replace(
        FopContinuousConfig(), uniform_episodes=0, alpha=Temperature(1e-3, 1e-3), learning_rate=3e-3
    )
    seeds = (0, 1)
    fop = stacked(lambda seed: FopContinuous("fop", SPEC, config, seed), seeds)
    *_, last = snapshots(TrainState.of(fop), fop_envs.make("differential", n_envs=2), updates=600, every=600)
    assert (last.returns > -2.0).all()


def test_automatic_temperature_is_saved_and_falls() -> None:
    """Policies start with an entropy above the target, so alpha falls by the learning rate a step at most."""
    fop = stacked(lambda seed: FopContinuous("fop", SPEC, FopContinuousConfig(), seed), (0, 1))
    assert "temperatures" in fop.modules
    *_, last = snapshots(TrainState.of(fop), fop_envs.make("differential", n_envs=2), updates=50, every=50)
    assert all(0.98 < alpha < 1.0 for alpha in last.metrics["alpha"])


def test_episodes_of_many_steps_are_refused() -> None:
    with pytest.raises(FopError, match="plays one-step games"):
        FopContinuous("fop", replace(SPEC, episode_limit=5), FopContinuousConfig(), 0)
