"""Section B.1: soft values, and Lemma 1."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fop_bench.studies.theory.factorisation import joint_policy, kl
from fop_bench.studies.theory.games import (
    additive_game,
    independent_game,
    random_game,
    random_policies,
    repeated,
)
from fop_bench.studies.theory.soft_values import (
    boltzmann,
    entropy,
    evaluate_once,
    exact_q,
    exact_v,
    log_partition,
    optimal_q,
    soft_value,
)

examples = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
temperatures = st.floats(0.05, 5.0)
discounts = st.floats(0.0, 0.95)


def test_values_by_hand() -> None:
    q = np.array([0.0, math.log(3)])
    assert log_partition(q, 1.0) == pytest.approx(math.log(4))
    assert boltzmann(q, 1.0) == pytest.approx([0.25, 0.75])
    assert entropy(np.array([0.0, 1.0])) == 0
    assert soft_value(q, np.array([0.5, 0.5]), 2.0) == pytest.approx(0.5 * math.log(3) + 2 * math.log(2))
    assert log_partition(np.array([3e4, 0.0]), 1e-3) == 3e4  # no overflow


@examples
@given(seed=seeds, alpha=temperatures)
def test_the_two_values_called_v_differ_by_the_divergence(seed, alpha) -> None:
    rng = np.random.default_rng(seed)
    q, policy = rng.normal(size=(4, 6)), rng.dirichlet(np.ones(6), 4)
    gap = log_partition(q, alpha) - soft_value(q, policy, alpha)
    assert np.allclose(gap, alpha * kl(policy, boltzmann(q, alpha)))
    assert (gap > 0).all()
    assert np.allclose(soft_value(q, boltzmann(q, alpha), alpha), log_partition(q, alpha))


def test_a_repeated_game_by_hand() -> None:
    # v = (E r + alpha H) / (1 - gamma) = (1 + 0.5 * 2 log 2) / 0.25; q = r + 0.75 v
    game = repeated([[0.0, 4.0], [0.0, 0.0]], 0.75)
    uniform = np.full((1, 4), 0.25)
    assert exact_v(game, uniform, 0.5) == pytest.approx([4 + 4 * math.log(2)])
    assert exact_q(game, uniform, 0.5)[0] == pytest.approx(np.array([3, 7, 3, 3]) + 3 * math.log(2))


@pytest.mark.parametrize("make", [random_game, additive_game, independent_game])
def test_the_games_are_games(make) -> None:
    game = make(np.random.default_rng(0), 2, 3, 2, 0.9)
    assert game.reward.shape == (len(game.reward), 8)
    assert game.reward.std() > 0.1
    assert (game.transition >= 0).all()
    assert np.allclose(game.transition.sum(-1), 1)
    policies = random_policies(np.random.default_rng(1), game)
    assert np.allclose(policies.sum(-1), 1)
    assert np.allclose(game.seen(policies), policies)


@examples
@given(seed=seeds, alpha=temperatures, gamma=discounts, n_agents=st.integers(1, 3))
def test_lemma_1_the_operator_contracts_by_gamma(seed, alpha, gamma, n_agents) -> None:
    rng = np.random.default_rng(seed)
    game = random_game(rng, 3, n_agents, 2, gamma)
    policy = joint_policy(random_policies(rng, game))
    one, other = 10 * rng.normal(size=(2, *game.reward.shape))
    apart = np.abs(evaluate_once(game, one, policy, alpha) - evaluate_once(game, other, policy, alpha)).max()
    assert apart <= gamma * np.abs(one - other).max() + 1e-12
    # It is tight: what differs by a constant stays as far apart as gamma allows.
    shifted = evaluate_once(game, one + 1, policy, alpha) - evaluate_once(game, one, policy, alpha)
    assert np.allclose(shifted, gamma)


@examples
@given(seed=seeds, alpha=temperatures, gamma=discounts)
def test_lemma_1_iterates_converge_to_the_exact_solution(seed, alpha, gamma) -> None:
    rng = np.random.default_rng(seed)
    game = random_game(rng, 3, 2, 2, gamma)
    policy = joint_policy(random_policies(rng, game))
    exact = exact_q(game, policy, alpha)
    q_tot = 10 * rng.normal(size=exact.shape)
    start = np.abs(q_tot - exact).max()
    for k in range(1, 61):
        q_tot = evaluate_once(game, q_tot, policy, alpha)
        assert np.abs(q_tot - exact).max() <= gamma**k * start + 1e-10
    assert np.allclose(evaluate_once(game, exact, policy, alpha), exact)


@examples
@given(seed=seeds, alpha=temperatures)
def test_the_entropy_as_lemma_1_prints_it_has_another_fixed_point(seed, alpha) -> None:
    """`r + E[H]` for `r + gamma alpha E[H]`: off by `(1 - gamma alpha) E[H]`, discounted and summed."""
    rng = np.random.default_rng(seed)
    game = random_game(rng, 3, 2, 2, 0.5)
    policy = joint_policy(random_policies(rng, game))
    q_tot = np.zeros_like(game.reward)
    for _ in range(80):
        next_q = (policy * q_tot).sum(-1)
        q_tot = game.reward + game.transition @ entropy(policy) + game.gamma * game.transition @ next_q
    kernel = np.einsum("su,sut->st", policy, game.transition)
    summed = np.linalg.solve(np.eye(3) - game.gamma * kernel, entropy(policy))
    expected = exact_q(game, policy, alpha) + (1 - game.gamma * alpha) * game.transition @ summed
    assert np.allclose(q_tot, expected)


@examples
@given(seed=seeds, alpha=temperatures, gamma=discounts)
def test_no_policy_beats_the_optimal_q(seed, alpha, gamma) -> None:
    rng = np.random.default_rng(seed)
    game = random_game(rng, 3, 2, 2, gamma)
    best = optimal_q(game, alpha)
    for policy in rng.dirichlet(np.ones(4), (10, 3)):
        assert (exact_q(game, policy, alpha) <= best + 1e-9).all()
    assert np.allclose(exact_q(game, boltzmann(best, alpha), alpha), best)
