"""Nets of the real game on our battles, as tables: a row for each map, and one for each net."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

import msgspec

from .captioned_tables import CaptionedTable
from .fidelity_records import RealResult, Record, TransferPlays
from .published_results import order_of

SHARPEST = 0.05
"""The epsilon that nets are compared at where their real result is known there: without exploration good nets
win always."""

NOTHING = RealResult(battle_won=0)


class NetsOnMap(msgspec.Struct, frozen=True, kw_only=True):
    """The nets of one map, ours less real, in points.

    Attributes:
        mean_absolute: mean absolute difference.
        mean: mean difference.
        largest: the one farthest from 0.
    """

    map: str
    nets: int
    mean_absolute: float
    mean: float
    largest: float


def plays_of(records: Iterable[Record]) -> list[TransferPlays]:
    return [record for record in records if isinstance(record, TransferPlays)]


def shown_nets(plays: Sequence[TransferPlays]) -> list[TransferPlays]:
    """Of each net the play that it is compared by: at `SHARPEST` where the real result is known there, else
    at the least epsilon where it is; where it is at none, any. In order of maps and files."""
    best: dict[str, TransferPlays] = {}
    for one in sorted(plays, key=lambda one: (one.real is None, one.epsilon != SHARPEST, one.epsilon)):
        best.setdefault(one.file, one)
    return sorted(best.values(), key=lambda one: order_of((one.map, one.file)))


def judged_nets(plays: Sequence[TransferPlays]) -> list[tuple[TransferPlays, RealResult]]:
    """Those of them whose real result is known, with it."""
    return [(one, one.real) for one in shown_nets(plays) if one.real is not None]


def difference(one: TransferPlays, real: RealResult) -> float:
    """Ours less real, in points."""
    return 100 * (one.ours.value - real.battle_won)


def nets_by_map(plays: Sequence[TransferPlays]) -> list[NetsOnMap]:
    """In SMAC's order of maps."""
    differences: dict[str, list[float]] = {}
    for one, real in judged_nets(plays):
        differences.setdefault(one.map, []).append(difference(one, real))
    return [
        NetsOnMap(
            map=name,
            nets=len(values),
            mean_absolute=statistics.fmean(map(abs, values)),
            mean=statistics.fmean(values),
            largest=max(values, key=abs),
        )
        for name, values in differences.items()
    ]


def overall(plays: Sequence[TransferPlays]) -> str:
    """One line for all nets."""
    values = [difference(one, real) for one, real in judged_nets(plays)]
    if not values:
        return "all: 0 nets, no real result is known at these epsilons"
    return (
        f"all: {len(values)} nets, mean absolute difference {statistics.fmean(map(abs, values)):.1f} points, "
        f"mean difference {statistics.fmean(values):+.1f}"
    )


def transfer_tables(plays: Sequence[TransferPlays]) -> list[CaptionedTable]:
    """By map, and net by net; nothing without plays."""
    return [_maps(plays), net_table(shown_nets(plays))] if plays else []


def _maps(plays: Sequence[TransferPlays]) -> CaptionedTable:
    rows = [["map", "nets", "mean absolute difference", "mean difference", "largest"]]
    for item in nets_by_map(plays):
        rows.append(
            [
                item.map,
                str(item.nets),
                f"{item.mean_absolute:.1f}",
                f"{item.mean:+.1f}",
                f"{item.largest:+.1f}",
            ]
        )
    return CaptionedTable(
        "Transfer: nets trained in StarCraft II on our battles",
        rows,
        "Win rate on our battles less the one in StarCraft II, in points, over the nets of each map, each at "
        f"epsilon {SHARPEST:g} where its real result is known there, else at 0.",
    )


def net_table(shown: Sequence[TransferPlays]) -> CaptionedTable:
    """A row for each net, at one epsilon."""
    rows = [["net", "map", "epsilon", "real %", "ours %", "difference"]]
    rows[0] += ["return", "length", "dead allies", "dead enemies"]
    for one in shown:
        real = one.real
        known = real or NOTHING
        rows.append(
            [
                one.file.removesuffix(".safetensors").removeprefix(f"{one.map}__"),
                one.map,
                f"{one.epsilon:g}",
                "-" if real is None else _percent(real.battle_won, real.interval),
                _percent(one.ours.value, one.ours[1:]),
                "-" if real is None else f"{difference(one, real):+.1f}",
                _both(one.returns, known.returns, 1),
                _both(one.ep_length, known.ep_length, 1),
                _both(one.dead_allies, known.dead_allies, 2),
                _both(one.dead_enemies, known.dead_enemies, 2),
            ]
        )
    return CaptionedTable(
        "Transfer: net by net",
        rows,
        "Win rates with 95 % intervals (Wilson, or as the source states them), each net at the epsilon of "
        "the table by map. Return, length and the dead of both sides: ours/real, means over episodes; ours "
        "alone where the real ones aren't known.",
    )


def _percent(value: float, interval: Sequence[float] | None) -> str:
    text = f"{100 * value:.1f}"
    return text if interval is None else f"{text} ({100 * interval[0]:.0f}-{100 * interval[1]:.0f})"


def _both(ours: float, real: float | None, digits: int) -> str:
    return f"{ours:.{digits}f}" if real is None else f"{ours:.{digits}f}/{real:.{digits}f}"
