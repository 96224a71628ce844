"""All algorithms by name. Their files, and torch with them, are imported when one is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fop_core.errors import FopError, UnknownName
from fop_core.types import ActionKind, TaskSpec

if TYPE_CHECKING:
    from .algorithm import Algorithm, RoundConfig


class Parts(NamedTuple):
    """What an algorithm's file gives: `make(name, spec, config, seed)` and two configs of one class.

    `games` is for one-step games, `smac` for SMAC and everything with a history.
    """

    make: Callable[..., Algorithm]
    games: RoundConfig
    smac: RoundConfig


@dataclass(frozen=True)
class Entry:
    """One algorithm.

    Attributes:
        summary: one line.
        discrete: imports its file for discrete actions, or None.
        continuous: the same for continuous actions.
        one_step_only: it has no state and plays one-step games only.
    """

    summary: str
    discrete: Callable[[], Parts] | None = None
    continuous: Callable[[], Parts] | None = None
    one_step_only: bool = False

    @property
    def action_kinds(self) -> tuple[ActionKind, ...]:
        """What actions it can choose."""
        kinds: tuple[ActionKind, ...] = ("discrete", "continuous")
        return tuple(kind for kind in kinds if getattr(self, kind) is not None)

    def parts(self, kind: ActionKind) -> Parts:
        """What its file for `kind` of actions gives.

        Raises:
            FopError: it can't choose actions of that kind.
        """
        load = self.discrete if kind == "discrete" else self.continuous
        if load is None:
            raise FopError(f"it chooses {' and '.join(self.action_kinds)} actions, not {kind} ones")
        return load()

    @property
    def games(self) -> RoundConfig:
        """The config for one-step games, of its first kind of actions."""
        return self.parts(self.action_kinds[0]).games

    @property
    def smac(self) -> RoundConfig:
        """The config for everything with a history, of its first kind of actions. Same class as `games`."""
        return self.parts(self.action_kinds[0]).smac

    def plays(self, spec: TaskSpec) -> bool:
        """Can it play `spec`?"""
        return spec.action_kind in self.action_kinds and (spec.episode_limit == 1 or not self.one_step_only)

    def config_for(self, spec: TaskSpec) -> RoundConfig:
        """Of its parts for the task's kind of actions: `games` for one-step tasks, else `smac`.

        Raises:
            FopError: it can't choose the task's kind of actions.
        """
        parts = self.parts(spec.action_kind)
        return parts.games if spec.episode_limit == 1 else parts.smac


@cache
def _fop() -> Parts:
    from .algorithms import fop

    return Parts(fop.Fop, fop.GAMES, fop.FopConfig())


@cache
def _fop_continuous() -> Parts:
    from .algorithms import fop_continuous

    config = fop_continuous.FopContinuousConfig()
    return Parts(fop_continuous.FopContinuous, config, config)


@cache
def _vdn() -> Parts:
    from fop_algos.algorithms.value_decomposition import GAMES, ValueDecomposition, ValueDecompositionConfig

    return Parts(ValueDecomposition, replace(GAMES, mixer="vdn"), ValueDecompositionConfig(mixer="vdn"))


@cache
def _qmix() -> Parts:
    from fop_algos.algorithms.value_decomposition import GAMES, ValueDecomposition, ValueDecompositionConfig

    return Parts(ValueDecomposition, replace(GAMES, mixer="qmix"), ValueDecompositionConfig(mixer="qmix"))


@cache
def _qplex() -> Parts:
    from fop_algos.algorithms.value_decomposition import (
        QPLEX_GAMES,
        ValueDecomposition,
        ValueDecompositionConfig,
    )

    smac = ValueDecompositionConfig(mixer="qplex", burn_in_episodes=100)  # as in its published code
    return Parts(ValueDecomposition, QPLEX_GAMES, smac)


@cache
def _qatten() -> Parts:
    from fop_algos.algorithms.value_decomposition import GAMES, ValueDecomposition, ValueDecompositionConfig

    smac = ValueDecompositionConfig(mixer="qatten")
    return Parts(ValueDecomposition, replace(GAMES, mixer="qatten"), smac)


@cache
def _maven() -> Parts:
    from .algorithms import maven

    return Parts(maven.Maven, maven.GAMES, maven.MavenConfig())


@cache
def _iql() -> Parts:
    from fop_algos.algorithms.value_decomposition import GAMES, IndependentQ, ValueDecompositionConfig

    return Parts(IndependentQ, replace(GAMES, mixer="none"), ValueDecompositionConfig(mixer="none"))


@cache
def _qtran_base() -> Parts:
    from fop_algos.algorithms.qtran import GAMES, Qtran, QtranConfig

    return Parts(Qtran, replace(GAMES, variant="base"), QtranConfig(variant="base"))


@cache
def _qtran_alt() -> Parts:
    from fop_algos.algorithms.qtran import GAMES, Qtran, QtranConfig

    return Parts(Qtran, replace(GAMES, variant="alt"), QtranConfig(variant="alt"))


@cache
def _fmq() -> Parts:
    from fop_algos.algorithms.fmq import Fmq, FmqConfig

    return Parts(Fmq, FmqConfig(), FmqConfig())


@cache
def _dop() -> Parts:
    from .algorithms import dop

    return Parts(dop.Dop, dop.GAMES, dop.DopConfig())


@cache
def _facmaddpg() -> Parts:
    from .algorithms import facmaddpg

    return Parts(facmaddpg.FacMaddpg, facmaddpg.GAMES, facmaddpg.FacMaddpgConfig())


def _deterministic(critic: Literal["central", "qmix", "dop"], penalty: float) -> Parts:
    from fop_algos.algorithms.deterministic import DeterministicActors, DeterministicConfig

    config = DeterministicConfig(critic=critic, action_penalty=penalty)
    return Parts(DeterministicActors, config, config)


@cache
def _maddpg() -> Parts:
    return _deterministic("central", 1e-3)


@cache
def _facmaddpg_continuous() -> Parts:
    return _deterministic("qmix", 1e-3)


@cache
def _dop_continuous() -> Parts:
    return _deterministic("dop", 0.0)


@cache
def _maac() -> Parts:
    from fop_algos.algorithms.maac import Maac, MaacConfig

    return Parts(Maac, MaacConfig(), MaacConfig())


@cache
def _masql() -> Parts:
    from fop_algos.algorithms.masql import Masql, MasqlConfig

    return Parts(Masql, MasqlConfig(), MasqlConfig())


CATALOGUE: dict[str, Entry] = {
    "dop": Entry(
        "policy gradients by a critic that is linear in individual values (ICLR 2021)", _dop, _dop_continuous
    ),
    "facmaddpg": Entry(
        "centralised policy gradients through a monotone mix of individual critics",
        _facmaddpg,
        _facmaddpg_continuous,
    ),
    "fop": Entry(
        "factorised optimal joint policy: soft policies, soft values, learned weights (ICML 2021)",
        _fop,
        _fop_continuous,
    ),
    "maac": Entry("soft actors and critics with attention to the others (ICML 2019)", None, _maac),
    "maddpg": Entry("deterministic actors, a central critic for each (NeurIPS 2017)", None, _maddpg),
    "masql": Entry("a soft joint critic and samplers that learn to draw from it (2018)", None, _masql),
    "qmix": Entry("monotone mixing of individual values by hypernets (ICML 2018)", _qmix),
    "vdn": Entry("the sum of individual values (AAMAS 2018)", _vdn),
    "qplex": Entry(
        "individual values by duplex dueling: all that have consistent optima (ICLR 2021)", _qplex
    ),
    "qatten": Entry("individual values weighted by attention over the agents (2020)", _qatten),
    "maven": Entry("QMIX that commits to one of several behaviours for an episode (NeurIPS 2019)", _maven),
    "qtran_base": Entry(
        "free joint value, individual ones bound to it at actions taken; games and SMAC (ICML 2019)",
        _qtran_base,
    ),
    "qtran_alt": Entry(
        "QTRAN bound at each agent's own worst action; games and SMAC (ICML 2019)", _qtran_alt
    ),
    "fmq": Entry(
        "tables that favour an action's best reward; one-step games only (AAAI 2002)",
        _fmq,
        one_step_only=True,
    ),
    "iql": Entry("every agent by itself, with the team's reward (ICML 1993)", _iql),
}


def entry(name: str) -> Entry:
    """The entry of `name`.

    Raises:
        UnknownName: no algorithm has that name.
    """
    if name not in CATALOGUE:
        raise UnknownName("algorithm", name, CATALOGUE)
    return CATALOGUE[name]


def check_plays(name: str, spec: TaskSpec) -> None:
    """
    Raises:
        UnknownName: no algorithm has that name.
        FopError: it can't choose the task's kind of actions, or plays games of one step only.
    """
    found = entry(name)
    if spec.action_kind not in found.action_kinds:
        raise FopError(
            f"{name} chooses {' and '.join(found.action_kinds)} actions; {spec.name} has {spec.action_kind}"
        )
    if not found.plays(spec):
        raise FopError(
            f"{name} plays games of one step only; an episode of {spec.name} has up to {spec.episode_limit}"
        )


def build(name: str, spec: TaskSpec, config: Any = None, seed: int = 0) -> Algorithm:
    """An algorithm with fresh nets, which are a function of `seed`.

    Args:
        name: of the catalogue.
        spec: of the task.
        config: of the entry's class; None takes the entry's own for the task.
        seed: of nets, exploration and updates, 0 to 2^64 - 1.

    Raises:
        UnknownName: no algorithm has that name.
        FopError: it can't choose the task's kind of actions, or plays games of one step only.
        ValueError: the config is another algorithm's, or doesn't fit the task.
    """
    found = entry(name)
    check_plays(name, spec)
    parts = found.parts(spec.action_kind)
    config = found.config_for(spec) if config is None else config
    if type(config) is not type(parts.smac):
        raise ValueError(f"{name} takes a {type(parts.smac).__name__}, not a {type(config).__name__}")
    return parts.make(name, spec, config, seed)
