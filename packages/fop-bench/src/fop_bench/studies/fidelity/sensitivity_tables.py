"""The effect of each of the engine's options, as tables: on the heuristic policy, and on the replays."""

from __future__ import annotations

import math
from collections.abc import Iterable

from fop_bench.report.statistics import Estimate, wilson

from .captioned_tables import CaptionedTable, percent
from .fidelity_records import NO_MATCH, Policy, Record, Variant
from .medians import short
from .published_results import order_of


def sensitivity_tables(records: Iterable[Record]) -> list[CaptionedTable]:
    """The effect of each variant: on the policy's win rates, and on the replays of each map."""
    found = [record for record in records if isinstance(record, Policy | Variant)]
    found.sort(key=lambda record: (order_of((record.map, "")), record.option, record.value))
    tables = []
    wins: dict[tuple[str, str], dict[str, Estimate]] = {}
    for record in found:
        if isinstance(record, Policy):
            wins.setdefault((record.option, record.value), {})[record.map] = wilson(
                sum(record.won), len(record.won)
            )
    if wins:
        maps = list(dict.fromkeys(name for row in wins.values() for name in row))
        base = wins.get(("", ""), {})
        rows = [["option", "value", *maps]]
        for (option, value), row in sorted(wins.items()):
            cells = [_change(row.get(name), base.get(name) if option else None) for name in maps]
            rows.append([option or "(defaults)", value, *cells])
        n = next(len(record.won) for record in found if isinstance(record, Policy))
        tables.append(
            CaptionedTable(
                "Sensitivity: win rate of the heuristic policy",
                rows,
                f"Percent of {n} episodes; in brackets the change from the defaults in points, where the 95 "
                f"% Wilson intervals don't overlap.",
            )
        )
    replays: dict[str, dict[tuple[str, str], dict[str, float]]] = {}
    for record in found:
        if isinstance(record, Variant):
            replays.setdefault(record.map, {})[record.option, record.value] = {
                name: math.nan if value is None else math.inf if value == NO_MATCH else value
                for name, value in record.measures.items()
            }
    for map_name, variants in replays.items():
        measures = list(next(iter(variants.values())))
        rows = [["option", "value", *measures]]
        for (option, value), measured in sorted(variants.items()):
            rows.append([option or "(defaults)", value, *(short(measured[name]) for name in measures)])
        tables.append(
            CaptionedTable(
                f"Sensitivity: replays of {map_name}",
                rows,
                "Medians as in the tables of places and deaths (cells, loops, share of the loop); same "
                "winner: share; mean dead of both sides in the plays.",
            )
        )
    return tables


def _change(now: Estimate | None, before: Estimate | None) -> str:
    if now is None:
        return "-"
    text = percent(now.value)
    if before is not None and (now.low > before.high or now.high < before.low):
        text += f" ({100 * (now.value - before.value):+.0f})"
    return text
