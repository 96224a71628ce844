"""The page on fidelity, made from records alone."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from fop_bench.records.json_files import LineWriter
from fop_bench.studies.fidelity import fidelity_page
from fop_bench.studies.fidelity.fidelity_records import (
    HEURISTIC,
    REPLAYS,
    Outcome,
    Play,
    Policy,
    Reference,
    Spawns,
)
from fop_bench.studies.fidelity.map_summary import summarise
from fop_core.errors import FopError


def outcome(won: bool, lost: int, first_kill: int) -> Outcome:
    kills = [first_kill, 100, 120] if won else [first_kill]
    return Outcome(
        end=121,
        winner="agents" if won else "enemy",
        survivors=(3 - lost, 3 - len(kills)),
        deaths=([70 + 10 * k for k in range(lost)], kills),
        kills=[len(kills), 0, 0, lost, 0, 0],
    )


def records(recorded: Outcome, played: list[Outcome]) -> list[Any]:
    """One recorded episode of 3m and its plays, with a floor that agrees with itself."""
    found: list[Any] = []
    for source, reference, plays in (
        ("recording", recorded, played),
        ("engine", played[0], [played[0]] * len(played)),
    ):
        found.append(
            Reference(
                map="3m",
                episode=1,
                source=source,
                index=0,
                engine="skirmish-test",
                n_agents=3,
                types=["Marine"] * 6,
                outcome=reference,
                first_attack=32,
                moves=[(0, 0), (24, 0)],
                targets=[(32, 3)],
                spawns=Spawns(cells=6, cells_agree=6, exact=3, exact_agree=3, worst=0)
                if source == "recording"
                else None,
            )
        )
        found += [
            Play(
                map="3m",
                episode=1,
                source=source,
                index=0,
                seed=seed,
                outcome=play,
                move_errors=[0.0, 0.0],
                target_errors=[0.1],
                departure=None,
            )
            for seed, play in enumerate(plays)
        ]
    return found


WON = outcome(won=True, lost=1, first_kill=61)


def test_a_map_whose_goals_are_reached() -> None:
    text = fidelity_page.verdict(summarise(records(WON, [WON, WON]))["3m"])
    assert text == (
        "9 of 9 goals reached. It fights as the recordings do, as far as they tell. Medians: enemies 0.100 "
        "cells from the recorded place when first attacked, first kill off by 0 (loops)."
    )


def test_a_map_whose_outcomes_differ_says_who_is_too_strong() -> None:
    lost = outcome(won=False, lost=3, first_kill=61)
    text = fidelity_page.verdict(summarise(records(WON, [lost, lost]))["3m"])
    # The noise floor's plays lose as many as its episodes, so all of the difference is the engine's.
    assert text.startswith("6 of 9 goals reached; missed: all deaths (median), same winner, same survivors.")
    assert (
        "Outcomes don't agree: the enemy is too strong; of the agents fall 3.0 where 1.0 were recorded "
        "(noise floor: 3.0 where 3.0), of the enemies 1.0 where 3.0 were recorded (noise floor: 1.0 where "
        "1.0)." in text
    )


def test_the_page_is_whole(tmp_path: Path) -> None:
    writer = LineWriter(tmp_path / REPLAYS)
    writer.write(*records(WON, [WON, WON]))
    writer.close()
    policy = Policy(
        map="2s3z",
        rest=False,
        first=0,
        engine="skirmish-test",
        option="",
        value="",
        won=[True] * 9 + [False],
        returns=[19.0] * 10,
        lengths=[50] * 10,
        timeouts=[False] * 10,
    )
    writer = LineWriter(tmp_path / HEURISTIC)
    writer.write(policy, structs.replace(policy, map="corridor"))
    writer.close()
    out = tmp_path / "docs" / "fidelity.md"
    out.parent.mkdir()
    out.with_name("fidelity_missing.md").write_text("## What is missing\n\nThe chase rule.\n")
    written = fidelity_page.write_page(tmp_path, out)
    text = out.read_text()
    parts = {path.name: path.read_text() for path in (tmp_path / "docs" / "fidelity").glob("*.md")}
    assert parts.keys() == {"recordings.md", "heuristic_policy.md"}
    assert "- [The heuristic policy](fidelity/heuristic_policy.md)" in text
    assert "Engine: skirmish-test" in text
    assert "under 2 seeds" in text
    assert "- **3m**: 9 of 9 goals reached." in text
    assert "## What is missing\n\nThe chase rule.\n\n## The measurements" in text
    policies = " ".join(parts["heuristic_policy.md"].split())
    assert "comes near the published figure on 1 of 2 maps, and not on corridor." in policies
    assert "{" not in text, "every blank of the template is filled"
    # Every figure that was drawn is shown, and no other.
    shown = {part.split(")")[0] for part in "".join(parts.values()).split("](../figures/")[1:]}
    drawn = {path.relative_to(out.parent / "figures").as_posix() for path in written if path.suffix == ".png"}
    assert shown == drawn


def test_a_folder_without_records_is_told(tmp_path: Path) -> None:
    with pytest.raises(FopError, match=r"has no records of fidelity: expected one of replays\.jsonl"):
        fidelity_page.write_page(tmp_path, tmp_path / "fidelity.md")
