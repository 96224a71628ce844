"""SMAC's heuristic policy beside published results: win rates, and returns and lengths of data sets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from fop_bench.report.statistics import Estimate, wilson
from fop_envs.smac.maps import map_names

from .captioned_tables import CaptionedTable, percent
from .fidelity_records import Policy, Record


class PolicySummary(msgspec.Struct, frozen=True, kw_only=True):
    """The heuristic policy on one map in one mode.

    Attributes:
        win_rate: with its 95 % Wilson interval `low` to `high`.
        published: win rate of the public row, in [0, 1]; None where the map isn't in it.
        timeouts: share of episodes that the step limit ended.
    """

    map: str
    rest: bool
    episodes: int
    win_rate: float
    low: float
    high: float
    published: float | None
    episode_return: float
    length: float
    timeouts: float


@cache
def published_results() -> Any:
    """The package's file of published results; each with its source."""
    return json.loads(
        files("fop_bench.studies.fidelity")
        .joinpath("data/published_results.json")
        .read_text(encoding="utf-8")
    )


def policies(records: Iterable[Record]) -> list[PolicySummary]:
    """One for each map and mode, in SMAC's order of maps."""
    blocks: dict[tuple[str, bool], dict[int, Policy]] = {}
    for record in records:
        if isinstance(record, Policy) and not record.option:
            blocks.setdefault((record.map, record.rest), {})[record.first] = record
    return [
        _policy(name, rest, list(blocks[name, rest].values())) for name, rest in sorted(blocks, key=order_of)
    ]


def order_of(key: tuple[str, object]) -> tuple[int, object]:
    """For sorting by map, in SMAC's order, and then by what follows."""
    order = map_names()
    return order.index(key[0]) if key[0] in order else len(order), key[1]


def _policy(name: str, rest: bool, blocks: Sequence[Policy]) -> PolicySummary:
    won = [value for block in blocks for value in block.won]
    estimate = wilson(sum(won), len(won))
    published = published_results()["heuristic"]["win_percent"].get(name)

    def mean(field: str) -> float:
        return sum(sum(getattr(block, field)) for block in blocks) / len(won)

    return PolicySummary(
        map=name,
        rest=rest,
        episodes=len(won),
        win_rate=estimate.value,
        low=estimate.low,
        high=estimate.high,
        published=None if published is None else published / 100,
        episode_return=mean("returns"),
        length=mean("lengths"),
        timeouts=mean("timeouts"),
    )


def within_reach(policy: PolicySummary) -> bool | None:
    """Is it within 10 points of the published row (5 where 0 was published)? None where nothing was
    published."""
    if policy.published is None:
        return None
    return abs(policy.win_rate - policy.published) <= (0.05 if policy.published == 0 else 0.10)


def policy_tables(records: Iterable[Record]) -> list[CaptionedTable]:
    """Win rates beside the published row; returns and lengths beside offline data sets."""
    found = policies(records)
    rows = [
        ["map", "mode", "episodes", "win %", "interval", "published", "gap", "return", "length", "timeouts %"]
    ]
    for item in found:
        claim = within_reach(item)
        gap = "-"
        if item.published is not None:
            gap = f"{100 * (item.win_rate - item.published):+.0f}{'' if claim else ' NO'}"
        rows.append(
            [
                item.map,
                "rest" if item.rest else "attack",
                f"{item.episodes:,}",
                f"{100 * item.win_rate:.1f}",
                _interval(Estimate(item.win_rate, item.low, item.high)),
                "-" if item.published is None else percent(item.published),
                gap,
                f"{item.episode_return:.2f}",
                f"{item.length:.1f}",
                f"{100 * item.timeouts:.1f}",
            ]
        )
    win_rates = CaptionedTable(
        "SMAC's heuristic policy",
        rows,
        "Win rate with a 95 % Wilson interval. Published: the heuristic of the SMAC paper, played on the "
        "older client 4.6.2 and quoted from memory; its mode isn't known. NO: farther away than 10 points (5 "
        "where 0 was published). Evidence, not a gate.",
    )
    return [win_rates, *_dataset_table(found)]


def _interval(estimate: Estimate) -> str:
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f}"


def _dataset_table(found: Sequence[PolicySummary]) -> list[CaptionedTable]:
    datasets = published_results()["datasets"]
    rows = [["map", "mode", "return", "length", "set", "its return", "spread", "its length"]]
    for item in found:
        near = [row for row in datasets["rows"] if row[0] == item.map]
        if near:
            _, label, mean, spread, length, _ = min(near, key=lambda row: abs(row[2] - item.episode_return))
            if abs(mean - item.episode_return) > spread:
                continue  # nobody of like strength was recorded
            rows.append(
                [
                    item.map,
                    "rest" if item.rest else "attack",
                    f"{item.episode_return:.2f}",
                    f"{item.length:.1f}",
                    label,
                    f"{mean:.2f}",
                    f"{spread:.2f}",
                    f"{length:.1f}",
                ]
            )
    if len(rows) == 1:
        return []
    caption = (
        "Each map's offline data set (recorded from StarCraft II, other policies) whose mean return is "
        "nearest, where that is within its spread: at a like return, are episodes of a like length? Sets and "
        f"policies differ, so only gross differences say anything. Source: {datasets['source']}."
    )
    return [CaptionedTable("Returns and lengths beside offline data sets", rows, caption)]
