"""The one signature of all mixers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Utilities:
    """What a mixer may read of the agents.

    Attributes:
        chosen: `[..., N]` values of the chosen actions.
        baseline: `[..., N]` what they are compared with: FOP's soft value `v_i`, QPLEX's `max_a q_i`.
        onehot: `[..., N, A]` the joint action; where actions are continuous, themselves `[..., N, D]`.
    """

    chosen: Tensor
    baseline: Tensor
    onehot: Tensor


class Mixer(nn.Module, ABC):
    """The one signature."""

    @abstractmethod
    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        """`[..., N]` values and a state `[..., S]` to `q_tot` `[...]`."""

    def penalty(self, state: Tensor) -> Tensor:
        """What the mixer adds to the loss at each state `[...]`: nothing, unless it has a regulariser."""
        return state.new_zeros(state.shape[:-1])
