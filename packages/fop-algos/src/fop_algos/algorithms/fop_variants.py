"""What is tried in the place of FOP's parts, for comparisons (`fop-bench reproduce routing figure3`).

`FopVariant`: other ways for the gradients of equation 18 (`routing`), the largest `q_i` in the place of the
soft value (`baseline`), the joint entropy in the target (`entropy_in_target`). `FopContinuousVariant`:
`routing`, and DOP's decomposition in the place of equation 18 (`decomposition`, the ablation of D.3).
With every field at its default both are FOP.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos import native_ops
from fop_algos.algorithm import Form
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.returns import td_lambda_target
from fop_algos.functional.temperatures import Alpha
from fop_algos.networks.mixers.base import Mixer, Utilities
from fop_algos.networks.mixers.dop import dop_mixer
from fop_algos.networks.mixers.fop import FopMixer

from .fop import GAMES, Fop, FopConfig
from .fop_continuous import FopContinuous, FopContinuousConfig


@dataclass(frozen=True)
class Routing:
    """How gradients run through FOP's factorisation, and what its `v_jt` is: the published code's way.

    `LITERAL` is equation 18 as printed; what lies between the two is there to be compared.
    """

    gradient: Literal["one", "weight"] = "one"
    """What the gradient to `q_i - v_i` is multiplied with: 1, or `lambda_i`."""
    v_i: Literal["constant", "learned"] = "constant"
    """Whether that gradient goes on through `v_i` to all the values that it is made of."""
    v_jt: Literal["sum", "free"] = "sum"
    """`v(s) + sum_i v_i`, or `v(s)` alone."""


ROUTED = Routing()
LITERAL = Routing("weight", "learned", "free")


class RoutingMixer(FopMixer):
    """Equation 18 with gradients as `routing` says."""

    def __init__(self, weights: nn.Module, v: nn.Module, routing: Routing) -> None:
        super().__init__(weights, v)
        self.routing = routing

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        if self.routing == ROUTED:
            return super().forward(utilities, state)
        lam = self.weights(state, utilities.onehot)
        q, v, v_state = utilities.chosen, utilities.baseline, self.v(state).squeeze(-1)
        if self.routing == LITERAL:
            return native_ops.literal_mix(q, v, lam, v_state)
        v = v.detach() if self.routing.v_i == "constant" else v
        advantage = q - v
        if self.routing.gradient == "one":
            weighted = lam * advantage.detach() + advantage - advantage.detach()
        else:
            weighted = lam * advantage
        q_tot: Tensor = weighted.sum(-1) + v_state
        return q_tot + v.sum(-1) if self.routing.v_jt == "sum" else q_tot


# ---- Discrete actions --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FopVariantConfig(FopConfig):
    """FOP's fields, and what is tried in the place of its parts."""

    routing: Routing = ROUTED
    """How gradients run through equation 18: as in the published code; other ways for comparisons."""
    baseline: Literal["soft", "max"] = "soft"
    """What an individual value is compared with in equation 18: the soft value v_i, or the largest q_i (for
    comparisons)."""
    entropy_in_target: Literal["mean", "joint"] = "mean"
    """`mean`: the published code's form, alpha times the agents' mean log-policy, once, outside the
    lambda-return. `joint`: the theory's, alpha times the joint log-policy in every value backed up."""


class FopVariant(Fop):
    """FOP with parts replaced, as `config` says."""

    config: FopVariantConfig

    def make_mixer(self) -> FopMixer:
        mixer = super().make_mixer()
        return RoutingMixer(mixer.weights, mixer.v, self.config.routing)

    def q_tot(
        self,
        mixer: FopMixer,
        q: Tensor,
        actions: Tensor,
        joint_action: Tensor,
        available: Tensor,
        state: Tensor,
        alpha_i: Alpha,
    ) -> Tensor:
        chosen = q.gather(-1, actions.unsqueeze(-1)).squeeze(-1)
        source = q if self.config.routing.v_i == "learned" else q.detach()
        if self.config.baseline == "max":
            v = source.masked_fill(~available, -torch.inf).amax(-1)
            v = torch.where(available.any(-1), v, 0.0)
        else:
            v = self.v(source, available, alpha_i)
        return mixer.forward(Utilities(chosen, v, joint_action), state)

    def soft_return(
        self, batch: EpisodeBatch, next_q_tot: Tensor, next_log_pi: Tensor, alpha: Alpha
    ) -> Tensor:
        """B.1's with `entropy_in_target=joint`: TD(lambda) of `q_tot - alpha sum_i log pi_i(u'_i)`."""
        if self.config.entropy_in_target == "mean":
            return super().soft_return(batch, next_q_tot, next_log_pi, alpha)
        next_v = next_q_tot - alpha * next_log_pi.sum(-1)
        return td_lambda_target(batch, next_v, self.config.gamma, self.config.td_lambda)


# ---- Continuous actions ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FopContinuousVariantConfig(FopContinuousConfig):
    """FOP's fields, and what is tried in the place of its parts."""

    decomposition: Literal["fop", "dop"] = "fop"
    """What q_tot is made of: `fop`, equation 18; `dop`, DOP's sum_i k_i(s) q_i + b(s), all else unchanged
    (the ablation of D.3)."""
    routing: Routing = ROUTED
    """How gradients run through equation 18: as in the published code; other ways for comparisons."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.routing.v_i == "learned":
            raise ValueError(
                "routing.v_i is learned; with continuous actions v_i is a net of its own: constant"
            )
        if self.decomposition == "dop" and self.alpha_i != "tied":
            raise ValueError(
                f"alpha_i is {self.alpha_i}, learned from FOP's weights; with dop it must be tied"
            )


class FopContinuousVariant(FopContinuous):
    """FOP with parts replaced, as `config` says."""

    config: FopContinuousVariantConfig

    def make_mixer(self) -> Mixer:
        if self.config.decomposition == "dop":
            return dop_mixer("mlp", self.spec, self.config.hidden)
        mixer = super().make_mixer()
        assert isinstance(mixer, FopMixer)
        return RoutingMixer(mixer.weights, mixer.v, self.config.routing)


SUMMARY = "FOP with parts replaced by others: routing, baseline, entropy, decomposition (for comparisons)"

FORMS = (
    Form(
        name="fop-variant",
        summary=SUMMARY,
        make=FopVariant,
        games=FopVariantConfig(**vars(GAMES)),
        smac=FopVariantConfig(),
        variant_of="fop",
        former_fields={"routing": asdict(ROUTED), "baseline": "soft", "entropy_in_target": "mean"},
    ),
    Form(
        name="fop-variant",
        summary=SUMMARY,
        make=FopContinuousVariant,
        games=FopContinuousVariantConfig(),
        smac=FopContinuousVariantConfig(),
        action_kind="continuous",
        variant_of="fop",
        former_fields={"routing": asdict(ROUTED), "decomposition": "fop"},
    ),
)
