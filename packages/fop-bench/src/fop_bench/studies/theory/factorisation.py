"""IGO and IGM (A), and what ties the joint to the individual values (15), (18)."""

from __future__ import annotations

import numpy as np

from .games import Array, Game, own_actions, product_of
from .soft_values import log_partition


def joint_policy(policies: Array) -> Array:
    """Definition 1: `pi_tot(u | tau) = prod_i pi_i(u_i | tau_i)`, `[N, S, A]` to `[S, U]`."""
    return product_of(policies)


def kl(p: Array, q: Array) -> Array:
    """`KL(p || q)` over the last axis, in nats; q must be positive wherever p is."""
    ratio = np.where(p > 0, p, 1.0) / np.where(p > 0, q, 1.0)
    divergence: Array = (p * np.log(ratio)).sum(-1)
    return divergence


def marginals(policy: Array, n_agents: int) -> Array:
    """Each agent's own policy within a joint one: `[S, U]` to `[N, S, A]`."""
    n_actions = round(policy.shape[-1] ** (1 / n_agents))
    own = np.eye(n_actions)[own_actions(n_agents, n_actions)]
    own_policies: Array = np.einsum("su,nua->nsa", policy, own)
    return own_policies


def satisfies_igo(game: Game, policy: Array) -> bool:
    """Definition 1 for a joint policy `[S, U]`: it is the product of policies that read tau_i alone."""
    product = joint_policy(game.seen(marginals(policy, game.n_agents)))
    return bool(np.allclose(product, policy, rtol=0, atol=1e-9))


def greedy(q: Array) -> Array:
    """The greedy policy of A.2 over the last axis, one-hot; of equals the first."""
    policy: Array = np.eye(q.shape[-1])[q.argmax(-1)]
    return policy


def satisfies_igm(q_tot: Array, q: Array) -> bool:
    """Definition 2, for unique maximisers: `argmax_u q_tot = (argmax q_1, ..., argmax q_N)` at every tau."""
    n_agents, _, n_actions = q.shape
    joint = own_actions(n_agents, n_actions)[:, q_tot.argmax(-1)]
    return bool((joint == q.argmax(-1)).all())


def mix(advantages: Array, weights: Array, v_tot: Array) -> Array:
    """`q_tot = sum_i lambda_i (q_i - v_i) + v_tot`: (18), or (15) with `lambda_i = alpha / alpha_i`.

    Args:
        advantages: `[N, S, A]`.
        weights: `[N, S, U]`, or what broadcasts to it.
        v_tot: `[S]`.
    """
    q_tot: Array = (weights * of_joint_actions(advantages)).sum(0) + v_tot[:, None]
    return q_tot


def of_joint_actions(x: Array) -> Array:
    """`x_i(tau_i, u_i)` read at every joint action: `[N, S, A]` to `[N, S, U]`."""
    n_agents, _, n_actions = x.shape
    own = own_actions(n_agents, n_actions)
    return np.stack([x[i][:, own[i]] for i in range(n_agents)])


def factors(game: Game, q_tot: Array, measure: Array, alpha: float, alpha_i: Array) -> Array:
    """The q_i `[N, S, A]` with which (15) fits `q_tot` best, when the agents act by `measure` `[N, S, A]`.

    `q_i = alpha_i / alpha (E_{u_-i}[q_tot] - E_u[q_tot])`: the least squares at each tau under a product
    measure (the policies: samples of their own play; uniform: a buffer of random play), averaged over the tau
    that agent i can't tell apart. Exact if (15) can hold at all. The constant in each q_i is free.
    """
    own = own_actions(game.n_agents, game.n_actions)
    average = np.empty_like(measure)
    for i in range(game.n_agents):
        everyone_else = measure.copy()
        everyone_else[i] = 1.0
        weighted = joint_policy(everyone_else) * q_tot
        for a in range(game.n_actions):
            average[i, :, a] = weighted[:, own[i] == a].sum(-1)
    centred = average - (joint_policy(measure) * q_tot).sum(-1)[:, None]
    return alpha_i[:, None, None] / alpha * game.seen(centred)


def advantages(q: Array, alpha_i: Array) -> Array:
    """`q_i - v_i` with v_i the log-partition (15), `[N, S, A]`: never positive."""
    return q - log_partition(q, alpha_i[:, None])[..., None]


def misfit(q_tot: Array, q: Array, alpha: float, alpha_i: Array) -> float:
    """By how much (15) fails: the largest `|q_tot - sum_i alpha / alpha_i (q_i - v_i) - v_tot|`."""
    fitted = mix(advantages(q, alpha_i), alpha / alpha_i[:, None, None], log_partition(q_tot, alpha))
    return float(np.abs(q_tot - fitted).max())


def free_weights(q_tot: Array, q: Array, alpha: float, alpha_i: Array) -> Array:
    """Weights `[N, S, U]` >= 0 with which any q_i fit any `q_tot` exactly by (18), v_tot its log-partition.

    Neither `q_tot - v_tot` nor `q_i - v_i` is ever positive, so their ratio serves.
    """
    total = of_joint_actions(advantages(q, alpha_i)).sum(0)
    weight = (q_tot - log_partition(q_tot, alpha)[:, None]) / total
    return np.broadcast_to(weight, (len(q), *weight.shape))
