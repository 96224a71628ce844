"""All algorithms by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fop_core.errors import FopError, UnknownName
from fop_core.types import ActionKind, TaskSpec

from .algorithm import Algorithm, RoundConfig
from .algorithms import fop, value_decomposition


@dataclass(frozen=True)
class Entry:
    """One algorithm.

    Attributes:
        summary: one line.
        make: `make(name, spec, config, seed)`.
        games: the config for one-step games.
        smac: the config for SMAC and everything with a history. Same class as `games`.
        action_kinds: what actions it can choose.
    """

    summary: str
    make: Callable[..., Algorithm]
    games: RoundConfig
    smac: RoundConfig
    action_kinds: tuple[ActionKind, ...] = ("discrete",)

    def config_for(self, spec: TaskSpec) -> RoundConfig:
        """`games` for one-step tasks, else `smac`."""
        return self.games if spec.episode_limit == 1 else self.smac


_VALUE_GAMES, _VALUE_SMAC = value_decomposition.GAMES, value_decomposition.ValueDecompositionConfig()

CATALOGUE: dict[str, Entry] = {
    "fop": Entry(
        "factorised optimal joint policy: soft policies, soft values, learned weights (ICML 2021)",
        fop.Fop,
        fop.GAMES,
        fop.FopConfig(),
    ),
    "qmix": Entry(
        "monotone mixing of individual values by hypernets (ICML 2018)",
        value_decomposition.ValueDecomposition,
        replace(_VALUE_GAMES, mixer="qmix"),
        replace(_VALUE_SMAC, mixer="qmix"),
    ),
    "vdn": Entry(
        "the sum of individual values (AAMAS 2018)",
        value_decomposition.ValueDecomposition,
        replace(_VALUE_GAMES, mixer="vdn"),
        replace(_VALUE_SMAC, mixer="vdn"),
    ),
}


def entry(name: str) -> Entry:
    """The entry of `name`.

    Raises:
        UnknownName: no algorithm has that name.
    """
    if name not in CATALOGUE:
        raise UnknownName("algorithm", name, CATALOGUE)
    return CATALOGUE[name]


def build(name: str, spec: TaskSpec, config: Any = None, seed: int = 0) -> Algorithm:
    """An algorithm with fresh nets, which are a function of `seed`.

    Args:
        name: of the catalogue.
        spec: of the task.
        config: of the entry's class; None takes the entry's own for the task.
        seed: of nets, exploration and updates, 0 to 2^64 - 1.

    Raises:
        UnknownName: no algorithm has that name.
        FopError: it can't choose the task's kind of actions.
        ValueError: the config is another algorithm's, or doesn't fit the task.
    """
    found = entry(name)
    config = found.config_for(spec) if config is None else config
    if spec.action_kind not in found.action_kinds:
        raise FopError(
            f"{name} chooses {' and '.join(found.action_kinds)} actions; {spec.name} has {spec.action_kind}"
        )
    if type(config) is not type(found.smac):
        raise ValueError(f"{name} takes a {type(found.smac).__name__}, not a {type(config).__name__}")
    return found.make(name, spec, config, seed)
