"""All algorithms by name. Their files, and torch with them, are imported when one is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from fop_core.errors import FopError, UnknownName
from fop_core.types import ActionKind, TaskSpec

if TYPE_CHECKING:
    from .algorithm import Algorithm, RoundConfig


class Parts(NamedTuple):
    """What an algorithm's file gives: `make(name, spec, config, seed)` and two configs of one class."""

    make: Callable[..., Algorithm]
    games: RoundConfig
    smac: RoundConfig


@dataclass(frozen=True)
class Entry:
    """One algorithm.

    Attributes:
        summary: one line.
        load: imports its file.
        action_kinds: what actions it can choose.
    """

    summary: str
    load: Callable[[], Parts]
    action_kinds: tuple[ActionKind, ...] = ("discrete",)

    @property
    def make(self) -> Callable[..., Algorithm]:
        return self.load().make

    @property
    def games(self) -> RoundConfig:
        """The config for one-step games."""
        return self.load().games

    @property
    def smac(self) -> RoundConfig:
        """The config for SMAC and everything with a history. Same class as `games`."""
        return self.load().smac

    def config_for(self, spec: TaskSpec) -> RoundConfig:
        """`games` for one-step tasks, else `smac`."""
        return self.games if spec.episode_limit == 1 else self.smac


@cache
def _fop() -> Parts:
    from .algorithms import fop

    return Parts(fop.Fop, fop.GAMES, fop.FopConfig())


@cache
def _vdn() -> Parts:
    from .algorithms.value_decomposition import GAMES, ValueDecomposition, ValueDecompositionConfig

    return Parts(ValueDecomposition, replace(GAMES, mixer="vdn"), ValueDecompositionConfig(mixer="vdn"))


@cache
def _qmix() -> Parts:
    from .algorithms.value_decomposition import GAMES, ValueDecomposition, ValueDecompositionConfig

    return Parts(ValueDecomposition, replace(GAMES, mixer="qmix"), ValueDecompositionConfig(mixer="qmix"))


CATALOGUE: dict[str, Entry] = {
    "fop": Entry(
        "factorised optimal joint policy: soft policies, soft values, learned weights (ICML 2021)", _fop
    ),
    "qmix": Entry("monotone mixing of individual values by hypernets (ICML 2018)", _qmix),
    "vdn": Entry("the sum of individual values (AAMAS 2018)", _vdn),
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
