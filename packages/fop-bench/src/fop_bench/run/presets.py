"""Budgets and settings by name, each number with its source. Defaults of the algorithms are their own, in
`fop_algos` (the paper's, with sources there); a preset changes only what it has to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import msgspec

from fop_bench.arguments import UsageError
from fop_bench.records.plan import Plan
from fop_core.errors import UnknownName
from fop_core.types import TaskSpec

from .selection import spelling

if TYPE_CHECKING:
    from fop_algos.algorithm import RoundConfig


@dataclass(frozen=True)
class Preset:
    """A protocol: for how long, how often tested, with how many seeds, and what it changes in the configs."""

    summary: str
    steps: int | None = None
    updates: int | None = None
    minutes: float | None = None
    min_updates: int = 0
    seeds: int = 1
    test_every: int = 10_000
    test_episodes: int = 32
    changes: Mapping[str, Any] = field(default_factory=dict)
    fits_size: bool = False


PRESETS: dict[tuple[str, str], Preset] = {
    # The published code's protocol on SMAC: liyheng/FOP @ e100a97, config/envs/sc2 (t_max 2,050,000, a test
    # every 10,000 steps of 32 greedy episodes); five seeds: Samvelyan et al. 2019, section 6.
    ("smac", "paper"): Preset(
        "2,050,000 steps, five seeds, a test every 10,000 steps of 32 greedy episodes",
        steps=2_050_000,
        seeds=5,
    ),
    # Ours: all 23 maps on two cores in less than 20 minutes (12 maps one after the other on each core, with
    # about 10 s for each beside the minutes here). Rounds of 8 episodes keep the environments and the matrix
    # products busy. The schedules are the paper's, shortened to what a minute can play.
    ("smac", "quick"): Preset(
        "a first look: 1.2 minutes per map, shortened schedules, smaller batches on large maps",
        minutes=1.2,
        min_updates=20,
        test_every=5_000,
        changes={
            "episodes_per_round": 8,
            "updates_per_round": 4,
            "burn_in_episodes": 32,
            "buffer_episodes": 1000,
            "epsilon": {"start": 1.0, "end": 0.05, "over": 10_000},
            "alpha": {"start": 0.5, "end": 0.05, "over": 20_000},
        },
        fits_size=True,
    ),
    # FOP, appendix D.1 and D.3: 10,000 learning steps. 20 seeds: ours, as in the learning test.
    ("matrix", "paper"): Preset(
        "10,000 learning steps, 20 seeds, a test every 1,000 steps",
        updates=10_000,
        seeds=20,
        test_every=1_000,
    ),
    # The same run with fewer seeds.
    ("matrix", "quick"): Preset(
        "10,000 learning steps, 3 seeds, a test every 1,000 steps", updates=10_000, seeds=3, test_every=1_000
    ),
    # FOP, D.3 compares temperatures that need up to 20,000 learning steps (alpha -= 5e-5). 20 seeds: ours.
    ("differential", "paper"): Preset(
        "20,000 learning steps, 20 seeds, a test every 1,000 steps",
        updates=20_000,
        seeds=20,
        test_every=1_000,
    ),
    # The same run with fewer seeds.
    ("differential", "quick"): Preset(
        "20,000 learning steps, 2 seeds, a test every 1,000 steps", updates=20_000, seeds=2, test_every=1_000
    ),
}

# Agent-steps in a batch (episodes x longest episode x agents) that the quick preset allows: one update then
# takes a fraction of a second on one core, on the largest maps too.
QUICK_BATCH = 12_000


def preset(suite: str, name: str) -> Preset:
    """The preset of a suite.

    Raises:
        UnknownName: the suite has none of that name.
    """
    if (suite, name) not in PRESETS:
        raise UnknownName("preset", name, [key for of, key in PRESETS if of == suite])
    return PRESETS[suite, name]


def configure(plan: Plan, algorithm: str, spec: TaskSpec) -> RoundConfig:
    """The config of one run: the algorithm's own for the task, changed by the preset, then by the user.

    Raises:
        UnknownName: a setting names no field.
        UsageError: a value doesn't fit its field, or the values don't fit together.
    """
    from fop_algos.catalogue import entry, former_fields

    base = entry(algorithm).config_for(spec)
    values: dict[str, Any] = dataclasses.asdict(base)
    chosen = preset(plan.suite, plan.preset)
    for name, value in chosen.changes.items():
        if name in values:
            values[name] = {**values[name], **value} if isinstance(value, dict) else value
    if chosen.fits_size:
        episode = spec.episode_limit * spec.n_agents
        values["batch_episodes"] = max(4, min(values["batch_episodes"], QUICK_BATCH // episode))
        values["burn_in_episodes"] = max(values["batch_episodes"], min(values["burn_in_episodes"], 32))
    former = former_fields(algorithm, spec.action_kind)
    for name, text in plan.settings.items():
        owner, dot, rest = name.partition(".")
        if dot and owner in map(spelling, plan.algorithms):
            if owner != spelling(algorithm):
                continue
            name = rest
        field_name = name.partition(".")[0]
        if field_name in former:
            _, variant = former[field_name]
            raise UsageError(
                f"{algorithm} has no field {field_name} any more: what it chose is an algorithm of its own, "
                f"{variant} (--algos {variant})"
            )
        _set(values, name.split("."), text, algorithm)
    try:
        return msgspec.convert(values, type(base), strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"the settings of {algorithm} don't fit: {_readable(error, values, type(base))}"
        ) from error


def _set(values: dict[str, Any], path: list[str], text: str, algorithm: str) -> None:
    name, *rest = path
    if name not in values:
        raise UnknownName(f"field of {algorithm}", name, values)
    if rest and isinstance(values[name], dict):
        values[name] = dict(values[name])
        _set(values[name], rest, text, algorithm)
    elif rest:
        raise UsageError(f"{name} of {algorithm} has no field {'.'.join(rest)!r}: it is {values[name]!r}")
    elif isinstance(values[name], dict | list | tuple):
        parts = isinstance(values[name], dict)
        known = ", ".join(f"{name}.{key}" for key in values[name]) if parts else "[64,64]"
        try:
            value = msgspec.json.decode(text, type=dict if parts else list)
        except msgspec.DecodeError:
            raise UsageError(f"{name}={text}: set its parts ({known}) or give JSON") from None
        values[name] = value
    else:
        values[name] = text


def _readable(error: msgspec.ValidationError, values: Mapping[str, Any], config: type) -> str:
    """`Expected `int`, got `str` - at `$.hidden`` as `hidden=1.5: expected int`."""
    message, _, place = str(error).partition(" - at ")
    place = place.strip("`").removeprefix("$.")
    message = message.replace("`", "")
    if place not in values:
        return f"{place}: {message[0].lower()}{message[1:]}" if place else message
    choices = get_args(get_type_hints(config)[place])
    needed = (
        f"expected {' or '.join(map(str, choices))}" if choices else message.partition(", got")[0].lower()
    )
    return f"{place}={values[place]}: {needed}"


def check(plan: Plan) -> None:
    """Builds every algorithm of the plan, so that a mistake is told before anything starts.

    Raises:
        UnknownName, UsageError: see `configure`; or a config doesn't fit its task.
    """
    from fop_algos.catalogue import build

    from .tasks import environment

    for task in plan.tasks:
        spec = environment(task, plan.payoffs).spec
        for algorithm in plan.algorithms:
            config = configure(plan, algorithm, spec)
            try:
                build(algorithm, spec, config)
            except (ValueError, RuntimeError) as error:  # torch's, where a net is too large for the memory
                reason = str(error).partition("\n")[0]
                raise UsageError(f"the settings of {algorithm} don't fit {task}: {reason}") from error
