"""Section C: the rules for the team's and the agents' temperatures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fop_bench.studies.theory.factorisation import advantages, joint_policy
from fop_bench.studies.theory.soft_values import boltzmann, entropy, soft_value
from fop_bench.studies.theory.temperatures import (
    individual_alpha,
    individual_minimiser,
    individual_objective,
    smoothed,
    team_gradient,
    team_objective,
)

examples = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
temperatures = st.floats(0.05, 5.0)

# Two agents, two actions: policies, agent 1's advantages and weights (AA, AB, BA, BB).
POLICIES = np.array([[[0.5, 0.5]], [[0.25, 0.75]]])
ADVANTAGES = np.array([[[-1.0, -3.0]], [[-2.0, -2.0]]])
WEIGHTS = np.array([[[1.0, 2.0, 1.0, 0.5]], [[4.0, 4.0, 4.0, 4.0]]])


def test_the_team_objective_by_hand() -> None:
    policy = np.array([[0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.0, 0.0]])  # entropies 2 log 2, log 2
    assert team_objective(0.3, policy, 1.0) == pytest.approx(0.3 * (1.5 * math.log(2) - 1))


@examples
@given(seed=seeds, alpha=temperatures, target=st.floats(0.0, 2.0))
def test_descent_cools_above_the_target_entropy_and_warms_below(seed, alpha, target) -> None:
    policy = np.random.default_rng(seed).dirichlet(np.ones(6), 3)
    gradient, h = team_gradient(policy, target), entropy(policy).mean()
    assert np.sign(gradient) == np.sign(h - target)
    ahead, behind = (team_objective(alpha + d, policy, target) for d in (1e-3, -1e-3))
    assert gradient == pytest.approx((ahead - behind) / 2e-3, abs=1e-9)
    assert team_gradient(policy, h) == pytest.approx(0, abs=1e-12)


@examples
@given(seed=seeds, goal=st.floats(0.2, 1.2))
def test_descent_on_alpha_leads_the_boltzmann_policy_to_the_target_entropy(seed, goal) -> None:
    q, log_alpha = np.random.default_rng(seed).normal(size=(1, 6)), 0.0
    for _ in range(400):
        log_alpha -= 0.3 * team_gradient(boltzmann(q, math.exp(log_alpha)), goal)
    assert entropy(boltzmann(q, math.exp(log_alpha)))[0] == pytest.approx(goal, abs=1e-3)


def test_17_by_hand() -> None:
    # agent 1: E[A] = -2; E[lambda A] = -.125 - .75 - .375 - .5625 = -1.8125. Agent 2: constant weight 4.
    found = individual_alpha(0.5, WEIGHTS, ADVANTAGES, POLICIES)
    assert found == pytest.approx(np.array([[0.5 * 2 / 1.8125], [0.5 / 4]]))


def test_the_objective_of_alpha_i_by_hand() -> None:
    # E[1 / lambda] = .125 + .1875 + .125 + .75 = 1.1875
    # E[1 / lambda^2] = .125 + .09375 + .125 + 1.5 = 1.84375
    best = individual_minimiser(0.5, WEIGHTS, POLICIES)
    assert best == pytest.approx(np.array([[0.59375], [0.125]]))
    least = individual_objective(best, 0.5, WEIGHTS, POLICIES)
    assert least == pytest.approx(np.array([[0.25 * (1.84375 - 1.1875**2)], [0.0]]))
    # So the two rules of the appendix don't agree: (17) gives 0.5517 for agent 1.
    assert best[0, 0] > individual_alpha(0.5, WEIGHTS, ADVANTAGES, POLICIES)[0, 0] + 0.04


@examples
@given(seed=seeds, alpha=temperatures)
def test_17_gives_back_what_the_weights_were_made_of(seed, alpha) -> None:
    rng = np.random.default_rng(seed)
    alpha_i, policies = rng.uniform(0.05, 5, (3, 2)), rng.dirichlet(np.ones(2), (3, 2))
    weights = np.broadcast_to((alpha / alpha_i)[..., None], (3, 2, 8))
    parts = rng.normal(size=(3, 2, 2)) - 5
    assert np.allclose(individual_alpha(alpha, weights, parts, policies), alpha_i)
    assert np.allclose(individual_minimiser(alpha, weights, policies), alpha_i)
    assert np.allclose(individual_objective(alpha_i, alpha, weights, policies), 0)


@examples
@given(seed=seeds, alpha=temperatures)
def test_17_is_a_weighted_harmonic_mean_of_alpha_over_lambda(seed, alpha) -> None:
    """As `q_i - v_i` has one sign, v_i being the log-partition. `J(alpha_i)` has the plain mean instead."""
    rng = np.random.default_rng(seed)
    policies, weights = rng.dirichlet(np.ones(3), (2, 1)), rng.uniform(0.1, 4, (2, 1, 9))
    parts = advantages(rng.normal(size=(2, 1, 3)), np.array([0.5, 2.0]))
    least, most = alpha / weights.max(-1), alpha / weights.min(-1)
    for rule in (
        individual_alpha(alpha, weights, parts, policies),
        individual_minimiser(alpha, weights, policies),
    ):
        assert ((least < rule) & (rule < most)).all()
    # With advantages that are the same for all actions (17) is the harmonic mean, which is never the larger.
    harmonic = individual_alpha(alpha, weights, -np.ones_like(parts), policies)
    assert np.allclose(harmonic, alpha / (joint_policy(policies) * weights).sum(-1))
    assert (harmonic <= individual_minimiser(alpha, weights, policies)).all()


@examples
@given(seed=seeds, alpha=temperatures)
def test_the_minimiser_minimises(seed, alpha) -> None:
    rng = np.random.default_rng(seed)
    policies, weights = rng.dirichlet(np.ones(3), (2, 1)), rng.uniform(0.1, 4, (2, 1, 9))
    best = individual_minimiser(alpha, weights, policies)
    least = individual_objective(best, alpha, weights, policies)
    for step in (-0.3, -1e-3, 1e-3, 0.3):
        other = individual_objective(best + step, alpha, weights, policies)
        assert np.allclose(other, least + step**2)  # a parabola


@examples
@given(seed=seeds, alpha=temperatures)
def test_the_quotient_of_17_vanishes_for_a_policy_without_chance_only(seed, alpha) -> None:
    """With v_i the policy's value its numerator is minus the entropy: 0 / 0 as the policy becomes greedy."""
    rng = np.random.default_rng(seed)
    q, policy = rng.normal(size=(1, 4)), rng.dirichlet(np.ones(4), 1)
    part = q - soft_value(q, policy, alpha)[:, None]
    assert np.allclose((policy * part).sum(-1), -alpha * entropy(policy))


@examples
@given(start=temperatures, goal=temperatures, epsilon=st.floats(1e-4, 1.0), steps=st.integers(0, 200))
def test_the_moving_average_closes_in_on_its_goal(start, goal, epsilon, steps) -> None:
    alpha_i, fixed = np.array(start), np.array(goal)
    assert smoothed(fixed, fixed, epsilon) == pytest.approx(goal)
    for _ in range(steps):
        alpha_i = smoothed(alpha_i, fixed, epsilon)
    assert alpha_i - goal == pytest.approx((1 - epsilon) ** steps * (start - goal), abs=1e-9)


def test_the_appendixs_epsilon_needs_seven_thousand_updates_to_go_half_way() -> None:
    remaining = 1 - smoothed(np.array(0.0), np.array(1.0)).item()
    assert math.log(0.5) / math.log(remaining) == pytest.approx(6931, abs=1)
