"""The pages on fidelity, generated from the records of a folder: whatever is a number there was measured.

One says how far to trust a result; behind it are the tables of each part.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fop_core.errors import FopError
from fop_envs.smac.maps import map_names

from . import fidelity_output, published_results
from .captioned_tables import as_markdown
from .fidelity_records import Play, Tracks
from .health_tables import health_tables
from .map_summary import MapSummary
from .medians import short
from .replay_tables import replay_tables
from .sensitivity_tables import sensitivity_tables
from .study_part import Found

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
    parts = {
        "recordings": ("Recordings played into the engine", _replays(found) if found.maps else ""),
        "heuristic_policy": ("The heuristic policy", _policies(found) if found.records["heuristic"] else ""),
        "health": (
            "Whom an enemy shoots at, from recorded health",
            as_markdown(health_tables(found.records["health"])),
        ),
        "engine_options": ("The effect of the engine's options", _sensitivity(found)),
    }
    parts = {name: (title, text) for name, (title, text) in parts.items() if text}
    head = template.format(
        engine=fidelity_output.engines(found),
        seeds=max(
            (record.seed + 1 for record in found.records["replays"] if isinstance(record, Play)), default=0
        ),
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


def _sensitivity(found: Found) -> str:
    tables = as_markdown(sensitivity_tables(found.records["sensitivity"]))
    return f"One option is varied at a time.\n\n{tables}" if tables else ""


def _replays(found: Found) -> str:
    *measured, goals = replay_tables(found.maps)
    parts = [goals.markdown]
    for table in measured:
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
    outcome = {"same winner", "same survivors"} & set(missed)
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
