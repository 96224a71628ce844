"""The pages on fidelity, generated from the records of a folder: whatever is a number there was measured.

The first says how far to trust a result; behind it are the tables of each part.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from fop_core.errors import FopError
from fop_envs.smac.maps import map_names

from . import fidelity_output, published_results
from .agreement_tables import agreement_tables
from .captioned_tables import CaptionedTable, as_markdown, percent
from .fidelity_records import Play, Tracks
from .fight_counts import fight_tables
from .forced_playback import forced_tables
from .health_tables import health_tables
from .map_summary import MapSummary
from .medians import short
from .published_results import PolicySummary
from .replay_tables import goals, recording_tables
from .sensitivity_tables import sensitivity_tables
from .study_part import Found
from .transfer_figure import BAND
from .transfer_tables import (
    NetsOnMap,
    difference,
    judged_nets,
    net_table,
    nets_by_map,
    plays_of,
    shown_nets,
    transfer_tables,
)

OUTCOMES = ("same winner", "same survivors")
MOST_NETS = 90
"""Rows of the table net by net: with more the page would be too long to read."""

FIGURES = {
    "Places": ("errors", "Distance from the recorded places by loop."),
    "Quantiles of the recordings in the engine's distribution": (
        "quantiles",
        "Where the recordings lie among their plays, in tenths; the line is the noise floor.",
    ),
}


def write_page(folder: Path, out: Path) -> list[Path]:
    """Writes the first page, its parts into a folder of its name, and the figures; returns the paths.

    A file `<name>_missing.md` beside the page, written by hand, becomes its part on missing rules.

    Raises:
        FopError: the folder has no records, or a page can't be written.
    """
    found = fidelity_output.load(folder)
    notes = out.with_name(f"{out.stem}_missing.md")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        figures = out.parent / "figures" / "fidelity"
        drawn = fidelity_output.draw(found, figures, ("png",))
        missing = notes.read_text(encoding="utf-8") if notes.exists() else ""
        written = []
        for name, text in pages(found, missing, out.stem).items():
            path = out.parent / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise FopError(f"cannot write {out}: {error.strerror or error}") from error
    return [*written, *drawn]


def pages(found: Found, missing: str = "", stem: str = "fidelity") -> dict[str, str]:
    """Pages as Markdown by their files' names. `missing`: a part written by hand, headed by itself."""
    template = files("fop_bench.studies.fidelity").joinpath("data/page.md").read_text(encoding="utf-8")
    others = [name for name in map_names() if name not in found.maps]
    verdicts = [f"- **{name}**: {verdict(item)}" for name, item in found.maps.items()]
    texts = {name: (title, text(found)) for part, name, title, text in PAGES if found.records[part]}
    parts = {name: (title, text) for name, (title, text) in texts.items() if text}
    table = trust_table(found)
    seeds = [record.seed + 1 for record in found.records["replays"] if isinstance(record, Play)]
    head = template.format(
        lead=_lead(found),
        trust=f"{table.body}\n\n{table.caption}",
        engine=fidelity_output.engines(found),
        seeds=max(seeds, default=0),
        verdicts="\n".join(verdicts) or "Nothing was measured.",
        others=len(others),
        names=", ".join(others),
        missing=f"{missing.strip()}\n\n" if missing.strip() else "",
        parts="\n".join(f"- [{title}]({stem}/{name}.md)" for name, (title, _) in parts.items()),
    )
    back = f"This page is generated; [fidelity](../{stem}.md) says how."
    return {f"{stem}.md": head} | {
        f"{stem}/{name}.md": f"# {title}\n\n{back}\n\n{text}\n" for name, (title, text) in parts.items()
    }


def _lead(found: Found) -> str:
    """Two sentences, and the figure where nets were played."""
    advice = (
        "Compare algorithms with each other, on the same engine version, and don't put a win rate of this "
        "engine beside a published one without saying so."
    )
    engine = fidelity_output.engines(found)
    judged = judged_nets(plays_of(found.records["transfer"]))
    if not judged:
        return f"No nets of StarCraft II were played on engine {engine} for this page. {advice}"
    apart = [difference(one, real) for one, real in judged]
    caption = "A dot for each net: won on this engine against won in StarCraft II, with 95 % intervals."
    return (
        f"{len(apart)} nets that were trained in StarCraft II played on engine {engine}, and their win rates "
        f"are {statistics.fmean(map(abs, apart)):.1f} points off the real ones on average (mean difference "
        f"{statistics.fmean(apart):+.1f}). {advice}\n\n![{caption}](figures/fidelity/transfer.png)"
    )


def trust_table(found: Found) -> CaptionedTable:
    """How far to trust each map: a row for all 23."""
    nets = {item.map: item for item in nets_by_map(plays_of(found.records["transfer"]))}
    played = published_results.policies(found.records["heuristic"])
    heuristic = {item.map: item for item in played if not item.rest}
    rows = [["map", "nets", "mean absolute difference", "mean difference"]]
    rows[0] += ["heuristic %", "published %", "difference", "goals", "verdict"]
    for name in map_names():
        some, policy, item = nets.get(name), heuristic.get(name), found.maps.get(name)
        row = [name, "-", "-", "-", "-", "-", "-", "-", few_words(some, policy, item)]
        if some:
            row[1:4] = [str(some.nets), f"{some.mean_absolute:.1f}", f"{some.mean:+.1f}"]
        if policy:
            row[4] = percent(policy.win_rate)
            if policy.published is not None:
                row[5:7] = [
                    percent(policy.published),
                    f"{100 * (policy.win_rate - policy.published):+.0f}",
                ]
        if item:
            judged = [goal.reached for goal in item.goals if goal.reached is not None]
            row[7] = f"{sum(judged)}/{len(judged)}"
        rows.append(row)
    caption = (
        "Nets: how many trained in StarCraft II played the map, and their win rate here less the one there, "
        "in points. Heuristic: win rate of SMAC's own policy here and in SMAC's paper. Goals: reached of "
        "those that recorded episodes judge. The verdict is the nets' where there are any (*as in the game*: "
        f"within {BAND} points on average; *too easy*: agents win more often here), else the recordings', "
        "else the heuristic's."
    )
    return CaptionedTable("How far to trust a result", rows, caption)


def few_words(nets: NetsOnMap | None, policy: PolicySummary | None, item: MapSummary | None) -> str:
    """The verdict on a map, by the best evidence that there is."""
    if nets:
        if nets.mean_absolute <= BAND:
            return "as in the game"
        if abs(nets.mean) < nets.mean_absolute / 2:
            return "differs from net to net"
        side = "too easy" if nets.mean > 0 else "too hard"
        return side if nets.mean_absolute > 2 * BAND else f"a little {side}"
    missed = [goal.name for goal in item.goals if goal.reached is False] if item else []
    if item and any(goal.reached is not None for goal in item.goals):
        if set(OUTCOMES) & set(missed):
            return "outcomes differ from the recordings'"
        return "outcomes as recorded" if missed else "as recorded"
    within = published_results.within_reach(policy) if policy else None
    if policy is None or policy.published is None:
        return "not compared"
    if within:
        return "heuristic as published"
    return f"heuristic {'easier' if policy.win_rate > policy.published else 'harder'} than published"


def _transfer(found: Found) -> str:
    plays = plays_of(found.records["transfer"])
    by_map, _ = transfer_tables(plays)
    shown, note = shown_nets(plays), ""
    if len(shown) > MOST_NETS:
        judged = sorted(judged_nets(plays), key=lambda pair: -abs(difference(*pair)))[:MOST_NETS]
        farthest = {one.file for one, _ in judged}
        note = (
            f"The {len(farthest)} of {len(shown)} nets whose win rates are farthest from the real ones:\n\n"
        )
        shown = [one for one in shown if one.file in farthest]
    return f"{by_map.markdown}\n\n{note}{net_table(shown).markdown}"


def _fights(found: Found) -> str:
    return as_markdown(fight_tables({name: item.fights for name, item in found.maps.items()}))


def _agreement(found: Found) -> str:
    return as_markdown(agreement_tables(found.records["agreement"]))


def _health(found: Found) -> str:
    return as_markdown(health_tables(found.records["health"]))


def _forced(found: Found) -> str:
    return as_markdown(forced_tables(found.records["forced-playback"]))


def _sensitivity(found: Found) -> str:
    tables = as_markdown(sensitivity_tables(found.records["sensitivity"]))
    return f"One option is varied at a time.\n\n{tables}"


def _replays(found: Found) -> str:
    parts = [goals(found.maps).markdown]
    for table in recording_tables(found.maps):
        parts.append(table.markdown)
        if table.title in FIGURES:
            name, caption = FIGURES[table.title]
            parts.append(f"![{caption}](../figures/fidelity/{name}.png)")
    tracked = {record.map for record in found.records["replays"] if isinstance(record, Tracks)}
    for name in found.maps:
        parts.append(f"### {name}")
        if name in tracked:
            caption = f"{name}: one episode, recorded places and the engine's paths"
            parts.append(f"![{caption}](../figures/fidelity/tracks-{name}.png)")
        caption = f"{name}: loops of deaths and end, each episode among its plays"
        parts.append(f"![{caption}](../figures/fidelity/deaths-{name}.png)")
    return "\n\n".join(parts)


def _policies(found: Found) -> str:
    played = published_results.policies(found.records["heuristic"])
    judged = {item.map: published_results.within_reach(item) for item in played if not item.rest}
    near = [name for name, claim in judged.items() if claim]
    far = [name for name, claim in judged.items() if claim is False]
    compared = len(near) + len(far)
    head = (
        "SMAC brings a policy of its own: everybody attacks the nearest enemy, and keeps to it. It needs no "
        "training, so it is the one figure of SMAC's paper that an engine can be asked for at once. Without "
        f"`heuristic_rest` it comes near the published figure on {len(near)} of {compared} maps"
    )
    head += f", and not on {', '.join(far)}." if far else "."
    return f"{head}\n\n{as_markdown(published_results.policy_tables(found.records['heuristic']))}"


def verdict(item: MapSummary) -> str:
    """A sentence or two on one map, from its goals."""
    judged = [goal for goal in item.goals if goal.reached is not None]
    missed = [goal.name for goal in judged if not goal.reached]
    reached = f"{len(judged) - len(missed)} of {len(judged)} goals reached"
    outcome = set(OUTCOMES) & set(missed)
    if not missed:
        advice = "It fights as the recordings do, as far as they tell."
    elif not outcome:
        advice = "Outcomes agree with the recordings as well as the engine's own do; details don't."
        if item.recording.won == 0:
            advice += " The recorded team lost every time, so that shows little."
    else:
        advice = f"Outcomes don't agree: {_leaning(item)}. Win rates here are the engine's own."
    return f"{reached}{'; missed: ' if missed else ''}{', '.join(missed)}. {advice} {_figures(item)}"


def _leaning(item: MapSummary) -> str:
    """Which side is too strong, by the dead of both beyond what open-loop play alone explains."""
    seen, floor = item.recording, item.noise_floor
    beyond = [
        seen.plays_losses[side]
        - seen.losses[side]
        - (floor.plays_losses[side] - floor.losses[side] if floor else 0.0)
        for side in (0, 1)
    ]
    leaning = "neither side is clearly too strong"
    if beyond[0] > 0 > beyond[1]:
        leaning = "the enemy is too strong"
    elif beyond[0] < 0 < beyond[1]:
        leaning = "the enemy is too weak"
    dead = []
    for side in (0, 1):
        text = f"{seen.plays_losses[side]:.1f} where {seen.losses[side]:.1f} were recorded"
        if floor:
            text += f" (noise floor: {floor.plays_losses[side]:.1f} where {floor.losses[side]:.1f})"
        dead.append(text)
    return f"{leaning}; of the agents fall {dead[0]}, of the enemies {dead[1]}"


def _figures(item: MapSummary) -> str:
    seen = item.recording
    return (
        f"Medians: enemies {short(seen.enemies_first.median)} cells from the recorded place when first "
        f"attacked, first kill off by {short(seen.first_kill.median)} (loops)."
    )


PAGES: tuple[tuple[str, str, str, Callable[[Found], str]], ...] = (
    ("transfer", "transfer", "Nets of StarCraft II on this engine", _transfer),
    ("replays", "recordings", "Recordings played into the engine", _replays),
    ("replays", "fights", "How many enemies are in the fight", _fights),
    ("heuristic", "heuristic_policy", "The heuristic policy", _policies),
    ("health", "health", "Whom an enemy shoots at, from recorded health", _health),
    ("agreement", "agreement", "Do the recordings' nets decide as recorded?", _agreement),
    ("forced-playback", "forced_playback", "Whom an enemy shoots at, by forced playback", _forced),
    ("sensitivity", "engine_options", "The effect of the engine's options", _sensitivity),
)
"""Pages behind the first one: the part whose records they show, their name, title and text."""
