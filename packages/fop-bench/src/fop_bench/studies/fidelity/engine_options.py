"""The engine's named options, found rather than listed: whatever `SmacOptions` and the engine both know by
name."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from fop_core import skirmish
from fop_core.errors import FopError, UnknownName
from fop_envs.smac.skirmish import SmacOptions

Options = tuple[tuple[str, Any], ...]
"""Names and values of options, sorted: a mapping that can be a key."""


def engine_options() -> dict[str, Any]:
    """Names and defaults of the options that decide how battles go."""
    native = skirmish.EngineOptions()
    return {field.name: field.default for field in fields(SmacOptions) if hasattr(native, field.name)}


def variants() -> Iterator[tuple[str, Any]]:
    """Every engine option set to something else: flags flipped, choices tried, numbers zero, half and
    double."""
    hints = get_type_hints(SmacOptions)
    for name, default in engine_options().items():
        if isinstance(default, bool):
            values: list[Any] = [not default]
        elif isinstance(default, int):
            values = [default // 2, default * 2] if default else [1]
        elif isinstance(default, float):
            values = [0.0, default / 2, default * 2] if default else [0.5, 1.0]
        else:
            values = [value for value in get_args(hints[name]) if value != default]
        for value in dict.fromkeys(values):
            try:
                SmacOptions.named({name: value})
            except ValueError:
                continue
            yield name, value


def given(args: argparse.Namespace) -> dict[str, str]:
    """Options of a command line, as text."""
    settings = dict(args.settings)
    if args.client is not None:
        settings["client"] = args.client
    return settings


def parse(settings: Mapping[str, str]) -> dict[str, Any]:
    """Values of options from their text.

    Raises:
        UnknownName: no such option.
        FopError: a value that the option can't have.
    """
    defaults: dict[str, Any] = {field.name: field.default for field in fields(SmacOptions)}
    parsed: dict[str, Any] = {}
    for name, text in settings.items():
        if name not in defaults:
            raise UnknownName("option", name, defaults)
        default = defaults[name]
        try:
            if isinstance(default, bool):
                parsed[name] = {"true": True, "false": False}[text.lower()]
            else:
                parsed[name] = type(default)(text)
            SmacOptions.named({name: parsed[name]})
        except (KeyError, ValueError) as error:
            kind = "true or false" if isinstance(default, bool) else f"like {default!r}"
            raise FopError(f"--set {name}={text}: expected a value {kind} ({error})") from error
    return parsed
