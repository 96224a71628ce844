"""How actions are drawn. Pure functions of uniforms, so that a draw belongs to its episode and step alone."""

from __future__ import annotations

import torch
from torch import Tensor

from fop_algos.batch import onehot
from fop_algos.native_ops import soft_value


def draw(policy: Tensor, uniform: Tensor) -> Tensor:
    """Draws from unnormalised probabilities by inverting their running sum; never an entry of 0.

    Args:
        policy: `[..., A]`, not negative, a positive sum in every row that matters (a zero row gives 0).
        uniform: `[...]` in [0, 1).

    Returns:
        `[...]` int64 indices.
    """
    cdf = policy.cumsum(-1)
    total = cdf[..., -1]
    # Rounding may lift u * total to the total itself: one step below keeps the draw on a positive entry.
    below_total = torch.nextafter(total, torch.zeros_like(total))
    threshold = torch.minimum(uniform * total, below_total).unsqueeze(-1)
    index = (cdf <= threshold).sum(-1)
    return torch.where(total > 0, index, 0)


def greedy(values: Tensor, available: Tensor) -> Tensor:
    """The available action of the highest value; the first of equals. `[..., A]` to `[...]` int64."""
    return values.masked_fill(~available, -torch.inf).argmax(-1)


def rescaled_uniform(coin: Tensor, epsilon: float) -> Tensor:
    """What a uniform `coin` `[...]` still holds once `coin < epsilon` is known: a uniform in [0, 1].

    It doesn't depend on that verdict, so it can decide something else.
    """
    if not 0 < epsilon < 1:
        return coin
    return torch.where(coin < epsilon, coin / epsilon, (coin - epsilon) / (1 - epsilon))


def epsilon_greedy(q: Tensor, available: Tensor, epsilon: float, uniform: Tensor) -> Tensor:
    """With probability epsilon a uniform available action, else the greedy one.

    Args:
        q: `[..., A]`.
        available: `[..., A]` bool.
        epsilon: 0 to 1.
        uniform: `[..., 2]` in [0, 1): the coin, and the action's draw.

    Returns:
        `[...]` int64 actions.
    """
    random = draw(available.to(q.dtype), uniform[..., 1])
    return torch.where(uniform[..., 0] < epsilon, random, greedy(q, available))


def epsilon_mixture(policy: Tensor, available: Tensor, epsilon: float) -> Tensor:
    """`(1 - epsilon) pi + epsilon / |available|` over the available actions; zero rows stay zero."""
    count = available.sum(-1, keepdim=True).clamp(min=1)
    return (1 - epsilon) * policy + epsilon * available.to(policy.dtype) / count


def straight_through(logits: Tensor, available: Tensor, uniform: Tensor) -> Tensor:
    """One-hot draws from the softmax over available actions, with the gradient of a relaxed draw.

    Forward `onehot(argmax_a(logits_a + g_a))` with Gumbel noise `g = -log(-log(uniform))`, which follows the
    softmax; backward as `softmax(logits + g)` (Jang et al., "Categorical reparameterization with
    Gumbel-softmax", 2017, at temperature 1).

    Args:
        logits: `[..., A]`.
        available: `[..., A]` bool; rows without an available action give action 0 and no gradient.
        uniform: `[..., A]` in [0, 1).

    Returns:
        `[..., A]`, one-hot up to rounding.
    """
    gumbel = -torch.log(-torch.log(uniform.clamp(min=2**-25)))
    noisy = logits + gumbel
    relaxed = soft_value(noisy, available, 1.0).policy
    hard = onehot(greedy(noisy, available), logits.shape[-1])
    return relaxed + (hard - relaxed).detach()
