"""What the replays show, as tables: a row for each map."""

from __future__ import annotations

from collections.abc import Mapping

from .captioned_tables import CaptionedTable, percent
from .fight_counts import fight_tables
from .map_summary import MapSummary
from .medians import short


def replay_tables(summary: Mapping[str, MapSummary]) -> list[CaptionedTable]:
    """What the replays show: tables with a row a map, the enemies in the fight, and the goals."""
    return [
        *recording_tables(summary),
        *fight_tables({name: item.fights for name, item in summary.items()}),
        goals(summary),
    ]


def recording_tables(summary: Mapping[str, MapSummary]) -> list[CaptionedTable]:
    """How far the plays depart from the recordings, one row a map."""
    return [
        _places(summary),
        _deaths(summary),
        _outcomes(summary),
        _quantiles(summary),
        _departures(summary),
    ]


def _with_floor(item: MapSummary, cell: object) -> str:
    """A cell of the recordings and, in brackets, of the noise floor; `cell` is a function of a comparison."""
    assert callable(cell)
    return (
        f"{cell(item.recording)} ({cell(item.noise_floor)})"
        if item.noise_floor
        else str(cell(item.recording))
    )


def _places(summary: Mapping[str, MapSummary]) -> CaptionedTable:
    rows = [
        [
            "map",
            "episodes",
            "spawn cells",
            "spawn exact",
            "agents <= 40",
            "within .02",
            "until attack",
            "agents",
            "enemies first",
            "enemies",
        ]
    ]
    for name, item in summary.items():
        spawns, seen = item.spawns, item.recording
        rows.append(
            [
                name,
                str(seen.episodes),
                f"{spawns.cells_agree}/{spawns.cells}",
                f"{spawns.exact_agree}/{spawns.exact}",
                str(seen.allies_free),
                "-" if seen.allies_free.n == 0 else f"{percent(seen.allies_free_within)} %",
                str(seen.allies_until_attack),
                _with_floor(item, lambda c: c.allies),
                _with_floor(item, lambda c: c.enemies_first),
                _with_floor(item, lambda c: c.enemies),
            ]
        )
    return CaptionedTable(
        "Places",
        rows,
        "Distance from the recorded places in cells, median / 90th percentile; in brackets the noise "
        "floor. Agents: at their move orders, up to loop 40 and up to their first attack order, and in the "
        "whole episode; enemies: at the first order that targets them, and at all new ones.",
    )


def _deaths(summary: Mapping[str, MapSummary]) -> CaptionedTable:
    rows = [["map", "first kill", "shift", "first loss", "all deaths %", "agents %", "enemies %", "end"]]
    rows[0].append("same killer %")
    for name, item in summary.items():
        rows.append(
            [
                name,
                _with_floor(item, lambda c: c.first_kill),
                f"{item.recording.first_kill_shift:+.0f}"
                if item.recording.first_kill_shift == item.recording.first_kill_shift
                else "-",
                _with_floor(item, lambda c: c.first_loss),
                _with_floor(item, lambda c: _in_percent(c.deaths)),
                _with_floor(item, lambda c: _in_percent(c.deaths_of[0])),
                _with_floor(item, lambda c: _in_percent(c.deaths_of[1])),
                _with_floor(item, lambda c: c.end),
                _with_floor(item, lambda c: percent(c.kills_shared)),
            ]
        )
    return CaptionedTable(
        "Deaths",
        rows,
        "Differences from the recorded loops, median / 90th percentile, noise floor in brackets. First enemy "
        "and first agent to die, and the end: in loops (8 a step); `shift`: with sign, positive where the "
        "engine is late. All deaths: the k-th against the k-th of each side, in percent of its loop; `none`: "
        "at this share of cases only one side had such a death. Same killer: share of the agents' kills.",
    )


def _in_percent(values: object) -> str:
    median, p90, n = values.median, values.p90, values.n  # type: ignore[attr-defined]
    return "-" if n == 0 else f"{short(100 * median)} / {short(100 * p90)}"


def _outcomes(summary: Mapping[str, MapSummary]) -> CaptionedTable:
    rows = [["map", "won recorded", "won engine", "won in noise floor", "same winner", "gap", "interval"]]
    rows[0] += ["same survivors", "gap", "interval", "agents lost", "enemies lost"]
    for name, item in summary.items():
        seen, floor = item.recording, item.noise_floor
        row = [name, percent(seen.won), percent(seen.plays_won), percent(floor.won) if floor else "-"]
        for field, gap in (
            ("same_winner", item.winner_gap),
            ("same_survivors", item.survivors_gap),
        ):
            row.append(_with_floor(item, lambda c, field=field: percent(getattr(c, field))))
            row += (
                [f"{100 * gap[0]:+.0f}", f"{100 * gap[1]:+.0f} to {100 * gap[2]:+.0f}"] if gap else ["-", "-"]
            )
        row += [f"{seen.losses[side]:.1f} / {seen.plays_losses[side]:.1f}" for side in (0, 1)]
        rows.append(row)
    return CaptionedTable(
        "Outcomes",
        rows,
        "Percent. Same winner, same survivors (as many agents left): share of plays that agree with their "
        "recording, in brackets the noise floor, the gap between both in points with a 95 % bootstrap "
        "interval over episodes. Won in noise floor: of the engine's own episodes by a copy of the recorded "
        "team that answers its own battle. Lost: mean dead, recorded / played.",
    )


def _quantiles(summary: Mapping[str, MapSummary]) -> CaptionedTable:
    rows = [["map", "middle half", "outer tenth", "early end", "late end", "width", "piled up"]]
    for name, item in summary.items():
        rows.append(
            [
                name,
                *(
                    _with_floor(item, lambda c, field=field: percent(getattr(c.quantiles, field)))
                    for field in ("middle", "ends", "low_end", "high_end")
                ),
                _with_floor(item, lambda c: c.quantiles.width),
                _with_floor(item, lambda c: c.quantiles.pile or "no"),
            ]
        )
    return CaptionedTable(
        "Quantiles of the recordings in the engine's distribution",
        rows,
        "Percent of quantiles (first kill, first loss, median kill, median loss, end; each episode among its "
        "own plays) in the middle half (50 expected), in the outer tenth (10 expected), below 5 % (the "
        "recording is earlier than the engine) and above 95 %. Width: range from the 10th to the 90th "
        "percentile of an episode's plays in loops, median / 90th percentile over episodes. Piled up: more "
        "than chance explains (1 %), beside the noise floor where that has more than expected.",
    )


def _departures(summary: Mapping[str, MapSummary]) -> CaptionedTable:
    rows = [["map", "left %", "loop", "who left first", "earliest"]]
    for name, item in summary.items():
        seen = item.recording
        who = ", ".join(f"{kind} {percent(share)} %" for kind, share in seen.first_off)
        rows.append(
            [
                name,
                _with_floor(item, lambda c: percent(c.departed)),
                _with_floor(item, lambda c: c.departures),
                who or "-",
                seen.example or "-",
            ]
        )
    return CaptionedTable(
        "Where the engine first leaves the recording",
        rows,
        "The first known place that is more than half a cell off: share of plays with such a place, its loop "
        "(median / 90th percentile, noise floor in brackets), whose place it was, and the earliest of all.",
    )


def goals(summary: Mapping[str, MapSummary]) -> CaptionedTable:
    """Every goal on every map."""
    maps = list(summary)
    names = [goal.name for goal in next(iter(summary.values())).goals]
    rows = [["goal", "target", *maps]]
    for place, name in enumerate(names):
        row = [name, next(iter(summary.values())).goals[place].target]
        for item in summary.values():
            goal = item.goals[place]
            row.append(goal.value + {True: " yes", False: " NO", None: ""}[goal.reached])
        rows.append(row)
    return CaptionedTable(
        "Goals", rows, "yes: reached; NO: not reached; neither where there is nothing to measure."
    )
