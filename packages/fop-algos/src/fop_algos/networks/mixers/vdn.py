"""VDN: the sum."""

from __future__ import annotations

from torch import Tensor

from .base import Mixer, Utilities


class VdnMixer(Mixer):
    """`q_tot = sum_i q_i` (Sunehag et al., 2018)."""

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        return utilities.chosen.sum(-1)
