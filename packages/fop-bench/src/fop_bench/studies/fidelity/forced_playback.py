"""Forced playback: places and the enemies' deaths are forced as recorded; do the agents fall as recorded?

Open-loop play mixes up everything once a battle has gone another way. Here the agents are put where the
recording saw them, enemies die when the recording says and not before, so that what is left to the engine is
whom the enemy shoots and when. A play agrees with the recording as long as no agent falls more than
`TOLERANCE` loops before or after the recorded loop, and none that the recording lets live.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fop_bench.arguments import UsageError
from fop_bench.jobs.blocks import Tell
from fop_bench.run import selection
from fop_core.errors import UnknownName
from fop_envs.smac.maps import map_names
from fop_envs.smac.skirmish import ENGINE_VERSION

from .captioned_tables import CaptionedTable
from .engine_options import Options, engine_options
from .fidelity_records import FORCED_PLAYBACK, ForcedPlays, Record
from .measurement_plan import MeasurementPlan
from .measures import known
from .playback import Player, Sighting, give
from .recordings import Episode, GivenRecordings, Order, Recording
from .study_part import Found, StudyPart, untold

TOLERANCE = 10
"""Loops by which a death may be off; a Marine shoots every 14."""


def agrees(player: Player, episode: Episode, seed: int, until: int) -> bool:
    """Do the agents fall as recorded in the first `until` loops of one play?"""
    places = known(episode, player.spawns(episode))
    seen: dict[int, list[Sighting]] = {}
    for sighting in (*places.moves, *places.targets):
        seen.setdefault(sighting.loop, []).append(sighting)
    orders: dict[int, list[Order]] = {}
    for order in episode.orders:
        orders.setdefault(order.loop, []).append(order)
    recorded = {death.unit: death.loop for death in episode.fallen}
    world = player.world(episode, seed)
    fallen: set[int] = set()
    for loop in range(until):
        for order in orders.get(loop, ()):
            give(world, order)
        rows = world.units()
        for sighting in seen.get(loop, ()):
            if rows["alive"][sighting.unit]:
                world.set(sighting.unit, "x", sighting.x)
                world.set(sighting.unit, "y", sighting.y)
        for unit, birth in enumerate(episode.units):
            due = recorded.get(unit, math.inf)
            if birth.player == 0 and unit not in fallen:
                if not rows["alive"][unit]:
                    fallen.add(unit)
                    if loop < due - TOLERANCE:
                        return False
                elif loop > due + TOLERANCE:
                    return False
            elif birth.player == 1 and rows["alive"][unit]:
                if loop >= due:
                    world.set(unit, "alive", 0)
                else:
                    world.set(unit, "hp", float(rows["hp_max"][unit]))
                    world.set(unit, "shield", float(rows["shield_max"][unit]))
        world.step()
    return True


def until_last_enemy(episode: Episode) -> int:
    """How long forced playback means something: to the last enemy's death, or the recorded end."""
    falls = [death.loop for death in episode.fallen if episode.units[death.unit].player == 1]
    enemies = sum(birth.player == 1 for birth in episode.units)
    return max(falls) if len(falls) == enemies else episode.end


def score(plays: Iterable[ForcedPlays]) -> float:
    """Mean over episodes of the logarithm of the share of agreeing plays; NaN without episodes.

    Half a play is added, so that an episode without any agreeing play counts log(1 / (2 seeds)). 0 is best.
    Rules that leave more to chance score lower for it; rules that are wrong score lowest.
    """
    logs = [math.log(played.agreeing / played.seeds + 0.5 / played.seeds) for played in plays]
    return sum(logs) / len(logs) if logs else math.nan


@dataclass(frozen=True)
class ForcedBlock:
    """One recorded episode under all seeds. `options`: those that are varied, as text."""

    map_name: str
    episode: Episode
    seeds: int
    until: int | None
    chosen: Options
    options: str

    @property
    def key(self) -> tuple[str, int, str]:
        return self.map_name, self.episode.number, self.options

    def __call__(self, tell: Tell = untold) -> list[Record]:
        player = Player(self.map_name, **dict(self.chosen))
        loops = until_last_enemy(self.episode)
        loops = loops if self.until is None else min(loops, self.until)
        return [
            ForcedPlays(
                map=self.map_name,
                episode=self.episode.number,
                options=self.options,
                engine=ENGINE_VERSION,
                seeds=self.seeds,
                loops=loops,
                agreeing=sum(agrees(player, self.episode, seed, loops) for seed in range(self.seeds)),
            )
        ]


def rules(text: str | None) -> list[str]:
    """Options that are true or false, from a list of names; None for all of them.

    Raises:
        UnknownName: one isn't such an option of the engine.
        UsageError: there are none.
    """
    flags = [name for name, default in engine_options().items() if isinstance(default, bool)]
    if text is None:
        return flags
    chosen = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not chosen:
        raise UsageError(f"--vary: no option given; known: {', '.join(flags)}")
    for name in chosen:
        if name not in flags:
            raise UnknownName("option to vary", name, flags)
    return chosen


def forced_blocks(
    loaded: Mapping[str, Recording], plan: MeasurementPlan, chosen: Options
) -> list[ForcedBlock]:
    """Every combination of the varied options, on all episodes."""
    varied = plan.forced or []
    blocks = []
    for values in itertools.product((True, False), repeat=len(varied)):
        combination = dict(zip(varied, values, strict=True))
        text = ", ".join(name if on else f"no {name}" for name, on in combination.items())
        both: Options = tuple(sorted((dict(chosen) | combination).items()))
        blocks += [
            ForcedBlock(name, episode, plan.seeds, plan.until, both, text)
            for name, recording in loaded.items()
            for episode in recording.episodes
            if plan.episodes is None or episode.number in plan.episodes
        ]
    return blocks


class ForcedPlaybackPart(StudyPart):
    """Every combination of the varied options, on recorded episodes."""

    name, file, what = "forced-playback", FORCED_PLAYBACK, "episodes"

    def __init__(self, args: argparse.Namespace, given: GivenRecordings) -> None:
        self._loaded = given.load()
        self._plan = {
            "recordings": given.digests(self._loaded),
            "episodes": selection.seeds(args.which) if args.which else None,
            "seeds": args.seeds,
            "forced": rules(args.vary),
            "until": args.until,
        }

    def plan(self) -> dict[str, Any]:
        return self._plan

    def blocks(self, plan: MeasurementPlan, chosen: Options) -> Sequence[ForcedBlock]:
        return forced_blocks(self._loaded, plan, chosen)

    def done(self, records: Sequence[Record], plan: MeasurementPlan) -> set[Hashable]:
        return {(r.map, r.episode, r.options) for r in records if isinstance(r, ForcedPlays)}

    def banner(self, plan: MeasurementPlan) -> dict[str, str]:
        until = "to the last kill" if plan.until is None else f"{plan.until} loops at most"
        return {
            "recordings": ", ".join(self._loaded),
            "forced": f"{plan.seeds} plays of each episode, {until}",
            "varied": ", ".join(plan.forced or []),
        }

    @classmethod
    def tables(cls, found: Found) -> list[CaptionedTable]:
        return forced_tables(found.records[cls.name])


def forced_tables(records: Iterable[Record]) -> list[CaptionedTable]:
    """Scores, a row for each combination of options and a column for each map; nothing without records."""
    found = [record for record in records if isinstance(record, ForcedPlays)]
    if not found:
        return []
    maps = [name for name in map_names() if any(plays.map == name for plays in found)]
    rows = [["options", *maps]]
    for options in dict.fromkeys(sorted((plays.options for plays in found), key=_most_first)):
        row = [[plays for plays in found if (plays.options, plays.map) == (options, name)] for name in maps]
        rows.append([options, *(_even_and_odd(plays) for plays in row)])
    seeds = found[0].seeds
    caption = (
        "Mean over episodes of log(share of agreeing plays), even / odd episodes, half a play added: 0 is "
        f"perfect, {math.log(0.5 / seeds):.2f} the worst of {seeds} plays. A play agrees as long as every "
        f"agent falls within {TOLERANCE} loops of the recorded loop, and none that the recording lets live."
    )
    return [CaptionedTable("Forced playback: do the agents fall as recorded?", rows, caption)]


def _most_first(options: str) -> tuple[int, str]:
    """All options on first, then those with fewer."""
    return options.count("no "), options


def _even_and_odd(plays: Sequence[ForcedPlays]) -> str:
    halves = [[one for one in plays if one.episode % 2 == odd] for odd in (0, 1)]
    return " / ".join(f"{score(half):.2f}" if half else "-" for half in halves)
