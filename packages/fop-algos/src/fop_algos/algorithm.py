"""What the loop, the evaluation and the checkpoints know of an algorithm, and what all algorithms share."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal, Protocol, Self, TypeVar, overload, runtime_checkable

import torch
from torch import Tensor, nn

from fop_core.errors import NotFinite
from fop_core.protocols import Samples
from fop_core.types import ActionKind, Clock, TaskSpec


def check_range(config: object, least: float, most: float, *names: str) -> None:
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
    uniform_episodes: int = 0
    """Episodes at the start in which every agent draws its actions uniformly."""
    buffer_episodes: int = 5000
    """Episodes that the replay holds; then the oldest are overwritten."""
    batch_episodes: int = 32
    """Episodes in the batch of an update."""

    def __post_init__(self) -> None:
        check_range(self, 0, math.inf, "uniform_episodes")
        check_range(
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


Metrics = dict[str, Any]
"""Numbers worth a curve by name: a float each; in a stack of seeds a list with one for each seed."""

NetT = TypeVar("NetT", bound="nn.Module | list[Any]")
"""A net, or a list of nets."""


class Algorithm(ABC):
    """Acts, and learns from a replay; with what all share: nets and optimisers, gradient steps, randomness.

    Those that can value actions say so by a method: `HasJointValue`, `HasIndividualValues`.

    Everything that learning changes is in `modules`, `optimisers` and `counters`: a checkpoint saves these,
    a stack of seeds is made from them. `register` and `register_optimiser` put nets and optimisers there.

    One object learns either for one `seed` or, after `training.stack.stacked`, for several at once: then
    `seeds` names them, and every tensor has their number in front of its shape. An algorithm that addresses
    dimensions from the end needs to know nothing else of it.
    """

    config: RoundConfig

    def __init__(self, name: str, spec: TaskSpec, config: RoundConfig, seed: int) -> None:
        self.name = name
        self.spec = spec
        self.config = config
        self.seed = seed
        self.seeds: tuple[int, ...] | None = None
        self.counters = {"target_copied_at": 0}
        self.device = torch.device("cpu")
        self.modules = nn.ModuleDict()
        self.optimisers: dict[str, torch.optim.Optimizer] = {}

    @overload
    def register(self, name: str, net: NetT) -> NetT: ...

    @overload
    def register(self, name: str, net: NetT, *, target: Literal[True]) -> tuple[NetT, NetT]: ...

    def register(self, name: str, net: NetT, *, target: bool = False) -> NetT | tuple[NetT, NetT]:
        """Puts a net, or a list of nets, into `modules`; with `target` a frozen copy of it, too.

        Args:
            name: the net's key in checkpoints; its copy's is `target_<name>`, which `copy_targets` renews.
            net: one or several.
            target: whether there is a copy.

        Returns:
            `net`, or `net` and its copy.
        """
        self.modules[name] = nn.ModuleList(net) if isinstance(net, list) else net
        if not target:
            return net
        frozen = copy.deepcopy(net)
        self.register(f"target_{name}", frozen)
        self.modules[f"target_{name}"].requires_grad_(False)
        return net, frozen

    def register_optimiser(
        self, name: str, kind: Literal["adam", "rmsprop"], learning_rate: float, *nets: nn.Module
    ) -> torch.optim.Optimizer:
        """Puts an optimiser of registered `nets` into `optimisers`, whose `name` is its key in checkpoints.

        Adam has its defaults; RMSprop is PyMARL's (smoothing 0.99, epsilon 1e-5).
        """
        parameters = [p for net in nets for p in net.parameters()]
        if kind == "adam":
            self.optimisers[name] = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
        else:
            self.optimisers[name] = torch.optim.RMSprop(
                parameters, lr=learning_rate, alpha=0.99, eps=1e-5, foreach=True
            )
        return self.optimisers[name]

    def to(self, device: torch.device | str) -> Self:
        """Moves the nets to `device`, where batches, memories and everything made of them are from then on.

        Nets are built, and random numbers drawn, on the CPU: they are the same on every device. Move an
        algorithm before it trains: optimisers have nothing to move then.
        """
        self.device = torch.device(device)
        names = {id(parameter): name for name, parameter in self.modules.named_parameters()}
        self.modules.to(self.device)
        moved = dict(self.modules.named_parameters())  # some devices get new parameters
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["params"] = [moved[names[id(parameter)]] for parameter in group["params"]]
        return self

    @property
    def stack(self) -> tuple[int, ...]:
        """What stands in front of every shape: `()`, or `(K,)` for `K` seeds."""
        return () if self.seeds is None else (len(self.seeds),)

    @abstractmethod
    def start(self, rows: int) -> Tensor:
        """The memory of `rows` teams before their first step: zeros `[rows, N, M]`."""

    @abstractmethod
    def act(
        self, obs: Tensor, available: Tensor, memory: Tensor, uniform: Tensor, clock: Clock, explore: bool
    ) -> tuple[Tensor, Tensor]:
        """Chooses actions; call it under `torch.inference_mode`.

        Args:
            obs: `[B, N, O]`.
            available: `[B, N, A]` bool (continuous: `A = 0`); rows without an available action get action 0.
            memory: from `start` or the step before.
            uniform: `[B, N, 2]` in [0, 1), the randomness of exploration.
            clock: the start of the collection round.
            explore: False for tests.

        Returns:
            Actions `[B, N]` int64 (continuous: `[B, N, D]` float32, within bounds) and the new memory.
        """

    def label(self, memory: Tensor) -> Tensor:
        """What to store with an episode for learning: `[B]` int64, from the memory after its last step."""
        return memory.new_zeros(memory.shape[:-2], dtype=torch.int64)

    @abstractmethod
    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """One learning step; returns what is worth a curve.

        Raises:
            NotFinite: a loss was NaN or infinite; no net was changed by that loss.
        """

    def plays_uniformly(self, clock: Clock, explore: bool) -> bool:
        """Is this one of the `uniform_episodes` at the start?"""
        return explore and clock.episodes < self.config.uniform_episodes

    def memory(self, rows: int, size: int) -> Tensor:
        """Zeros `[rows, N, M]`."""
        return torch.zeros(*self.stack, rows, self.spec.n_agents, size, device=self.device)

    def draws(self, clock: Clock) -> Draws:
        """The randomness of one update."""
        return Draws(self.seed, self.seeds, clock, self.device)

    def gradient_step(
        self, name: str, loss: Tensor, optimiser: torch.optim.Optimizer, max_norm: float, clock: Clock
    ) -> Metrics:
        """One step of `optimiser` down the gradient of `loss`, scaled down to the norm `max_norm`.

        In a stack each seed's gradient has its own norm. A seed whose loss or gradient isn't finite isn't
        changed by it, and the others go on.

        Returns:
            The loss under its name, and the norm of its gradient.

        Raises:
            NotFinite: the loss or its gradient is NaN or infinite; nothing was changed.
        """
        if self.seeds is None:
            value = finite(name, loss, clock)
            optimiser.zero_grad()
            loss.backward()
            norm = clip(name, optimiser, max_norm, clock)
            optimiser.step()
            return {name: value, f"{name}_gradient": norm}
        optimiser.zero_grad()
        loss.sum().backward()
        norms = clip_rows(loss.detach(), optimiser, max_norm)
        optimiser.step()
        return {name: loss.detach(), f"{name}_gradient": norms}

    def copy_targets(self, clock: Clock, every: int) -> None:
        """Copies each net `x` into `target_x` when `every` episodes have passed since the last time."""
        if clock.episodes - self.counters["target_copied_at"] < every:
            return
        for target in self.modules:
            if target.startswith("target_"):
                source = self.modules[target.removeprefix("target_")]
                self.modules[target].load_state_dict(source.state_dict())
        self.counters["target_copied_at"] = clock.episodes


@runtime_checkable
class HasJointValue(Protocol):
    """An algorithm that has a value of the team's joint actions; ask with `isinstance`."""

    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        """`q_tot` `[B]`, in units of the reward, of joint actions `[B, N]` (continuous: `[B, N, D]`) at an
        episode's first step (for reports and tests).
        """
        ...


@runtime_checkable
class HasIndividualValues(Protocol):
    """An algorithm that has values of each agent's single actions; ask with `isinstance`."""

    def individual_values(self, obs: Tensor, state: Tensor) -> Tensor:
        """`q_i` `[B, N, A]` of every action at an episode's first step (for reports)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Form:
    """An algorithm for one kind of actions. Its file lists its forms in `FORMS`, where the catalogue finds
    them; forms for discrete and for continuous actions share a name.

    Attributes:
        name: in the catalogue.
        summary: one line.
        make: `make(name, spec, config, seed)`.
        games: config for one-step games.
        smac: config for SMAC and everything with a history, of the same class.
        action_kind: the actions that it chooses.
        one_step_only: it has no state and plays one-step games only.
        variant_of: the algorithm that it varies for comparisons; `all` leaves variants out.
        former_fields: fields that chose this form in the config of `variant_of` before it had a name of its
            own, each with the value that didn't.
    """

    name: str
    summary: str
    make: Callable[..., Algorithm]
    games: RoundConfig
    smac: RoundConfig
    action_kind: ActionKind = "discrete"
    one_step_only: bool = False
    variant_of: str | None = None
    former_fields: Mapping[str, Any] = field(default_factory=dict)


class Draws:
    """Random numbers of one update: a function of seed and update count, so that nothing needs saving.

    They are drawn on the CPU, whatever the device is that they go to: the same numbers everywhere.
    """

    def __init__(
        self,
        seed: int,
        seeds: tuple[int, ...] | None,
        clock: Clock,
        device: torch.device | str = "cpu",
    ) -> None:
        self._device = device
        self._stacked = seeds is not None
        self._streams = [
            torch.Generator().manual_seed((s * 0x9E3779B97F4A7C15 + clock.updates) % 2**63)
            for s in (seeds or (seed,))
        ]

    def uniform(self, shape: Sequence[int]) -> Tensor:
        """In [0, 1); a stack's seeds are `shape[0]`."""
        return self._drawn(torch.rand, shape)

    def normal(self, shape: Sequence[int]) -> Tensor:
        """Standard normal; a stack's seeds are `shape[0]`."""
        return self._drawn(torch.randn, shape)

    def _drawn(self, draw: Callable[..., Tensor], shape: Sequence[int]) -> Tensor:
        if not self._stacked:
            return draw(shape, generator=self._streams[0]).to(self._device)
        rows = [draw(shape[1:], generator=stream) for stream in self._streams]
        return torch.stack(rows).to(self._device)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Builds nets from `seed` and leaves torch's global random state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


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


def clip_rows(losses: Tensor, optimiser: torch.optim.Optimizer, max_norm: float) -> Tensor:
    """`clip` for each of `K` seeds: gradients `[K, ...]`, norms `[K]`; rows not finite become zero."""
    gradients = [p.grad for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    of_tensors = [torch.linalg.vector_norm(g.reshape(len(g), -1), dim=1) for g in gradients]
    norms: Tensor = torch.linalg.vector_norm(torch.stack(of_tensors), dim=0)
    largest = min(max_norm, torch.finfo(norms.dtype).max)
    if bool(((norms <= largest) & torch.isfinite(losses)).all()):
        return norms
    bad = ~(torch.isfinite(losses) & torch.isfinite(norms))
    scale = (max_norm / norms).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.view(-1, *(1,) * (gradient.ndim - 1)))
        gradient[bad] = 0.0
    return norms


def scalars(**tensors: Tensor) -> Metrics:
    """Scalars as numbers (a stack's as lists), fetched together."""
    return dict(zip(tensors, torch.stack(list(tensors.values())).tolist(), strict=True))
