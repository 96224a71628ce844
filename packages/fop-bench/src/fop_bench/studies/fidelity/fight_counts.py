"""How many enemies are in the fight: recorded, and in the plays of the same episode.

Too few: the crowd is too stiff, those behind find no way round those who fight. Too many: it is too fluid.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from .captioned_tables import CaptionedTable, percent
from .fidelity_records import Fight
from .medians import mean, percentile
from .quantiles import Pair

CROWD = 20
"""Enemies from which on the table shows every list."""


class FightCount(msgspec.Struct, frozen=True, kw_only=True):
    """One list of a recording, and the plays that lasted until then.

    Attributes:
        played: median, 10th and 90th percentile of the enemies in the fight; `alive`: median of those alive.
        plays: how many lasted.
    """

    episode: int
    recorded: Fight
    played: tuple[float, float, float]
    alive: float
    plays: int


def fight_counts(pairs: Sequence[Pair]) -> list[FightCount]:
    """Of all lists, by loop; those that no play reached are left out."""
    found = []
    for pair in pairs:
        for place, recorded in enumerate(pair.reference.fights):
            fights = [play.fights[place] for play in pair.plays if play.fights]
            reached = [fight for fight in fights if fight is not None]
            if not reached:
                continue
            fought = [float(fight.fought) for fight in reached]
            found.append(
                FightCount(
                    episode=pair.reference.episode,
                    recorded=recorded,
                    played=(percentile(fought, 50), percentile(fought, 10), percentile(fought, 90)),
                    alive=percentile([float(fight.alive) for fight in reached], 50),
                    plays=len(reached),
                )
            )
    return sorted(found, key=lambda count: (count.recorded.loop, count.episode))


def fight_tables(counts: dict[str, list[FightCount]]) -> list[CaptionedTable]:
    """A row for each map, and for each list where the enemies are a crowd; nothing without lists."""
    counts = {name: found for name, found in counts.items() if found}
    if not counts:
        return []
    rows = [["map", "lists", "recorded", "engine", "too few %", "within %", "too many %"]]
    for name, found in counts.items():
        few = mean(one.played[2] < one.recorded.fought for one in found)
        many = mean(one.played[1] > one.recorded.fought for one in found)
        rows.append(
            [
                name,
                str(len(found)),
                f"{mean(one.recorded.fought for one in found):.1f}",
                f"{mean(one.played[0] for one in found):.1f}",
                percent(few),
                percent(1 - few - many),
                percent(many),
            ]
        )
    tables = [
        CaptionedTable(
            "Enemies in the fight",
            rows,
            "Every 240 loops of the game a recording lists who took or dealt damage since the list before. "
            "Mean number of enemies on a list, recorded and in the engine (median over seeds), and the share "
            "of lists in which the engine's 90th percentile is too few, or its 10th too many. The engine's "
            "count follows the lists' habits: Marines and Zerglings alone are listed for dealing damage.",
        )
    ]
    rows = [["map", "loop", "recorded", "engine", "range", "alive recorded", "alive engine"]]
    for name, found in counts.items():
        if max(one.recorded.alive for one in found) >= CROWD:
            rows += [
                [
                    name,
                    str(one.recorded.loop),
                    str(one.recorded.fought),
                    f"{one.played[0]:.0f}",
                    f"{one.played[1]:.0f}-{one.played[2]:.0f}",
                    str(one.recorded.alive),
                    f"{one.alive:.0f}",
                ]
                for one in found
            ]
    if len(rows) > 1:
        caption = (
            f"Maps with {CROWD} enemies and more; loops of the episode. Engine: median over the seeds whose "
            "battle lasted so long; range: their 10th to 90th percentile."
        )
        tables.append(CaptionedTable("Enemies in the fight, list by list", rows, caption))
    return tables
