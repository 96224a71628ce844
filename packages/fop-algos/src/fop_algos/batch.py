"""Episodes as tensors, with what every learner derives from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from fop_core.types import Episodes


@dataclass(frozen=True)
class EpisodeBatch:
    """`fop_core.types.Episodes` as tensors; on the CPU they share their memory: valid until the replay's next
    sample.

    Shapes as there: steps `0..T-1` are transitions, index `T` of `obs`, `state` and `available` is what an
    episode ended in. `is_one_step`: every episode ended at its first step, so that no target bootstraps from
    anything.
    """

    obs: Tensor
    state: Tensor
    available: Tensor
    actions: Tensor
    reward: Tensor
    terminated: Tensor
    mask: Tensor
    label: Tensor
    is_one_step: bool = False

    @classmethod
    def of(cls, episodes: Episodes, device: torch.device | str = "cpu") -> EpisodeBatch:
        names = ("obs", "state", "available", "actions", "reward", "terminated", "mask", "label")
        tensors = {name: torch.from_numpy(getattr(episodes, name)).to(device) for name in names}
        one_step = episodes.mask.shape[-1] == 1 and bool(episodes.terminated.all())
        return cls(**tensors, is_one_step=one_step)

    @cached_property
    def onehot(self) -> Tensor:
        """`[B, T, N, A]` float32, the actions taken."""
        return onehot(self.actions, self.available.shape[-1])

    @cached_property
    def last_onehot(self) -> Tensor:
        """`[B, T+1, N, A]` float32, the actions before each observation; zeros at step 0."""
        return F.pad(self.onehot, (0, 0, 0, 0, 1, 0))

    @cached_property
    def now(self) -> Steps:
        """What was seen at steps `0..T-1`, where the actions were taken."""
        return Steps(self, slice(None, -1))

    @cached_property
    def next(self) -> Steps:
        """What was seen at steps `1..T`, which the actions led to."""
        return Steps(self, slice(1, None))


class Steps:
    """`T` of a batch's `T + 1` observations, as views: `batch.now` or `batch.next`."""

    def __init__(self, batch: EpisodeBatch, steps: slice) -> None:
        self._batch = batch
        self._steps = steps

    @property
    def obs(self) -> Tensor:
        """`[B, T, N, O]`."""
        return self.of(self._batch.obs)

    @property
    def state(self) -> Tensor:
        """`[B, T, S]`."""
        return self._batch.state[..., self._steps, :]

    @property
    def available(self) -> Tensor:
        """`[B, T, N, A]` bool."""
        return self.of(self._batch.available)

    @property
    def last_onehot(self) -> Tensor:
        """`[B, T, N, A]` float32, the actions before."""
        return self.of(self._batch.last_onehot)

    def of(self, values: Tensor) -> Tensor:
        """The same steps of what agents have at all of them: `[B, T+1, N, X]` to `[B, T, N, X]`."""
        return values[..., self._steps, :, :]


def onehot(actions: Tensor, n_actions: int) -> Tensor:
    """`[...]` int64 to `[..., n_actions]` float32."""
    zeros = torch.zeros(*actions.shape, n_actions, device=actions.device)
    return zeros.scatter_(-1, actions.unsqueeze(-1), 1.0)
