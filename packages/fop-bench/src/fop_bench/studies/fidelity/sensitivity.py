"""The effect of each of the engine's named options: one is varied at a time, everything else stays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fop_envs.smac.skirmish import ENGINE_VERSION

from .comparison import Comparison
from .engine_options import Options, variants
from .fidelity_records import Policy, Record, Variant
from .heuristic_policy import PolicyBlock
from .map_summary import summarise
from .recordings import Episode, Recording
from .replay_blocks import ReplayBlock

MAPS = ("2s3z", "3s5z", "10m_vs_11m", "5m_vs_6m", "MMM", "corridor")
"""Maps of the policy: those with published win rates strictly between 0 and 1 first, then other kinds of
armies."""
EPISODES = 250
SEEDS = 4
NO_MATCH = 1e9
"""Stands for infinity in records: at the median only one side had such a death."""


@dataclass(frozen=True)
class VariantBlock:
    """All recorded episodes of one map with one option set to one value (both empty: the defaults)."""

    map_name: str
    episodes: tuple[Episode, ...]
    seeds: int
    chosen: Options
    option: str
    value: str

    def __call__(self) -> list[Record]:
        records: list[Record] = []
        for episode in self.episodes:
            records += ReplayBlock(self.map_name, episode, self.seeds, 0, False, self.chosen)()
        seen = summarise(records)[self.map_name].recording
        return [
            Variant(
                map=self.map_name,
                option=self.option,
                value=self.value,
                engine=ENGINE_VERSION,
                measures=_measures(seen),
            )
        ]


def _measures(seen: Comparison) -> dict[str, float | None]:
    """The few numbers of a comparison that the table shows; JSON has no infinity."""
    found = {
        "agents until attack": seen.allies_until_attack.median,
        "enemies first": seen.enemies_first.median,
        "first kill": seen.first_kill.median,
        "first kill shift": seen.first_kill_shift,
        "deaths": seen.deaths.median,
        "same winner": seen.same_winner,
        "agents lost": seen.plays_losses[0],
        "enemies lost": seen.plays_losses[1],
    }
    return {
        name: None if math.isnan(value) else NO_MATCH if math.isinf(value) else round(value, 4)
        for name, value in found.items()
    }


def sensitivity_blocks(
    loaded: Mapping[str, Recording], chosen: Options, maps: Sequence[str], episodes: int, seeds: int
) -> list[VariantBlock | PolicyBlock]:
    """The defaults first, then each variant, on the policy's maps and on all recordings."""
    blocks: list[VariantBlock | PolicyBlock] = []
    for option, value in [("", None), *variants()]:
        settings = dict(chosen) | ({option: value} if option else {})
        both: Options = tuple(sorted(settings.items()))
        text = str(value) if option else ""
        blocks += [PolicyBlock(name, False, 0, episodes, both, option, text) for name in maps]
        blocks += [
            VariantBlock(name, recording.episodes, seeds, both, option, text)
            for name, recording in loaded.items()
        ]
    return blocks


def key(item: VariantBlock | PolicyBlock | Record) -> tuple[str, str, str, str] | None:
    """What tells blocks and their records apart; None of other records."""
    if isinstance(item, VariantBlock):
        return "replays", item.map_name, item.option, item.value
    if isinstance(item, PolicyBlock):
        return "policy", item.map_name, item.option, item.value
    if isinstance(item, Variant):
        return "replays", item.map, item.option, item.value
    if isinstance(item, Policy):
        return "policy", item.map, item.option, item.value
    return None
