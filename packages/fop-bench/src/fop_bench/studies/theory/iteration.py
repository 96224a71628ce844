"""Individual soft policy improvement (B.2) and factorised soft policy iteration (B.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from .factorisation import factors, joint_policy, kl
from .games import Array, Game
from .soft_values import boltzmann, exact_q, soft_value


class Iterate(NamedTuple):
    """Policies `[N, S, A]` and the exact joint soft value of their product, `[S, U]`."""

    policies: Array
    q_tot: Array


def improve(q: Array, alpha_i: Array) -> Array:
    """(12) where every policy is allowed: `exp((q_i - v_i) / alpha_i)`, `[N, S, A]` to `[N, S, A]`."""
    return boltzmann(q, alpha_i[:, None])


def improve_among(q: Array, alpha_i: Array, candidates: Array) -> Array:
    """(12) where Pi_i is a finite set per tau_i: `[N, S, K, A]` candidates, of equals the first."""
    objective = -soft_value(q[:, :, None], candidates, alpha_i[:, None, None])
    best = objective.argmin(-1)[..., None, None]
    policies: Array = np.take_along_axis(candidates, best, 2)[:, :, 0]
    return policies


def factorised_soft_policy_iteration(
    game: Game,
    policies: Array,
    alpha: float,
    alpha_i: Array,
    *,
    measure: Literal["policies", "uniform"] = "policies",
    in_turn: bool = False,
    candidates: Array | None = None,
) -> Iterator[Iterate]:
    """Joint evaluation, factors by (15), individual improvement by (12), without end; `policies` first.

    Where q_tot is additive this is the appendix's iteration. Elsewhere (15) can't hold and `factors` fits it.

    Args:
        measure: what the factors are fitted under; without effect where q_tot is additive.
        in_turn: one agent improves per step, the first one first. The appendix has all improve at once.
        candidates: see `improve_among`.
    """
    for step in range(2**62):
        q_tot = exact_q(game, joint_policy(policies), alpha)
        yield Iterate(policies, q_tot)
        seen_by = policies if measure == "policies" else np.full_like(policies, 1 / game.n_actions)
        q = factors(game, q_tot, seen_by, alpha, alpha_i)
        better = improve(q, alpha_i) if candidates is None else improve_among(q, alpha_i, candidates)
        moving = np.arange(game.n_agents) == step % game.n_agents if in_turn else np.True_
        policies = np.where(np.reshape(moving, (-1, 1, 1)), better, policies)


def gain(old: Iterate, new: Array, alpha: float) -> Array:
    """How much closer a joint policy `new` `[S, U]` is to the Boltzmann policy of the old q_tot, `[S]`.

    `g = alpha (KL(old || boltzmann) - KL(new || boltzmann))`: the left side of (16) minus the old soft value.
    In every game and for all policies, `v_new - v_old = (I - gamma P_new)^-1 g`: Lemma 2 is `g >= 0`.
    """
    target = boltzmann(old.q_tot, alpha)
    return alpha * (kl(joint_policy(old.policies), target) - kl(new, target))
