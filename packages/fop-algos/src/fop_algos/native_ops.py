"""The core's kernels as torch operators; the only file in which torch meets the native core.

Legend: `...` any leading shape, `N` agents, `A` actions.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class SoftValue(NamedTuple):
    """What `soft_value` gives: `v` and `entropy` `[...]`, `policy` and `log_policy` `[..., A]`."""

    v: Tensor
    policy: Tensor
    log_policy: Tensor
    entropy: Tensor


def soft_value(q: Tensor, available: Tensor | None, alpha: Tensor | float) -> SoftValue:
    """Soft value and Boltzmann policy over the available actions: `v = alpha log sum_a exp(q_a / alpha)`.

    Args:
        q: `[..., A]` float32 or float64.
        available: `[..., A]` bool, or None where every action is available.
        alpha: temperature > 0: a number, or a tensor `[]` or `[...]`. Gets no gradient.

    Returns:
        `v`, `policy = exp((q - v) / alpha)`, its log and its entropy. Unavailable actions have policy 0 and
        log-policy 0 (so that `policy * log_policy` is right); rows without available actions are zero.
        Gradients reach `q` from all four.
    """
    alpha = torch.as_tensor(alpha, dtype=q.dtype).detach()
    alpha = alpha.expand(q.shape[:-1]).unsqueeze(-1)
    if available is None:
        available = torch.ones_like(q, dtype=torch.bool)
    some = available.any(-1, keepdim=True)
    logits = (torch.where(available, q, 0.0) / alpha).masked_fill(~available & some, -torch.inf)
    log_policy = torch.where(available, logits.log_softmax(-1), 0.0)
    policy = torch.where(available, log_policy.exp(), 0.0)
    v = torch.where(some.squeeze(-1), alpha.squeeze(-1) * logits.logsumexp(-1), 0.0)
    return SoftValue(v, policy, log_policy, -(policy * log_policy).sum(-1))


def routed_mix(q: Tensor, v: Tensor, lam: Tensor, v_state: Tensor) -> Tensor:
    """FOP's joint value with split gradients: `sum_i q_i + v_state + sum_i (lam_i - 1) sg(q_i - v_i)`.

    Numerically `sum_i lam_i (q_i - v_i) + v_jt` with `v_jt = v_state + sum_i v_i`. The gradient is 1 to every
    `q_i` and to `v_state`, `q_i - v_i` to `lam_i`, and none to `v_i`.

    Args:
        q: `[..., N]` values of the chosen actions.
        v: `[..., N]` soft values.
        lam: `[..., N]` weights.
        v_state: `[...]` the state's own value.

    Returns:
        `q_tot` `[...]`.
    """
    return q.sum(-1) + v_state + ((lam - 1) * (q - v).detach()).sum(-1)


def literal_mix(q: Tensor, v: Tensor, lam: Tensor, v_tot: Tensor) -> Tensor:
    """Equation (18) as printed, with all its gradients: `sum_i lam_i (q_i - v_i) + v_tot`.

    Args:
        q: `[..., N]` values of the chosen actions.
        v: `[..., N]` soft values.
        lam: `[..., N]` weights.
        v_tot: `[...]` the joint soft value.

    Returns:
        `q_tot` `[...]`.
    """
    return (lam * (q - v)).sum(-1) + v_tot


def soft_mix(
    q: Tensor, available: Tensor | None, actions: Tensor, alpha: Tensor | float, lam: Tensor, v_state: Tensor
) -> Tensor:
    """`routed_mix` from the values of all actions, in one pass: gather, masked soft value, mix.

    Args:
        q: `[..., N, A]` float32 or float64.
        available: `[..., N, A]` bool, or None where every action is available.
        actions: `[..., N]` int64, the chosen actions.
        alpha: temperature > 0: a number, or a tensor `[]` or `[..., N]`. Gets no gradient.
        lam: `[..., N]` weights.
        v_state: `[...]` the state's own value.

    Returns:
        `q_tot` `[...]`. An agent without any available action (padding) adds nothing and gets no gradient.
    """
    v = soft_value(q.detach(), available, alpha).v
    chosen = q.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
    if available is not None:
        chosen = torch.where(available.any(-1), chosen, 0.0)
    return routed_mix(chosen, v, lam, v_state)


def td_lambda(
    reward: Tensor, values: Tensor, terminated: Tensor, mask: Tensor, gamma: float, lam: float
) -> Tensor:
    """TD(lambda) targets `G_t = r_t + gamma (1 - term_t) [(1 - lam) V_{t+1} + lam G_{t+1}]`, without gradient.

    At an episode's own last step `G_{t+1} = V_{t+1}`: an episode that was cut off bootstraps from the value
    after its last step, whatever the length of the others. Padding is never read: NaN there does no harm.

    Args:
        reward: `[B, T]` float32 or float64.
        values: `[B, T+1]` values; the one at `t + 1` is what step `t` bootstraps from.
        terminated: `[B, T]` bool: the task ended the episode at this step.
        mask: `[B, T]` bool: real steps.
        gamma: discount in [0, 1].
        lam: 0 for one-step targets, 1 for Monte-Carlo returns.

    Returns:
        `[B, T]` targets, zero on padding.
    """
    targets = torch.zeros_like(reward)
    follows = torch.zeros_like(mask[:, 0])
    target = torch.zeros_like(reward[:, 0])
    for t in reversed(range(reward.shape[1])):
        bootstrap = torch.where(follows, (1 - lam) * values[:, t + 1] + lam * target, values[:, t + 1])
        target = reward[:, t] + torch.where(terminated[:, t], 0.0, gamma * bootstrap)
        target = torch.where(mask[:, t], target, 0.0)
        targets[:, t] = target
        follows = mask[:, t]
    return targets.detach()
