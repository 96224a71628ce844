"""Sections B.2 and B.3: Lemma 2 and Theorem 1, where they hold and what happens elsewhere."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fop_bench.studies.theory.factorisation import (
    advantages,
    factors,
    free_weights,
    joint_policy,
    kl,
    misfit,
    mix,
    satisfies_igo,
)
from fop_bench.studies.theory.games import (
    Game,
    additive_game,
    everything_seen,
    independent_game,
    random_game,
    random_policies,
    repeated,
)
from fop_bench.studies.theory.iteration import (
    Iterate,
    factorised_soft_policy_iteration,
    gain,
    improve,
    improve_among,
)
from fop_bench.studies.theory.soft_values import (
    boltzmann,
    exact_q,
    exact_v,
    log_partition,
    optimal_q,
    soft_value,
)
from fop_bench.studies.theory.temperatures import individual_alpha
from fop_envs.games.matrix import payoff_table

examples = settings(max_examples=30, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
temperatures = st.floats(0.05, 5.0)
factorised = pytest.mark.parametrize("make", [additive_game, independent_game])
ANTI = [[0.0, 1.0], [1.0, 0.0]]  # reward 1 if the two choose differently
GAMMA = 0.9


def run(game: Game, policies, alpha: float, steps: int, **options) -> list[Iterate]:
    alpha_i = np.full(game.n_agents, alpha)
    iteration = factorised_soft_policy_iteration(game, policies, alpha, alpha_i, **options)
    return list(itertools.islice(iteration, steps + 1))


def per_step(game: Game, iterate: Iterate, alpha: float) -> float:
    """`E r + alpha H` of a repeated game."""
    return (1 - game.gamma) * exact_v(game, joint_policy(iterate.policies), alpha).item()


def both(p: float, n_actions: int) -> np.ndarray:
    """Two agents that play the first action with probability p, the others alike."""
    return np.tile([p, *[(1 - p) / (n_actions - 1)] * (n_actions - 1)], (2, 1, 1))


# --- Lemma 2 ---------------------------------------------------------------------------------------------


@examples
@given(seed=seeds, alpha=temperatures, n_agents=st.integers(1, 3))
def test_the_gain_decides_in_every_game_and_for_all_policies(seed, alpha, n_agents) -> None:
    """`v_new - v_old = (I - gamma P_new)^-1 gain`; the gain is (16)'s left side less the old soft value."""
    rng = np.random.default_rng(seed)
    game = random_game(rng, 3, n_agents, 2, GAMMA)
    policies, new = random_policies(rng, game), rng.dirichlet(np.ones(2**n_agents), 3)
    old = Iterate(policies, exact_q(game, joint_policy(policies), alpha))
    v_old = exact_v(game, joint_policy(policies), alpha)
    g = gain(old, new, alpha)
    assert np.allclose(g, soft_value(old.q_tot, new, alpha) - v_old)
    kernel = np.einsum("su,sut->st", new, game.transition)
    predicted = v_old + np.linalg.solve(np.eye(3) - GAMMA * kernel, g)
    assert np.allclose(exact_v(game, new, alpha), predicted)


@factorised
@examples
@given(seed=seeds, alpha=temperatures, n_agents=st.integers(2, 3))
def test_lemma_2_individual_improvement_never_lowers_q_tot(make, seed, alpha, n_agents) -> None:
    rng = np.random.default_rng(seed)
    game, alpha_i = make(rng, 2, n_agents, 2, GAMMA), rng.uniform(0.1, 3, n_agents)
    policies = random_policies(rng, game)
    iteration = factorised_soft_policy_iteration(game, policies, alpha, alpha_i)
    old, new = itertools.islice(iteration, 2)
    assert misfit(old.q_tot, factors(game, old.q_tot, policies, alpha, alpha_i), alpha, alpha_i) < 1e-9
    assert np.allclose(game.seen(new.policies), new.policies)  # nobody reads more than tau_i
    assert (new.q_tot >= old.q_tot - 1e-9).all()
    assert (new.q_tot > old.q_tot + 1e-9).any()


@factorised
@examples
@given(seed=seeds, alpha=temperatures, share=st.floats(0.05, 1.0))
def test_lemma_2_needs_no_minimiser_only_a_smaller_objective(make, seed, alpha, share) -> None:
    """(13) is all that the proof uses of (12): going part of the way is enough, and one agent may rest."""
    rng = np.random.default_rng(seed)
    game, alpha_i = make(rng, 2, 2, 3, GAMMA), np.array([0.3, 2.0])
    policies = random_policies(rng, game)
    q_tot = exact_q(game, joint_policy(policies), alpha)
    best = improve(factors(game, q_tot, policies, alpha, alpha_i), alpha_i)
    part = np.array([share, 0.0])[:, None, None]
    nearer = (1 - part) * policies + part * best
    assert (exact_q(game, joint_policy(nearer), alpha) >= q_tot - 1e-9).all()


@examples
@given(seed=seeds)
def test_14_reads_v_as_the_policys_value_not_as_the_log_partition(seed) -> None:
    """In a restricted Pi_i the improved policy reaches the old one's value, never (15)'s log-partition."""
    rng = np.random.default_rng(seed)
    alpha_i = np.array([0.4, 1.5])
    q, candidates = rng.normal(size=(2, 3, 3)), rng.dirichlet(np.ones(3), (2, 3, 4))
    old = candidates[:, :, 0]
    left = soft_value(q, improve_among(q, alpha_i, candidates), alpha_i[:, None])
    assert (left >= soft_value(q, old, alpha_i[:, None])).all()
    assert (left < log_partition(q, alpha_i[:, None])).all()


def test_without_15_improvement_at_once_lowers_q_tot_by_hand() -> None:
    """Both see the other choose A more often, both move to B. At p = 0.6 and alpha 0.1, B is ahead by 0.2."""
    game, alpha = repeated(ANTI, GAMMA), 0.1
    old, new, *later = run(game, both(0.6, 2), alpha, 6)
    p = 1 / (1 + math.exp(2))
    assert new.policies[:, 0, 0] == pytest.approx([p, p])

    def entropy(x: float) -> float:
        return -x * math.log(x) - (1 - x) * math.log(1 - x)

    values = [2 * x * (1 - x) + alpha * 2 * entropy(x) for x in (0.6, p)]  # 0.615 and 0.283
    assert [per_step(game, k, alpha) for k in (old, new)] == pytest.approx(values)
    fall = GAMMA * (values[1] - values[0]) / (1 - GAMMA)
    assert new.q_tot - old.q_tot == pytest.approx(np.full((1, 4), fall))
    assert fall < -2.9
    # It never recovers: both swing from one side to the other, and Theorem 1's sequence doesn't converge.
    assert max(per_step(game, k, alpha) for k in later) < 0.01
    assert [bool(k.policies[0, 0, 0] > 0.5) for k in (new, *later)] == [False, True] * 3
    # A buffer of random play in place of their own: nobody prefers anything, though 1 per step can be had.
    still = run(game, both(0.6, 2), alpha, 3, measure="uniform")[-1]
    assert still.policies == pytest.approx(both(0.5, 2))


@examples
@given(seed=seeds, alpha=temperatures)
def test_one_agent_at_a_time_improves_any_game_that_all_see(seed, alpha) -> None:
    """Then the others are part of the world, and the target of who moves is what (12) asks for."""
    rng = np.random.default_rng(seed)
    game = random_game(rng, 3, 2, 2, GAMMA)
    iterates = run(game, random_policies(rng, game), alpha, 8, in_turn=True)
    for old, new in itertools.pairwise(iterates):
        assert (new.q_tot >= old.q_tot - 1e-9).all()
    assert np.array_equal(iterates[1].policies[1], iterates[0].policies[1])


@examples
@given(seed=seeds, alpha=temperatures)
def test_improved_policies_read_their_own_trajectory_even_where_15_fails(seed, alpha) -> None:
    rng = np.random.default_rng(seed)
    game = independent_game(rng, 2, 2, 2, GAMMA)
    entangled = replace(game, reward=rng.normal(size=game.reward.shape))
    _, new = run(entangled, random_policies(rng, entangled), alpha, 1)
    assert np.allclose(entangled.seen(new.policies), new.policies)


def test_igo_of_the_optimum_is_not_enough_for_lemma_2() -> None:
    """A game whose optimal policy is a product, where q_tot falls on the way: (15) is needed at every policy.

    Tau 0 leads to 1. There equal actions lead to 2, others to 4; the reward makes up for the difference in
    optimal values, so optimal play at 1 is random. At 2 agent 1 goes on to 3 (A) or pays 1 and goes to 4. At
    3 it pays 0 (A) or 10. At 4 nothing happens. At first agent 1 errs at 3, so it leaves 2 by B for one
    round more, and tau 1 is the game of the test above for that long.
    """
    alpha = 0.1
    to = np.array([[1, 1, 1, 1], [2, 4, 4, 2], [3, 3, 4, 4], [4, 4, 4, 4], [4, 4, 4, 4]])
    reward = np.zeros((5, 4))
    reward[2, 2:], reward[3, 2:] = -1, -10
    game = Game(reward, np.eye(5)[to], GAMMA, everything_seen(2, 5), 2)
    best_v = log_partition(optimal_q(game, alpha), alpha)
    reward[1] = -GAMMA * best_v[to[1]]

    optimum = optimal_q(game, alpha)
    assert satisfies_igo(game, boltzmann(optimum, alpha))
    policies = np.full((2, 5, 2), 0.5)
    policies[:, 1], policies[0, 2:4] = [0.6, 0.4], [0.01, 0.99]
    iterates = run(game, policies, alpha, 6)
    fall = iterates[1].q_tot[0] - iterates[0].q_tot[0]
    assert fall == pytest.approx(np.full(4, -0.1997), abs=1e-4)
    assert np.allclose(iterates[-1].q_tot, optimum)  # here it comes right once 2 and 3 have


# --- (18) and (17) in the place of (15) --------------------------------------------------------------------


@examples
@given(seed=seeds, alpha=st.floats(0.05, 1.0))  # hotter, the entropy that is won outweighs the loss
def test_with_18_the_q_i_may_point_anywhere_so_improvement_may_lower_q_tot(seed, alpha) -> None:
    """The paper's game. Agents near (A, A), q_i that prefer B: (18) holds exactly, and q_tot falls."""
    rng = np.random.default_rng(seed)
    game, alpha_i = repeated(payoff_table("paper"), GAMMA), np.full(2, 0.1)
    old = both(0.98, 3)
    q_tot = exact_q(game, joint_policy(old), alpha)
    q = np.sort(rng.uniform(0, 1, (2, 1, 3)))[..., [0, 2, 1]]
    weights = free_weights(q_tot, q, alpha, alpha_i)
    assert np.allclose(mix(advantages(q, alpha_i), weights, log_partition(q_tot, alpha)), q_tot)
    new = improve(q, alpha_i)
    assert (new[:, 0, 1] == new[:, 0].max(-1)).all()
    assert (exact_q(game, joint_policy(new), alpha) < q_tot).all()


@examples
@given(seed=seeds, alpha=temperatures)
def test_the_last_steps_of_c_lose_exactly_the_divergence(seed, alpha) -> None:
    """Section C's chain ends at `>= v_tot`. With v_tot the log-partition it misses it by `alpha KL`."""
    rng = np.random.default_rng(seed)
    q_tot, q = 3 * rng.normal(size=(1, 9)), rng.normal(size=(2, 1, 3))
    alpha_i = rng.uniform(0.2, 3, 2)
    new, weights = improve(q, alpha_i), free_weights(q_tot, q, alpha, alpha_i)
    v_tot = log_partition(q_tot, alpha)
    first = soft_value(mix(advantages(q, alpha_i), weights, v_tot), joint_policy(new), alpha)
    divergence = kl(joint_policy(new), boltzmann(q_tot, alpha))
    assert np.allclose(first, v_tot - alpha * divergence)
    assert (divergence > 1e-6).all()
    # The line "plugging in (17)" would make it v_tot: no alpha_i can satisfy (17) for these policies and keep
    # the q_i - v_i that made them. What (17) gives is another temperature for at least one agent.
    given_by_17 = individual_alpha(alpha, weights, advantages(q, alpha_i), new)
    assert np.abs(given_by_17[:, 0] - alpha_i).max() > 1e-6


def test_17_is_taken_under_the_old_policies_by_hand() -> None:
    """`Plugging in (17)` under the new policies, with alpha_i found under the old ones, changes the sum."""
    part = np.array([[[-1.0, -2.0]], [[-1.0, -1.0]]])  # q_i - v_i
    weights = np.array([[[1.0, 1.0, 3.0, 3.0]], [[1.0, 1.0, 1.0, 1.0]]])
    old, new = np.full((2, 1, 2), 0.5), np.array([[[0.9, 0.1]], [[0.5, 0.5]]])
    found = individual_alpha(1.0, weights, part, old)
    assert found[:, 0] == pytest.approx([1.5 / 3.5, 1.0])  # (1 + 2) / 2 over (1 + 6) / 2
    left = (joint_policy(new) * mix(part, weights, np.zeros(1))).sum()  # -(0.9 + 0.6) - 1
    right = ((new * part).sum(-1) / found).sum()  # -(0.9 + 0.2) * 3.5 / 1.5 - 1
    assert (left, right) == pytest.approx((-2.5, -1.1 * 3.5 / 1.5 - 1))


# --- Theorem 1 -------------------------------------------------------------------------------------------


def test_theorem_1_by_hand() -> None:
    """Additive, one tau: r = (0, 1) + (0, 2), alpha 1. The optimum is log(1 + e) + log(1 + e^2) per step."""
    game = repeated([[0.0, 2.0], [1.0, 3.0]], GAMMA)
    first, second, third = run(game, both(0.8, 2), 1.0, 2)
    assert second.policies[:, 0, 1] == pytest.approx([math.e / (1 + math.e), math.e**2 / (1 + math.e**2)])
    assert per_step(game, second, 1.0) == pytest.approx(math.log(1 + math.e) + math.log(1 + math.e**2))
    assert (second.q_tot > first.q_tot).all()
    assert third.q_tot == pytest.approx(second.q_tot)


@factorised
@examples
@given(seed=seeds, alpha=temperatures, n_agents=st.integers(2, 3))
def test_theorem_1_converges_monotonically_to_the_best_of_all_policies(make, seed, alpha, n_agents) -> None:
    rng = np.random.default_rng(seed)
    game = make(rng, 2, n_agents, 2, GAMMA)
    best = optimal_q(game, alpha)  # over all joint policies, products or not
    iterates = run(game, random_policies(rng, game), alpha, 12)
    far = [np.abs(best - k.q_tot).max() for k in iterates]
    for old, new in itertools.pairwise(iterates):
        assert (new.q_tot >= old.q_tot - 1e-9).all()
    assert all(new <= GAMMA * old + 1e-8 for old, new in itertools.pairwise(far))  # by gamma a step at least
    assert far[-1] < 1e-8
    assert satisfies_igo(game, boltzmann(best, alpha))
    assert np.allclose(joint_policy(iterates[-1].policies), boltzmann(best, alpha), atol=1e-6)


@factorised
@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=seeds, alpha=temperatures)
def test_theorem_1_with_few_policies_to_choose_from_against_all_of_them(make, seed, alpha) -> None:
    """Pi_i is 3 policies at each of 2 tau_i: the limit beats each of the 81 products, at every tau and u."""
    rng = np.random.default_rng(seed)
    game = make(rng, 2, 2, 2, GAMMA)
    local = rng.dirichlet(np.ones(2), (2, 2, 3))  # [N, tau_i, K, A]
    candidates = np.stack([local[i, view] for i, view in enumerate(game.views)])
    iterates = run(game, candidates[:, :, 0], alpha, 8, candidates=candidates)
    for old, new in itertools.pairwise(iterates):
        assert (new.q_tot >= old.q_tot - 1e-9).all()
    limit = iterates[-1].q_tot
    assert np.allclose(limit, iterates[-2].q_tot)
    reached = 0
    for choice in itertools.product(range(3), repeat=4):
        chosen = np.array([local[i, t, choice[2 * i + t]] for i in range(2) for t in range(2)])
        policies = np.stack([chosen.reshape(2, 2, 2)[i, view] for i, view in enumerate(game.views)])
        q_tot = exact_q(game, joint_policy(policies), alpha)
        assert (q_tot <= limit + 1e-9).all()
        reached += np.allclose(q_tot, limit)
    assert reached >= 1


def grid(n_actions: int, parts: int) -> np.ndarray:
    """All distributions whose probabilities are multiples of 1 / parts."""
    counts = itertools.product(range(parts + 1), repeat=n_actions)
    return np.array([c for c in counts if sum(c) == parts]) / parts


def best_product(payoff: np.ndarray, alpha: float, parts: int) -> float:
    """The best `E r + alpha H` of a two-agent product policy on a grid."""
    p = grid(len(payoff), parts)
    h = -(p * np.log(np.where(p > 0, p, 1))).sum(-1)
    return float((p @ payoff @ p.T + alpha * (h[:, None] + h)).max())


def test_theorem_1_fails_on_the_papers_matrix_game() -> None:
    """Not additive: where it ends depends on where it starts, though here it does rise step by step."""
    payoff, alpha = payoff_table("paper"), 1.0
    game = repeated(payoff, GAMMA)
    top = best_product(payoff, alpha, 40)
    assert top == pytest.approx(8.0, abs=0.01)
    # A is preferred if 8 p - 12 (1 - p) > -12 p, that is from p = 3/8 on; random agents play it with 1/3.
    random = run(game, both(1 / 3, 3), alpha, 30)
    values = [per_step(game, k, alpha) for k in random]
    assert (np.diff(values) > -1e-9).all()
    assert values[-1] == pytest.approx(2 * math.log(2), abs=1e-3)  # B and C at random, reward 0
    assert per_step(game, run(game, both(0.9, 3), alpha, 30)[-1], alpha) == pytest.approx(top, abs=0.01)

    # Both ends are fixed points that no agent alone can improve: what monotony leads to, and no more.
    for p in (1 / 3, 0.9):
        *_, last = run(game, both(p, 3), alpha, 40)
        q = factors(game, last.q_tot, last.policies, alpha, np.full(2, alpha))
        assert np.allclose(improve(q, np.full(2, alpha)), last.policies)


def test_theorem_1_fails_on_the_papers_matrix_game_with_random_data() -> None:
    """Means over random play, A -16/3, B and C -4: in one step to B and C, from (A, A) that is down."""
    alpha = 1.0
    game = repeated(payoff_table("paper"), GAMMA)
    old, new, after = run(game, both(0.9, 3), alpha, 2, measure="uniform")
    # softmax(-16/3, -4, -4)
    assert new.policies[:, 0, 0] == pytest.approx(1 / (1 + 2 * math.exp(4 / 3)) * np.ones(2))
    assert per_step(game, old, alpha) > 5
    assert per_step(game, new, alpha) == pytest.approx(-0.416, abs=1e-3)
    assert (new.q_tot < old.q_tot).all()
    assert np.allclose(after.policies, new.policies)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=seeds, alpha=st.floats(0.05, 1.0))
def test_in_turn_the_best_start_finds_the_best_product_of_a_2x2_game(seed, alpha) -> None:
    payoff = np.random.default_rng(seed).normal(size=(2, 2))
    game = repeated(payoff, GAMMA)
    starts = [np.array([[[p, 1 - p]], [[q, 1 - q]]]) for p in (0.02, 0.5, 0.98) for q in (0.02, 0.5, 0.98)]
    ends = [per_step(game, run(game, start, alpha, 60, in_turn=True)[-1], alpha) for start in starts]
    top = best_product(payoff, alpha, 200)
    assert top - 1e-6 <= max(ends) <= top + 1e-2
