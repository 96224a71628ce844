"""What methods that mix individual values share: settings, mixers by name, double-Q targets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fop_algos.algorithm import check_range
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.exploration import greedy
from fop_algos.functional.returns import td_lambda_target
from fop_algos.networks.mixers.base import Mixer, Utilities
from fop_algos.networks.mixers.fop import HeadWeights
from fop_algos.networks.mixers.qatten import QattenMixer
from fop_algos.networks.mixers.qmix import QmixMixer
from fop_algos.networks.mixers.qplex import DeepHeadWeights, QplexMixer
from fop_algos.networks.mixers.vdn import VdnMixer
from fop_core.types import TaskSpec

from .utility_agents import UtilityConfig


@dataclass(frozen=True, kw_only=True)
class MixerConfig(UtilityConfig):
    """Defaults: PyMARL's on SMAC."""

    mixer: Literal["vdn", "qmix", "qplex", "qatten", "none"] = "qmix"
    """How utilities make the joint value; IQL has none."""
    mixer_embed: int = 32
    """Width of QMIX's mixing layer; length of Qatten's queries and keys."""
    hypernet_hidden: int = 64
    """Width of the hidden layers of the mixers' hypernets and of QPLEX's weight nets."""
    heads: int = 4
    """Kernels of QPLEX's weights, attention heads of Qatten."""
    weight_layers: int = 1
    """Linear layers in each map of QPLEX's weights: 1 as in its code for SMAC, 3 as for matrix games."""
    logit_penalty: float = 1e-3
    """Weight of the squares of Qatten's attention logits in the loss."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, math.inf, "mixer_embed", "hypernet_hidden", "heads")
        check_range(self, 0, math.inf, "logit_penalty")
        if self.weight_layers not in (1, 3):
            raise ValueError(f"weight_layers is {self.weight_layers}; it must be 1 or 3")


def make_mixer(spec: TaskSpec, config: MixerConfig) -> Mixer:
    """The mixer that `config` names.

    Raises:
        ValueError: it names none.
    """
    hypernet = config.hypernet_hidden
    if config.mixer == "vdn":
        return VdnMixer()
    if config.mixer == "qmix":
        return QmixMixer(spec, config.mixer_embed, hypernet)
    if config.mixer == "qplex":
        deep = config.weight_layers == 3
        weights = DeepHeadWeights(spec, config.heads, hypernet) if deep else HeadWeights(spec, config.heads)
        return QplexMixer(spec, weights, hypernet)
    if config.mixer == "qatten":
        return QattenMixer(spec, config.heads, config.mixer_embed, hypernet, config.logit_penalty)
    raise ValueError("mixer is none, which only iql takes; needed: vdn, qmix, qplex or qatten")


def utilities(q: Tensor, actions: Tensor, joint_action: Tensor, available: Tensor) -> Utilities:
    """Of all individual values `[..., N, A]`, with the best available ones as (constant) baselines."""
    chosen = q.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
    best = q.detach().masked_fill(~available, -torch.inf).amax(-1)
    best = torch.where(available.any(-1), best, chosen.detach())  # padding has no available action
    return Utilities(chosen, best, joint_action)


def double_q(batch: EpisodeBatch, q: Tensor, target_q: Tensor) -> Utilities:
    """What the frozen net holds of the live net's choices at each next step.

    Args:
        batch: of `[B, T]` steps.
        q: the live net's values `[B, T+1, N, A]`.
        target_q: the frozen net's.
    """
    best = greedy(batch.next.of(q), batch.next.available)
    return utilities(
        batch.next.of(target_q), best, onehot(best, batch.available.shape[-1]), batch.next.available
    )


def double_q_target(
    batch: EpisodeBatch, q: Tensor, target_q: Tensor, target_mixer: Mixer, gamma: float
) -> Tensor:
    """One-step targets `[B, T]`: `r + gamma (1 - term) target_q_tot` of what `double_q` gives."""
    next_q_tot = target_mixer.forward(double_q(batch, q, target_q), batch.next.state)
    return td_lambda_target(batch, next_q_tot, gamma, 0.0)
