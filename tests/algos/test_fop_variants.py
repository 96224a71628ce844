"""What is tried in the place of FOP's parts: routings, baselines, DOP's decomposition; and FOP with none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithms.fop_variants import (
    LITERAL,
    FopContinuousVariant,
    FopContinuousVariantConfig,
    FopVariant,
)
from fop_algos.batch import onehot
from fop_algos.functional.continuous_actions import to_scale
from fop_algos.networks.mixers.dop import DopMixer
from fop_algos.training.train import train
from fop_core.types import Clock

SPEC = fop_envs.make("differential").spec
GAMES = catalogue.entry("fop-variant").games


@pytest.mark.parametrize("task", ["matrix", "dummy", "differential"])
def test_with_nothing_replaced_it_is_fop(new_run, assert_same, task: str) -> None:
    fop, variant = (new_run(name, task) for name in ("fop", "fop-variant"))
    for state, env in (fop, variant):
        for _ in train(state, env, updates=3):
            pass
    assert_same(fop[0], variant[0])


def test_the_literal_factorisation_moves_the_values_by_its_weights() -> None:
    """The slope of equation 18 to `q_i(a)` is `lambda_i ([a = u_i] - softmax(q_i / alpha)_a)`."""
    spec = fop_envs.make("matrix").spec
    fop = FopVariant("fop-variant", spec, replace(GAMES, routing=LITERAL), 0)
    q = torch.tensor([[[1.0, 0.0, -1.0], [0.5, 0.2, 0.1]]], requires_grad=True)
    actions, state = torch.tensor([[2, 0]]), torch.ones(1, 1)
    available, joint = torch.ones(1, 2, 3, dtype=torch.bool), onehot(actions, 3)
    fop.q_tot(fop.mixers[0], q, actions, joint, available, state, 0.7).sum().backward()
    lam = fop.mixers[0].weights(state, joint).detach().unsqueeze(-1)
    torch.testing.assert_close(q.grad, lam * (joint - (q.detach() / 0.7).softmax(-1)))


def test_the_largest_value_as_baseline_counts_available_actions_alone() -> None:
    fop = FopVariant("fop-variant", fop_envs.make("matrix").spec, replace(GAMES, baseline="max"), 0)
    q = torch.tensor([[[1.0, 5.0, -1.0], [0.5, 0.2, 0.1]]])
    available = torch.tensor([[[True, False, True], [True, True, True]]])
    actions, state = torch.tensor([[2, 1]]), torch.ones(1, 1)
    joint = onehot(actions, 3)
    lam = fop.mixers[0].weights(state, joint)
    q_tot = fop.q_tot(fop.mixers[0], q, actions, joint, available, state, 0.7)
    advantage = torch.tensor([[-1.0 - 1.0, 0.2 - 0.5]])
    expected = (lam * advantage).sum(-1) + fop.mixers[0].v(state).squeeze(-1) + 1.5
    torch.testing.assert_close(q_tot, expected)


def test_dops_decomposition_inside_fop() -> None:
    """`q_tot` is `sum_i k_i q_i + b`, and the policies still climb their own `q_i` softly."""
    config = FopContinuousVariantConfig(decomposition="dop")
    fop = FopContinuousVariant("fop-variant", SPEC, config, 0)
    assert isinstance(fop.mixer, DopMixer)
    obs, state, available = torch.ones(4, 2, 1), torch.ones(4, 1), torch.ones(4, 2, 0, dtype=torch.bool)
    actions = torch.linspace(-9, 9, 8).view(4, 2, 1)
    q = fop.critic(obs, to_scale(actions, SPEC))
    assert fop.mixer.bias is not None
    expected = (fop.mixer.k(state) * q).sum(-1) + fop.mixer.bias(state).squeeze(-1)
    torch.testing.assert_close(
        fop.joint_value(obs, state, available, actions, Clock()),
        expected.detach() / 0.05,
        rtol=1e-5,
        atol=1e-4,
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"routing": LITERAL}, "routing.v_i is learned"),
        ({"decomposition": "dop", "alpha_i": "average"}, "alpha_i is average"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        FopContinuousVariantConfig(**changes)
