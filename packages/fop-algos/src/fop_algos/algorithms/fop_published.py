"""FOP with the equations of its published SMAC code (liyheng/FOP @ e100a97) where they aren't the paper's.

They are stated here to be compared with, not recommended: policies, exploration, soft values, targets.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fop_algos.algorithm import Form
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.exploration import draw
from fop_algos.functional.schedules import Temperature
from fop_algos.functional.temperatures import Alpha
from fop_algos.native_ops import SoftValue, soft_value

from .fop import GAMES, Fop, FopConfig

UNAVAILABLE = 1e-10
"""What the code writes as the probability of an unavailable action, so that its logarithm is finite."""


@dataclass(frozen=True, kw_only=True)
class FopPublishedConfig(FopConfig):
    """FOP's fields; temperatures are annealed and tied."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha.kind == "automatic" or self.alpha_i != "tied":
            raise ValueError(
                f"alpha.kind is {self.alpha.kind} and alpha_i {self.alpha_i}; the published code's "
                "temperatures are annealed and tied"
            )


PUBLISHED = FopPublishedConfig(critic="shared_mlp", alpha=Temperature(0.5, 0.05, 90_000))
"""The published code on SMAC: no recurrence in the critics, and alpha at its floor after 90,000 steps."""


class FopPublished(Fop):
    """FOP as its published code has it, slips included."""

    config: FopPublishedConfig

    def policy(self, logits: Tensor, available: Tensor, epsilon: float) -> SoftValue:
        return policy(logits, available, epsilon)

    def explore(self, logits: Tensor, available: Tensor, epsilon: float, uniform: Tensor) -> Tensor:
        return sample(logits, available, epsilon, uniform)

    def v(self, q: Tensor, available: Tensor, alpha_i: Alpha) -> Tensor:
        """Over all actions, unavailable ones included."""
        return soft_value(q, None, alpha_i).v

    def soft_return(
        self, batch: EpisodeBatch, next_q_tot: Tensor, next_log_pi: Tensor, alpha: Alpha
    ) -> Tensor:
        assert isinstance(alpha, float)
        return target(batch, next_q_tot, next_log_pi, alpha, self.config.gamma, self.config.td_lambda)


def policy(logits: Tensor, available: Tensor, epsilon: float) -> SoftValue:
    """Softmax over all actions, epsilon mixed in over all actions, unavailable ones zeroed, normalised anew.

    The gradient through the logits is scaled by `1 - epsilon`: at `epsilon = 1` there is none. `v` is 0.
    """
    mixed = (1 - epsilon) * logits.softmax(-1) + epsilon / logits.shape[-1]
    kept = torch.where(available, mixed, 0.0)
    pi = kept / kept.sum(-1, keepdim=True).clamp(min=1e-8)  # rows without an available action stay zero
    pi = torch.where(available, pi, UNAVAILABLE)
    log_pi = pi.log()
    return SoftValue(torch.zeros_like(pi[..., 0]), pi, log_pi, -(pi * log_pi).sum(-1))


def sample(logits: Tensor, available: Tensor, epsilon: float, uniform: Tensor) -> Tensor:
    """Draws from `policy`, then replaces the draw by a uniform available action with probability epsilon.

    So epsilon is applied twice.
    """
    pi = torch.where(available, policy(logits, available, epsilon).policy, 0.0)
    coin = uniform[..., 1]
    # Given coin < epsilon, coin / epsilon is uniform again.
    random = draw(available.to(pi.dtype), (coin / max(epsilon, 1e-8)).clamp(max=1 - 2**-24))
    return torch.where(coin < epsilon, random, draw(pi, uniform[..., 0]))


def target(
    batch: EpisodeBatch, next_q_tot: Tensor, next_log_pi: Tensor, alpha: float, gamma: float, lam: float
) -> Tensor:
    """`G_t - alpha mean_i log pi_i(u'_{t+1})`: no discount on the entropy, and one at the episode's end too.

    `G_T = q_T (1 - sum_t term_t)`;
    `G_t = lam gamma G_{t+1} + mask_t [r_t + (1 - lam) gamma q_{t+1} (1 - term_t)]`,
    which is right only where every episode that was cut off has the batch's full length.
    """
    mask, live = batch.mask.to(next_q_tot.dtype), (~batch.terminated).to(next_q_tot.dtype)
    follow = next_q_tot[:, -1] * (1 - batch.terminated.sum(1))
    returns = torch.zeros_like(batch.reward)
    for t in reversed(range(batch.reward.shape[1])):
        step = batch.reward[:, t] + (1 - lam) * gamma * next_q_tot[:, t] * live[:, t]
        follow = lam * gamma * follow + mask[:, t] * step
        returns[:, t] = follow
    return torch.where(batch.mask, returns - alpha * next_log_pi.mean(-1), 0.0)


FORMS = (
    Form(
        name="fop-published",
        summary="FOP with the equations of its published SMAC code, slips included (for comparisons)",
        make=FopPublished,
        games=FopPublishedConfig(**vars(GAMES)),
        smac=PUBLISHED,
        variant_of="fop",
        former_fields={"compat": "paper"},
    ),
)
