"""The effect of each of the engine's named options: one is varied at a time, everything else stays."""

from __future__ import annotations

import argparse
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fop_bench.jobs.blocks import Tell
from fop_envs.smac.skirmish import ENGINE_VERSION

from .captioned_tables import CaptionedTable
from .comparison import Comparison
from .engine_options import Options, variants
from .fidelity_records import NO_MATCH, SENSITIVITY, Record, Variant
from .heuristic_policy import PolicyBlock, done_policies
from .map_summary import summarise
from .measurement_plan import MeasurementPlan
from .recordings import Episode, GivenRecordings, Recording
from .replay_blocks import ReplayBlock
from .sensitivity_tables import sensitivity_tables
from .study_part import Found, StudyPart, untold

MAPS = ("2s3z", "3s5z", "10m_vs_11m", "5m_vs_6m", "MMM", "corridor")
"""Maps of the policy: those with published win rates strictly between 0 and 1 first, then other kinds of
armies."""
EPISODES = 250
SEEDS = 4


@dataclass(frozen=True)
class VariantBlock:
    """All recorded episodes of one map with one option set to one value (both empty: the defaults)."""

    map_name: str
    episodes: tuple[Episode, ...]
    seeds: int
    chosen: Options
    option: str
    value: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.map_name, self.option, self.value

    def __call__(self, tell: Tell = untold) -> list[Record]:
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


class SensitivityPart(StudyPart):
    """Every variant of the engine's options."""

    name, file, what = "sensitivity", SENSITIVITY, "variants"
    in_all = True

    def __init__(self, args: argparse.Namespace, given: GivenRecordings) -> None:
        self._loaded = given.load()
        self._plan = {"recordings": given.digests(self._loaded), "sensitivity": True}

    def plan(self) -> dict[str, Any]:
        return self._plan

    def blocks(self, plan: MeasurementPlan, chosen: Options) -> Sequence[VariantBlock | PolicyBlock]:
        return sensitivity_blocks(self._loaded, chosen, MAPS, EPISODES, SEEDS)

    def done(self, records: Sequence[Record], plan: MeasurementPlan) -> set[Hashable]:
        replays = {(r.map, r.option, r.value) for r in records if isinstance(r, Variant)}
        return replays | done_policies(records)

    def banner(self, plan: MeasurementPlan) -> dict[str, str]:
        count = sum(1 for _ in variants())
        return {
            "sensitivity": f"{count} variants; {len(self._loaded)} recordings, {SEEDS} seeds; heuristic "
            f"policy on {len(MAPS)} maps, {EPISODES} episodes"
        }

    @classmethod
    def tables(cls, found: Found) -> list[CaptionedTable]:
        return sensitivity_tables(found.records[cls.name])
