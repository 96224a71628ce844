"""Temperature adjustment (C). Expectations are exact, over all actions at each tau."""

from __future__ import annotations

import numpy as np

from .factorisation import joint_policy, of_joint_actions
from .games import Array
from .soft_values import entropy


def team_objective(alpha: float, policy: Array, target_entropy: float) -> float:
    """`J(alpha) = E[-alpha log pi_tot - alpha target]`, a mean over tau; `policy` is the joint `[S, U]`."""
    return alpha * team_gradient(policy, target_entropy)


def team_gradient(policy: Array, target_entropy: float) -> float:
    """`dJ / dalpha = H(pi_tot) - target`: descent cools a policy that is more random than wanted."""
    return float((entropy(policy) - target_entropy).mean())


def individual_alpha(alpha: float, weights: Array, advantages: Array, policies: Array) -> Array:
    """(17), per tau: `alpha E_{u_i}[q_i - v_i] / E_u[lambda_i (q_i - v_i)]`, `[N, S]`.

    Args:
        weights: `[N, S, U]` lambda.
        advantages: `[N, S, A]`.
        policies: `[N, S, A]`.
    """
    own = (policies * advantages).sum(-1)
    team = (joint_policy(policies) * weights * of_joint_actions(advantages)).sum(-1)
    ratio: Array = own / team
    return alpha * ratio


def smoothed(alpha_i: Array, goal: Array, epsilon: float = 1e-4) -> Array:
    """`(1 - epsilon) alpha_i + epsilon goal`, where the goal is (17)'s right side."""
    return (1 - epsilon) * alpha_i + epsilon * goal


def individual_objective(alpha_i: Array, alpha: float, weights: Array, policies: Array) -> Array:
    """`J(alpha_i) = E_u[(alpha_i - alpha / lambda_i)^2]`, `[N, S]`; `weights` `[N, S, U]` positive."""
    density = joint_policy(policies)
    objective: Array = (density * np.square(alpha_i[..., None] - alpha / weights)).sum(-1)
    return objective


def individual_minimiser(alpha: float, weights: Array, policies: Array) -> Array:
    """Where `J(alpha_i)` is least: `alpha E_u[1 / lambda_i]`, `[N, S]`; in general not (17)."""
    density = joint_policy(policies)
    best: Array = alpha * (density / weights).sum(-1)
    return best
