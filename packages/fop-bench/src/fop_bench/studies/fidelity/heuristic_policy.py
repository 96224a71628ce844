"""SMAC's built-in heuristic policy on the engine: no learning, no recordings, and figures to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fop_envs import play
from fop_envs.smac.skirmish import ENGINE_VERSION, SkirmishEnv

from .engine_options import Options
from .fidelity_records import Policy, Record
from .measurement_plan import MeasurementPlan

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

    def __call__(self) -> list[Record]:
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


def done_blocks(records: Sequence[Record]) -> set[tuple[str, bool, int]]:
    """(map, mode, first episode) of the blocks on record."""
    return {(r.map, r.rest, r.first) for r in records if isinstance(r, Policy) and not r.option}
