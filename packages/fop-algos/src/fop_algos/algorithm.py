"""What the loop, the evaluation and the checkpoints know of an algorithm, and what all algorithms share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from fop_core.errors import NotFinite
from fop_core.protocols import Replay
from fop_core.types import Clock, TaskSpec


def within(config: object, least: float, most: float, *names: str) -> None:
    """Checks fields of a config; `alpha.end` is a field of a field, and of a tuple every entry is checked.

    Raises:
        ValueError: one of them isn't in `[least, most]` (NaN never is).
    """
    for name in names:
        value = attrgetter(name)(config)
        if not all(least <= x <= most for x in (value if isinstance(value, tuple) else (value,))):
            needed = (
                f"it must be from {least:g} to {most:g}"
                if most < math.inf
                else f"at least {least:g} is needed"
            )
            raise ValueError(f"{name} is {value}; {needed}")


@dataclass(frozen=True, kw_only=True)
class RoundConfig:
    """How much is played and how often is learned. How many environments step together isn't part of it."""

    episodes_per_round: int = 1
    """Episodes collected between updates, all with the schedules' values at the round's start."""
    updates_per_round: int = 1
    """Updates after each round."""
    burn_in_episodes: int = 32
    """Episodes collected before the first update."""
    buffer_episodes: int = 5000
    """Episodes that the replay holds; then the oldest are overwritten."""
    batch_episodes: int = 32
    """Episodes in the batch of an update."""

    def __post_init__(self) -> None:
        within(
            self, 1, math.inf, "episodes_per_round", "updates_per_round", "buffer_episodes", "batch_episodes"
        )
        if self.batch_episodes > self.burn_in_episodes:
            raise ValueError(
                f"burn_in_episodes is {self.burn_in_episodes}, less than one batch ({self.batch_episodes})"
            )
        if self.batch_episodes > self.buffer_episodes:
            raise ValueError(
                f"buffer_episodes is {self.buffer_episodes}, less than one batch ({self.batch_episodes})"
            )


class Algorithm(Protocol):
    """Acts, and learns from a replay.

    Everything that learning changes is in `modules`, `optimisers` and `counters`: a checkpoint saves these.
    """

    name: str
    spec: TaskSpec
    seed: int
    modules: nn.ModuleDict
    optimisers: dict[str, torch.optim.Optimizer]
    counters: dict[str, int]

    @property
    def config(self) -> RoundConfig: ...

    def start(self, rows: int) -> Tensor:
        """The memory of `rows` teams before their first step: zeros `[rows, N, M]`."""
        ...

    def act(
        self, obs: Tensor, available: Tensor, memory: Tensor, uniform: Tensor, clock: Clock, explore: bool
    ) -> tuple[Tensor, Tensor]:
        """Chooses actions; call it under `torch.inference_mode`.

        Args:
            obs: `[B, N, O]`.
            available: `[B, N, A]` bool; rows without an available action get action 0.
            memory: from `start` or the step before.
            uniform: `[B, N, 2]` in [0, 1), the randomness of exploration.
            clock: the start of the collection round.
            explore: False for tests.

        Returns:
            Actions `[B, N]` int64 and the new memory.
        """
        ...

    def update(self, replay: Replay, clock: Clock) -> dict[str, float]:
        """One learning step; returns what is worth a curve.

        Raises:
            NotFinite: a loss was NaN or infinite; no net was changed by that loss.
        """
        ...

    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        """`q_tot` `[B]` of joint actions `[B, N]` at an episode's first step (for reports and tests)."""
        ...


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Builds nets from `seed` and leaves torch's global random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def generator(seed: int, clock: Clock) -> torch.Generator:
    """The randomness of one update: a function of seed and update count, so that nothing needs saving."""
    return torch.Generator().manual_seed((seed * 0x9E3779B97F4A7C15 + clock.updates) % 2**63)


def make_optimiser(
    kind: Literal["adam", "rmsprop"], nets: Iterable[nn.Module], learning_rate: float
) -> torch.optim.Optimizer:
    """Adam with its defaults, or RMSprop as in PyMARL (smoothing 0.99, epsilon 1e-5)."""
    parameters = [p for net in nets for p in net.parameters()]
    if kind == "adam":
        return torch.optim.Adam(parameters, lr=learning_rate, fused=True)
    return torch.optim.RMSprop(parameters, lr=learning_rate, alpha=0.99, eps=1e-5, foreach=True)


def finite(name: str, value: Tensor, clock: Clock) -> float:
    """A loss as a number.

    Raises:
        NotFinite: it is NaN or infinite.
    """
    number = value.item()
    if not math.isfinite(number):
        raise NotFinite(f"{name} is {number} at update {clock.updates + 1} ({clock.env_steps} steps)")
    return number


def clip(name: str, optimiser: torch.optim.Optimizer, max_norm: float, clock: Clock) -> float:
    """Scales the gradients of the loss `name` down to `max_norm`; returns their norm before.

    Raises:
        NotFinite: the norm is NaN or infinite.
    """
    gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    number = finite(f"the gradient of {name}", norm, clock)
    if number > max_norm:
        torch._foreach_mul_(gradients, max_norm / number)
    return number


def numbers(**tensors: Tensor) -> dict[str, float]:
    """Scalars as numbers, fetched together."""
    return dict(zip(tensors, torch.stack(list(tensors.values())).tolist(), strict=True))
