"""SMAC's built-in heuristic policy on the engine: no learning, no recordings, and figures to compare with."""

from __future__ import annotations

import argparse
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from fop_bench.jobs.blocks import Tell
from fop_bench.run import selection
from fop_envs import play
from fop_envs.smac.maps import map_names
from fop_envs.smac.skirmish import ENGINE_VERSION, SkirmishEnv

from . import published_results
from .captioned_tables import CaptionedTable
from .engine_options import Options
from .fidelity_records import HEURISTIC, Policy, Record
from .measurement_plan import MeasurementPlan
from .recordings import GivenRecordings
from .study_part import Found, StudyPart, untold

BLOCK = 250
"""Episodes of a block."""
SLOTS = 64
SEED = 1


@dataclass(frozen=True)
class PolicyBlock:
    """Episodes `first` to `first + episodes - 1` of one map in one mode.

    `option`, `value`: the one option that is varied, for the record.
    """

    map_name: str
    rest: bool
    first: int
    episodes: int
    chosen: Options = ()
    option: str = ""
    value: str = ""

    @property
    def key(self) -> tuple[str, bool, int, str, str]:
        return self.map_name, self.rest, self.first, self.option, self.value

    def __call__(self, tell: Tell = untold) -> list[Record]:
        slots = min(SLOTS, self.episodes)
        chosen = dict(self.chosen) | {"heuristic_ai": True, "heuristic_rest": self.rest}
        env = SkirmishEnv(self.map_name, n_envs=slots, seed=SEED, **chosen)
        played = play(env, "heuristic", range(self.first, self.first + self.episodes))
        return [
            Policy(
                map=self.map_name,
                rest=self.rest,
                first=self.first,
                engine=ENGINE_VERSION,
                option=self.option,
                value=self.value,
                won=played.info["battle_won"].tolist(),
                returns=[round(value, 4) for value in played.returns.tolist()],
                lengths=played.lengths.tolist(),
                timeouts=played.truncated.tolist(),
            )
        ]


def policy_blocks(plan: MeasurementPlan, chosen: Options) -> list[PolicyBlock]:
    """Blocks of all maps and modes."""
    return [
        PolicyBlock(name, rest, first, min(BLOCK, plan.policy_episodes - first), chosen)
        for name in plan.policy_maps
        for rest in plan.rest
        for first in range(0, plan.policy_episodes, BLOCK)
    ]


def done_policies(records: Sequence[Record]) -> set[Hashable]:
    """Keys of the blocks on record."""
    return {(r.map, r.rest, r.first, r.option, r.value) for r in records if isinstance(r, Policy)}


class HeuristicPart(StudyPart):
    """The policy on maps, in one mode or both."""

    name, file, what = "heuristic", HEURISTIC, "blocks of episodes"
    in_all = True

    def __init__(self, args: argparse.Namespace, given: GivenRecordings) -> None:
        self._plan = {
            "policy_maps": selection.names(args.policy_maps, map_names(), "map"),
            "policy_episodes": args.episodes,
            "rest": [False, True] if args.rest else [False],
        }

    def plan(self) -> dict[str, Any]:
        return self._plan

    def blocks(self, plan: MeasurementPlan, chosen: Options) -> Sequence[PolicyBlock]:
        return policy_blocks(plan, chosen)

    def done(self, records: Sequence[Record], plan: MeasurementPlan) -> set[Hashable]:
        return done_policies(records)

    def banner(self, plan: MeasurementPlan) -> dict[str, str]:
        modes = " and ".join("with rest" if rest else "without rest" for rest in plan.rest)
        return {"heuristic": f"{len(plan.policy_maps)} maps, {plan.policy_episodes:,} episodes, {modes}"}

    @classmethod
    def tables(cls, found: Found) -> list[CaptionedTable]:
        records = found.records[cls.name]
        return published_results.policy_tables(records) if records else []

    @classmethod
    def summary(cls, found: Found) -> dict[str, Any]:
        return {"heuristic": published_results.policies(found.records[cls.name])}
