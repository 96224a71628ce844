"""Every environment by name. A factory imports its module when called, so that listing costs nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy.typing as npt

from fop_core.errors import UnknownName
from fop_core.protocols import VectorEnv
from fop_envs.smac.maps import load_map, map_names

Group = Literal["game", "map", "template"]


@dataclass(frozen=True)
class Entry:
    """One environment.

    Attributes:
        summary: one line for lists.
        factory: called as `factory(n_envs=..., seed=..., **options)`; its other parameters are the options.
        group: `game`, `map` (SMAC) or `template`.
        more_options: names of the options behind the factory's `**options`, if it has them.
    """

    summary: str
    factory: Callable[..., VectorEnv]
    group: Group = "game"
    more_options: Callable[[], list[str]] = list

    @property
    def options(self) -> list[str]:
        """Names of what can be set beside `n_envs` and `seed`."""
        named = [
            name
            for name, parameter in inspect.signature(self.factory).parameters.items()
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD and name not in ("n_envs", "seed")
        ]
        return named + self.more_options()


CATALOGUE: dict[str, Entry] = {}


def register(name: str, entry: Entry) -> None:
    """Adds an environment, so that `make` and the command line find it.

    Raises:
        ValueError: the name is taken.
    """
    if name in CATALOGUE:
        raise ValueError(f"environment {name!r} exists already: {CATALOGUE[name].summary}")
    CATALOGUE[name] = entry


def make(name: str, n_envs: int = 1, seed: int = 0, **options: Any) -> VectorEnv:
    """`n_envs` environments of a named task.

    Raises:
        UnknownName: no environment, or none of its options, has this name; the nearest names are given.
    """
    if name not in CATALOGUE:
        raise UnknownName("environment", name, CATALOGUE)
    entry = CATALOGUE[name]
    for option in options:
        if option not in entry.options:
            raise UnknownName(f"option of {name}", option, entry.options or ["(it has none)"])
    return entry.factory(n_envs=n_envs, seed=seed, **options)


def _matrix(
    *,
    n_envs: int,
    seed: int,
    payoff: str | npt.ArrayLike = "paper",
    penalty: float = -100.0,
    title: str = "matrix",
) -> VectorEnv:
    from fop_envs.games.matrix import MatrixGame

    return MatrixGame(payoff, penalty=penalty, title=title, n_envs=n_envs, seed=seed)


def _differential(*, n_envs: int, seed: int) -> VectorEnv:
    from fop_envs.games.differential import DifferentialGame

    return DifferentialGame(n_envs=n_envs, seed=seed)


def _dummy(*, n_envs: int, seed: int) -> VectorEnv:
    from fop_envs.games.dummy import Dummy

    return Dummy(n_envs=n_envs, seed=seed)


register(
    "matrix",
    Entry("one-step game with a payoff tensor, by name or your own; the FOP paper's 3x3 by default", _matrix),
)
register(
    "differential", Entry("max of two quadratics; two agents, continuous actions, one step", _differential)
)
register("dummy", Entry("two agents meet on a moving goal; the template for your own", _dummy, "template"))


def _map(name: str) -> Callable[..., VectorEnv]:
    def factory(
        *, n_envs: int, seed: int, threads: int = 1, strict: bool = True, **options: Any
    ) -> VectorEnv:
        from fop_envs.smac.skirmish import SkirmishEnv

        return SkirmishEnv(name, n_envs=n_envs, seed=seed, threads=threads, strict=strict, **options)

    return factory


def _smac_options() -> list[str]:
    from fop_envs.smac.skirmish import SmacOptions

    return [field.name for field in fields(SmacOptions)]


for _name in map_names():
    register(_name, Entry(load_map(_name).summary, _map(_name), "map", _smac_options))
