"""The equations that learning uses, on tensors, against the same ones on tables (`studies.theory`)."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fop_algos.algorithms.fop import Fop, FopConfig
from fop_algos.algorithms.fop_variants import FopVariant, FopVariantConfig
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.losses import policy_loss
from fop_algos.native_ops import literal_mix, soft_value
from fop_algos.networks.mixers.base import Utilities
from fop_algos.networks.mixers.fop import FopMixer
from fop_bench.studies.theory import factorisation, games, iteration, soft_values
from fop_core.types import TaskSpec

examples = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
temperatures = st.floats(0.05, 5.0)
N, S, A = 3, 2, 2
SPEC = TaskSpec("t", N, A, 1, 1, 5)
FOP = Fop("fop", SPEC, FopConfig(), 0)
JOINT = FopVariant("fop-variant", SPEC, FopVariantConfig(entropy_in_target="joint", gamma=0.9), 0)


def by_state(x: np.ndarray) -> Tensor:
    """Tables `[N, S, ...]` as tensors `[S, N, ...]`."""
    return torch.from_numpy(np.moveaxis(x, 0, 1).copy())


def chosen(x: np.ndarray) -> Tensor:
    """`[N, S, A]` at every joint action, `[S, U, N]`."""
    return torch.from_numpy(np.moveaxis(factorisation.of_joint_actions(x), 0, -1).copy())


@examples
@given(seed=seeds, alpha=temperatures)
def test_soft_values_and_improved_policies(seed: int, alpha: float) -> None:
    q = np.random.default_rng(seed).normal(size=(N, S, A))
    everything = torch.ones(S, N, A, dtype=torch.bool)
    value = soft_value(by_state(q), everything, alpha)
    torch.testing.assert_close(value.v, by_state(soft_values.log_partition(q, alpha)))
    torch.testing.assert_close(value.policy, by_state(iteration.improve(q, np.full(N, alpha))))
    torch.testing.assert_close(value.entropy, by_state(soft_values.entropy(soft_values.boltzmann(q, alpha))))
    torch.testing.assert_close(FOP.v(by_state(q), everything, alpha), value.v)


@examples
@given(seed=seeds, alpha=temperatures)
def test_both_mixers_are_18(seed: int, alpha: float) -> None:
    rng = np.random.default_rng(seed)
    q, weights, v_state = rng.normal(size=(N, S, A)), rng.uniform(0, 3, (N, S, A**N)), rng.normal(size=S)
    alpha_i = np.full(N, alpha)
    v = soft_values.log_partition(q, alpha)
    v_tot = v_state + v.sum(0)
    expected = torch.from_numpy(factorisation.mix(factorisation.advantages(q, alpha_i), weights, v_tot))
    lam = torch.from_numpy(np.moveaxis(weights, 0, -1).copy())
    baseline = by_state(v).unsqueeze(1).expand(S, A**N, N)

    class Given(nn.Module):
        def forward(self, state: Tensor, actions: Tensor) -> Tensor:
            return lam

    class StateValue(nn.Module):
        def forward(self, state: Tensor) -> Tensor:
            return torch.from_numpy(v_state).view(S, 1, 1).expand(S, A**N, 1)

    own = torch.from_numpy(games.own_actions(N, A).T.copy()).expand(S, -1, -1)
    utilities = Utilities(chosen(q), baseline, onehot(own, A))
    routed = FopMixer(Given(), StateValue()).forward(utilities, torch.zeros(S, A**N, 1))
    torch.testing.assert_close(routed, expected)
    literal = literal_mix(chosen(q), baseline, lam, torch.from_numpy(v_tot).view(S, 1).expand(S, A**N))
    torch.testing.assert_close(literal, expected)


@examples
@given(seed=seeds, alpha=temperatures)
def test_with_weights_of_one_the_mixer_has_15_of_the_exact_values(seed: int, alpha: float) -> None:
    """alpha_i = alpha, as in learning: an additive game's exact q_tot is in the mixer's reach, lambda 1."""
    rng = np.random.default_rng(seed)
    game, alpha_i = games.additive_game(rng, S, N, A, 0.9), np.full(N, alpha)
    policies = games.random_policies(rng, game)
    q_tot = soft_values.exact_q(game, factorisation.joint_policy(policies), alpha)
    q = factorisation.factors(game, q_tot, policies, alpha, alpha_i)
    v = soft_values.log_partition(q, alpha)
    v_state = soft_values.log_partition(q_tot, alpha) - v.sum(0)
    mixed = chosen(q).sum(-1) + torch.from_numpy(v_state).unsqueeze(-1)
    torch.testing.assert_close(mixed, torch.from_numpy(q_tot))


@examples
@given(seed=seeds, alpha=temperatures)
def test_the_policy_loss_is_12_up_to_what_no_policy_changes(seed: int, alpha: float) -> None:
    """`alpha KL(pi || exp((q - v) / alpha))` is the loss plus v, so both are least at the same policy."""
    rng = np.random.default_rng(seed)
    q, logits = rng.normal(size=(2, N, S, A))
    pi = soft_value(by_state(logits).unsqueeze(0), torch.ones(1, S, N, A, dtype=torch.bool), 1.0)
    loss = policy_loss(pi, by_state(q).unsqueeze(0), alpha, torch.ones(1, S, dtype=torch.bool))
    divergence = factorisation.kl(soft_values.boltzmann(logits, 1.0), soft_values.boltzmann(q, alpha))
    expected = alpha * divergence.mean() - soft_values.log_partition(q, alpha).mean()
    assert loss.item() == pytest.approx(expected, abs=1e-12)


@examples
@given(seed=seeds, alpha=temperatures)
def test_the_expected_joint_target_is_the_operator_of_lemma_1(seed: int, alpha: float) -> None:
    rng = np.random.default_rng(seed)
    game = games.random_game(rng, S, N, A, 0.9)
    policies = games.random_policies(rng, game)
    pi, q_tot = factorisation.joint_policy(policies), rng.normal(size=game.reward.shape)
    # One row for every (tau, u, tau', u'), weighted by its chance.
    tau, u, tau2, u2 = np.array(list(itertools.product(range(S), range(A**N), range(S), range(A**N)))).T
    rows = len(tau)
    empty = torch.zeros(rows, 1)
    batch = EpisodeBatch(
        obs=empty,
        state=empty,
        available=empty,
        actions=empty,
        reward=torch.from_numpy(game.reward[tau, u]).unsqueeze(-1),
        terminated=torch.zeros(rows, 1, dtype=torch.bool),
        mask=torch.ones(rows, 1, dtype=torch.bool),
        label=empty,
    )
    log_pi = torch.from_numpy(factorisation.of_joint_actions(np.log(policies))[:, tau2, u2].T.copy())
    next_q = torch.from_numpy(q_tot[tau2, u2]).unsqueeze(-1)
    target = JOINT.soft_return(batch, next_q, log_pi.unsqueeze(1), alpha)
    chance = game.transition[tau, u, tau2] * pi[tau2, u2]
    expected = np.zeros_like(q_tot)
    np.add.at(expected, (tau, u), chance * target.squeeze(-1).numpy())
    np.testing.assert_allclose(expected, soft_values.evaluate_once(game, q_tot, pi, alpha), atol=1e-10)
