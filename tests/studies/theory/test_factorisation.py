"""Section A and equations (15), (18): what factorises, and what the equations do and don't say about it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fop_bench.studies.theory.factorisation import (
    advantages,
    factors,
    free_weights,
    greedy,
    joint_policy,
    kl,
    marginals,
    misfit,
    mix,
    of_joint_actions,
    satisfies_igm,
    satisfies_igo,
)
from fop_bench.studies.theory.games import (
    everything_seen,
    independent_game,
    random_game,
    random_policies,
    repeated,
    sum_of,
)
from fop_bench.studies.theory.iteration import improve
from fop_bench.studies.theory.soft_values import boltzmann, exact_q, log_partition, soft_value
from fop_envs.games.matrix import payoff_table

examples = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
temperatures = st.floats(0.05, 5.0)


def test_the_product_of_two_policies_by_hand() -> None:
    policies = np.array([[[0.25, 0.75]], [[0.4, 0.6]]])
    assert joint_policy(policies).tolist() == [[0.1, 0.15, pytest.approx(0.3), pytest.approx(0.45)]]
    # KL of the first from uniform: log 2 - H(1/4); of the second from itself: 0.
    target = np.array([[[0.5, 0.5]], [[0.4, 0.6]]])
    by_hand = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert kl(joint_policy(policies), joint_policy(target)) == pytest.approx([by_hand])


@examples
@given(seed=seeds, n_agents=st.integers(1, 4), n_actions=st.integers(2, 4))
def test_a1_the_joint_divergence_is_the_sum_of_the_individual_ones(seed, n_agents, n_actions) -> None:
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(n_actions), (2, n_agents, 3))
    assert np.allclose(kl(joint_policy(p), joint_policy(q)), kl(p, q).sum(0))
    p[0] = greedy(p[0])  # 0 log 0 = 0
    assert np.allclose(kl(joint_policy(p), joint_policy(q)), kl(p, q).sum(0))


@examples
@given(seed=seeds)
def test_a1_needs_the_target_to_be_a_product(seed) -> None:
    rng = np.random.default_rng(seed)
    p, target = rng.dirichlet(np.ones(3), (2, 1)), rng.dirichlet(np.ones(9), 1)
    of_marginals = kl(p, marginals(target, 2)).sum(0)
    assert not np.allclose(kl(joint_policy(p), target), of_marginals)


@examples
@given(seed=seeds, n_agents=st.integers(2, 3), monotone=st.booleans())
def test_a2_igm_is_igo_of_the_greedy_policies_both_ways(seed, n_agents, monotone) -> None:
    rng = np.random.default_rng(seed)
    q = rng.normal(size=(n_agents, 1, 2))
    q_tot = np.tanh(sum_of(q)) if monotone else rng.normal(size=(1, 2**n_agents))
    igo_of_greedy = np.array_equal(joint_policy(greedy(q)), greedy(q_tot))
    assert satisfies_igm(q_tot, q) == igo_of_greedy
    assert satisfies_igm(q_tot, q) or not monotone


def test_a2_both_outcomes_by_hand() -> None:
    q = np.array([[[0.0, 1.0]], [[2.0, 0.0]]])  # wants (B, A), joint action 2
    assert satisfies_igm(np.array([[0.0, 1.0, 5.0, 2.0]]), q)
    assert not satisfies_igm(np.array([[0.0, 1.0, 5.0, 6.0]]), q)


def test_igm_can_be_had_where_igo_of_soft_policies_cannot() -> None:
    """Any unique maximum has q_i with IGM; only an additive q_tot has a product as its Boltzmann policy."""
    game = repeated(payoff_table("paper"), 0.9)
    q = np.array([[[1.0, 0.0, 0.0]], [[1.0, 0.0, 0.0]]])
    assert satisfies_igm(game.reward, q)
    assert satisfies_igo(game, greedy(game.reward))
    assert not satisfies_igo(game, boltzmann(game.reward, 1.0))
    assert satisfies_igo(game, boltzmann(sum_of(q), 1.0))


def test_igo_asks_for_policies_that_read_no_more_than_their_own_trajectory() -> None:
    game = independent_game(np.random.default_rng(0), 2, 2, 2, 0.5)
    told = np.random.default_rng(1).dirichlet(np.ones(2), (2, 4))  # depends on tau, not on tau_i alone
    assert not satisfies_igo(game, joint_policy(told))
    assert satisfies_igo(game, joint_policy(game.seen(told)))


def test_15_by_hand() -> None:
    # alpha 1, alpha_1 1/2, alpha_2 2: v_1 = 1/2 log(1 + 3) = log 2, v_2 = 2 log 2. With v_tot = log 8:
    # q_tot(A, .) = 2 (0 - log 2) + 1/2 (-2 log 2) + 3 log 2 = 0, q_tot(B, .) = 2 (1/2 log 3) + 0 = log 3,
    # and indeed log(1 + 1 + 3 + 3) = log 8.
    alpha_i = np.array([0.5, 2.0])
    q = np.array([[[0.0, 0.5 * math.log(3)]], [[0.0, 0.0]]])
    assert log_partition(q, alpha_i[:, None]) == pytest.approx(np.log([[2], [4]]))
    v_tot = np.array([math.log(8)])
    q_tot = mix(advantages(q, alpha_i), 1 / alpha_i[:, None, None], v_tot)
    assert q_tot == pytest.approx(np.array([[0, 0, math.log(3), math.log(3)]]), abs=1e-12)
    assert log_partition(q_tot, 1.0) == pytest.approx(v_tot)
    # The best joint policy is the product of the individual ones, (1/4, 3/4) and (1/2, 1/2).
    assert boltzmann(q_tot, 1.0) == pytest.approx(np.array([[0.125, 0.125, 0.375, 0.375]]))


def test_18_by_hand() -> None:
    parts = np.array([[[-1.0, -2.0]], [[-3.0, -0.5]]])
    weights = np.array([[[1.0, 2.0, 0.0, 0.5]], [[1.0, 1.0, 2.0, 4.0]]])
    # AA -1 - 3, AB -2 - 0.5, BA 0 - 6, BB -1 - 2; plus 10.
    assert mix(parts, weights, np.array([10.0])).tolist() == [[6.0, 7.5, 4.0, 7.0]]


@examples
@given(seed=seeds, alpha=temperatures, n_agents=st.integers(1, 3))
def test_15_holds_for_an_additive_q_and_ties_the_best_policies(seed, alpha, n_agents) -> None:
    rng = np.random.default_rng(seed)
    alpha_i = rng.uniform(0.05, 5, n_agents)
    q = rng.normal(size=(n_agents, 2, 3))
    q_tot = sum_of(alpha / alpha_i[:, None, None] * q) + rng.normal(size=(2, 1))
    assert misfit(q_tot, q, alpha, alpha_i) < 1e-9
    assert np.allclose(boltzmann(q_tot, alpha), joint_policy(improve(q, alpha_i)), atol=1e-12)

    # (15) holds as well with the values of any product policy, which is how (13) to (16) read v.
    policies = rng.dirichlet(np.ones(3), (n_agents, 2))
    v = soft_value(q, policies, alpha_i[:, None])
    v_tot = soft_value(q_tot, joint_policy(policies), alpha)
    assert np.allclose(mix(q - v[..., None], alpha / alpha_i[:, None, None], v_tot), q_tot)


@examples
@given(seed=seeds, alpha=temperatures)
def test_15_fails_for_every_q_if_q_tot_is_not_additive(seed, alpha) -> None:
    """(15) with log-partitions says that the joint Boltzmann policy is a product, so q_tot is additive."""
    rng = np.random.default_rng(seed)
    game = random_game(rng, 2, 2, 2, 0.9)
    policies, alpha_i = random_policies(rng, game), rng.uniform(0.1, 2, 2)
    q_tot = exact_q(game, joint_policy(policies), alpha)
    interaction = np.abs(q_tot @ [1, -1, -1, 1]).max()  # zero if and only if additive
    least = factors(game, q_tot, np.full_like(policies, 0.5), alpha, alpha_i)
    for q in (least, rng.normal(size=least.shape)):
        assert misfit(q_tot, q, alpha, alpha_i) >= interaction / 4 - 1e-9
    assert interaction > 1e-6


@examples
@given(seed=seeds, alpha=temperatures)
def test_factors_are_the_least_squares(seed, alpha) -> None:
    rng = np.random.default_rng(seed)
    game = random_game(rng, 1, 2, 3, 0.9)
    measure, alpha_i = random_policies(rng, game), np.array([0.3, 2.0])
    q = factors(game, game.reward, measure, alpha, alpha_i)
    design = np.array([np.eye(6)[[u // 3, 3 + u % 3]].sum(0) for u in range(9)])  # u is (u_1, u_2)
    root = np.sqrt(joint_policy(measure)[0])
    best = design @ np.linalg.lstsq(root[:, None] * design, root * game.reward[0], rcond=None)[0]
    fitted = sum_of(alpha / alpha_i[:, None, None] * q) + (joint_policy(measure) * game.reward).sum()
    assert np.allclose(fitted[0], best)


@examples
@given(seed=seeds, alpha=temperatures)
def test_alpha_i_is_a_unit_of_q_i_and_nothing_else(seed, alpha) -> None:
    """(15) reads q_i / alpha_i alone: it says nothing about alpha_i, and the improved policy is the same."""
    rng = np.random.default_rng(seed)
    game = random_game(rng, 2, 2, 3, 0.9)
    measure = random_policies(rng, game)
    q_tot = exact_q(game, joint_policy(measure), alpha)
    some, others = rng.uniform(0.05, 5, (2, 2))
    q, other_q = (factors(game, q_tot, measure, alpha, a) for a in (some, others))
    assert np.allclose(improve(q, some), improve(other_q, others))
    assert misfit(q_tot, q, alpha, some) == pytest.approx(misfit(q_tot, other_q, alpha, others))


@examples
@given(seed=seeds, alpha=temperatures, n_agents=st.integers(1, 3))
def test_18_with_free_weights_fits_anything_to_anything(seed, alpha, n_agents) -> None:
    """So (18) doesn't tie the q_i to q_tot: any q_i satisfy it, with weights that are never negative."""
    rng = np.random.default_rng(seed)
    q_tot, q = 5 * rng.normal(size=(2, 3**n_agents)), rng.normal(size=(n_agents, 2, 3))
    alpha_i = rng.uniform(0.1, 5, n_agents)
    weights = free_weights(q_tot, q, alpha, alpha_i)
    assert (weights >= 0).all()
    assert np.allclose(mix(advantages(q, alpha_i), weights, log_partition(q_tot, alpha)), q_tot)


def test_individual_values_at_joint_actions_by_hand() -> None:
    q = np.array([[[1.0, 2.0]], [[3.0, 4.0]]])
    assert of_joint_actions(q).tolist() == [[[1, 1, 2, 2]], [[3, 4, 3, 4]]]
    assert sum_of(q).tolist() == [[4, 5, 5, 6]]
    assert everything_seen(2, 3).tolist() == [[0, 1, 2]] * 2
