"""Soft values and joint soft policy evaluation (B.1, Lemma 1).

The appendix uses one letter, v, for two things: the soft value of a policy, `E[q - alpha log pi]`
(`soft_value`), and the log-partition of q, `alpha log sum exp(q / alpha)` (`log_partition`). The second is
the largest that the first can be, reached by the Boltzmann policy alone:
`log_partition - soft_value(pi) = alpha KL(pi || boltzmann)`.
"""

from __future__ import annotations

import numpy as np

from .games import Array, Game


def entropy(policy: Array) -> Array:
    """`[..., K]` probabilities to `[...]`, in nats; `0 log 0 = 0`."""
    h: Array = -(policy * np.log(np.where(policy > 0, policy, 1.0))).sum(-1)
    return h


def soft_value(q: Array, policy: Array, alpha: float | Array) -> Array:
    """`E_u[q(u) - alpha log pi(u)]`: `[..., K]`, `[..., K]` to `[...]`; `alpha` a number or `[...]`."""
    v: Array = (policy * q).sum(-1) + alpha * entropy(policy)
    return v


def log_partition(q: Array, alpha: float | Array) -> Array:
    """`alpha log sum_u exp(q(u) / alpha)` (15; its v_jt lacks the log): `[..., K]` to `[...]`."""
    highest = q.max(-1)
    scaled = (q - highest[..., None]) / np.asarray(alpha)[..., None]
    v: Array = highest + alpha * np.log(np.exp(scaled).sum(-1))
    return v


def boltzmann(q: Array, alpha: float | Array) -> Array:
    """`exp((q - log_partition) / alpha)` `[..., K]`."""
    policy: Array = np.exp((q - log_partition(q, alpha)[..., None]) / np.asarray(alpha)[..., None])
    return policy


def evaluate_once(game: Game, q_tot: Array, policy: Array, alpha: float) -> Array:
    """The soft Bellman operator of Lemma 1: `[S, U]` to `[S, U]`.

    `r + gamma E[q_tot(tau', u') - alpha log pi(u' | tau')]`. The appendix prints the entropy without
    gamma and alpha: a gamma-contraction too, but with another fixed point.
    """
    return game.reward + game.gamma * game.transition @ soft_value(q_tot, policy, alpha)


def exact_v(game: Game, policy: Array, alpha: float) -> Array:
    """The soft value of a joint policy `[S, U]`, `[S]`: solves `v = r_pi + alpha H + gamma P_pi v`."""
    kernel = np.einsum("su,sut->st", policy, game.transition)
    v: Array = np.linalg.solve(
        np.eye(len(kernel)) - game.gamma * kernel, soft_value(game.reward, policy, alpha)
    )
    return v


def exact_q(game: Game, policy: Array, alpha: float) -> Array:
    """The joint soft q of a joint policy, `[S, U]`: the fixed point of `evaluate_once`."""
    return game.reward + game.gamma * game.transition @ exact_v(game, policy, alpha)


def optimal_q(game: Game, alpha: float, tolerance: float = 1e-9) -> Array:
    """The best over all joint policies, products or not, `[S, U]`: soft value iteration.

    Its policy is evaluated exactly at the end: an error e in q costs that policy in the order of e^2 only.
    """
    q_tot = game.reward
    while True:
        better = game.reward + game.gamma * game.transition @ log_partition(q_tot, alpha)
        if np.abs(better - q_tot).max() <= tolerance:
            return exact_q(game, boltzmann(better, alpha), alpha)
        q_tot = better
