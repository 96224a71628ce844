"""All algorithms by name. Each file in `fop_algos.algorithms` says what it has, in `FORMS`.

Its files, and torch with them, are imported when the catalogue is first looked into.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fop_core.errors import FopError, UnknownName
from fop_core.types import ActionKind, TaskSpec

if TYPE_CHECKING:
    from .algorithm import Algorithm, Form, RoundConfig

KINDS: tuple[ActionKind, ...] = ("discrete", "continuous")


@dataclass(frozen=True)
class Entry:
    """One algorithm.

    Attributes:
        name: in the catalogue.
        forms: one for each kind of actions that it can choose.
    """

    name: str
    forms: Mapping[ActionKind, Form]

    @property
    def action_kinds(self) -> tuple[ActionKind, ...]:
        """What actions it can choose."""
        return tuple(kind for kind in KINDS if kind in self.forms)

    @property
    def first(self) -> Form:
        """The form of its first kind of actions."""
        return self.forms[self.action_kinds[0]]

    @property
    def summary(self) -> str:
        """One line."""
        return self.first.summary

    @property
    def variant_of(self) -> str | None:
        """The algorithm that it varies for comparisons; `all` leaves variants out."""
        return self.first.variant_of

    def form(self, kind: ActionKind) -> Form:
        """Its form for `kind` of actions.

        Raises:
            FopError: it can't choose actions of that kind.
        """
        if kind not in self.forms:
            raise FopError(f"it chooses {' and '.join(self.action_kinds)} actions, not {kind} ones")
        return self.forms[kind]

    @property
    def games(self) -> RoundConfig:
        """The config for one-step games, of its first kind of actions."""
        return self.first.games

    @property
    def smac(self) -> RoundConfig:
        """The config for everything with a history, of its first kind of actions. Same class as `games`."""
        return self.first.smac

    def plays(self, spec: TaskSpec) -> bool:
        """Can it play `spec`?"""
        if spec.action_kind not in self.forms:
            return False
        return spec.episode_limit == 1 or not self.forms[spec.action_kind].one_step_only

    def config_for(self, spec: TaskSpec) -> RoundConfig:
        """Of its form for the task's kind of actions: `games` for one-step tasks, else `smac`.

        Raises:
            FopError: it can't choose the task's kind of actions.
        """
        form = self.form(spec.action_kind)
        return form.games if spec.episode_limit == 1 else form.smac


def collect(forms: Iterable[Form]) -> dict[str, Entry]:
    """Entries by name, in the order of their names.

    Raises:
        ValueError: a name has two forms for one kind of actions.
    """
    found: dict[str, dict[ActionKind, Form]] = {}
    for form in forms:
        of_name = found.setdefault(_key(form.name), {})
        if form.action_kind in of_name:
            raise ValueError(f"{form.name} with {form.action_kind} actions is in the catalogue twice")
        of_name[form.action_kind] = form
    entries = [Entry(next(iter(of_name.values())).name, of_name) for of_name in found.values()]
    return {entry.name: entry for entry in sorted(entries, key=lambda entry: entry.name)}


class _Catalogue(Mapping[str, Entry]):
    """What `collect` makes of `fop_algos.algorithms`, on first use."""

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        from . import algorithms

        names = [module.name for module in pkgutil.iter_modules(algorithms.__path__)]
        modules = [importlib.import_module(f"{algorithms.__name__}.{name}") for name in names]
        return collect(form for module in modules for form in module.FORMS)

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


CATALOGUE: Mapping[str, Entry] = _Catalogue()


def _key(name: str) -> str:
    """Names that differ in `-` and `_` alone are one."""
    return name.replace("-", "_")


def entry(name: str) -> Entry:
    """The entry of `name`, whether it is written with `-` or with `_`.

    Raises:
        UnknownName: no algorithm has that name.
    """
    for known, found in CATALOGUE.items():
        if _key(known) == _key(name):
            return found
    raise UnknownName("algorithm", name, CATALOGUE)


def former_fields(name: str, kind: ActionKind) -> dict[str, tuple[Any, str]]:
    """Fields that the config of `name` had before what they choose became a variant of it.

    Returns:
        By field: its value in what is `name` today, and the variant that has the others.
    """
    return {
        field: (value, variant.name)
        for variant in CATALOGUE.values()
        if variant.variant_of == name and kind in variant.forms
        for field, value in variant.forms[kind].former_fields.items()
    }


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
        which = f" with {spec.action_kind} actions" if len(found.forms) > 1 else ""
        raise FopError(
            f"{name}{which} plays games of one step only; an episode of {spec.name} has up to "
            f"{spec.episode_limit}"
        )


def build(name: str, spec: TaskSpec, config: Any = None, seed: int = 0, device: str = "cpu") -> Algorithm:
    """An algorithm with fresh nets, which are a function of `seed`.

    Args:
        name: of the catalogue.
        spec: of the task.
        config: of the entry's class; None takes the entry's own for the task.
        seed: of nets, exploration and updates, 0 to 2^64 - 1.
        device: where nets and batches are; the native operators have kernels for the CPU.

    Raises:
        UnknownName: no algorithm has that name.
        FopError: it can't choose the task's kind of actions, or plays games of one step only.
        ValueError: the config is another algorithm's, or doesn't fit the task.
    """
    found = entry(name)
    check_plays(name, spec)
    form = found.form(spec.action_kind)
    config = found.config_for(spec) if config is None else config
    if type(config) is not type(form.smac):
        raise ValueError(f"{name} takes a {type(form.smac).__name__}, not a {type(config).__name__}")
    return form.make(found.name, spec, config, seed).to(device)
