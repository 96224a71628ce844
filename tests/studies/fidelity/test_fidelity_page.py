"""The page on fidelity, made from records alone."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from fop_bench.records.json_files import LineWriter
from fop_bench.studies.fidelity import fidelity_page
from fop_bench.studies.fidelity.fidelity_records import (
    AGREEMENT,
    FORCED_PLAYBACK,
    HEURISTIC,
    REPLAYS,
    TRANSFER,
    AgreementPlays,
    ForcedPlays,
    Outcome,
    Play,
    Policy,
    RealResult,
    Reference,
    Spawns,
    TransferPlays,
)
from fop_bench.studies.fidelity.map_summary import summarise
from fop_bench.studies.fidelity.published_results import PolicySummary
from fop_bench.studies.fidelity.transfer_tables import NetsOnMap
from fop_core.errors import FopError
from fop_envs.smac.maps import map_names


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


def net(map_name: str, number: int, won: int, real: float) -> TransferPlays:
    return TransferPlays(
        file=f"{map_name}__qmix__{number}.safetensors",
        map=map_name,
        algorithm="qmix",
        epsilon=0.05,
        engine="skirmish-test",
        episodes=100,
        won=won,
        returns=19.25,
        ep_length=30.0,
        dead_allies=1.0,
        dead_enemies=2.5,
        real=RealResult(battle_won=real, n=100, low=real, high=real, returns=19.0, ep_length=31.0),
    )


def written(folder: Path, name: str, *found: Any) -> None:
    writer = LineWriter(folder / name)
    writer.write(*found)
    writer.close()


def test_the_page_opens_with_the_nets_and_a_row_for_each_map(tmp_path: Path) -> None:
    nets = [net("3m", 1, 83, 0.8), net("3m", 2, 92, 0.96), net("8m", 1, 97, 0.6), net("8m", 2, 90, 0.7)]
    written(tmp_path, TRANSFER, *nets)
    written(tmp_path, REPLAYS, *records(WON, [WON, WON]))
    agreement = AgreementPlays(
        map="3m",
        episode=0,
        engine="skirmish-test",
        net="acting",
        particles=2,
        ids=[0, 1, 2],
        agreed=[3.0],
        decisions=[3],
        filtered=3.0,
        evidence=-0.5,
    )
    written(tmp_path, AGREEMENT, agreement)
    forced = ForcedPlays(
        map="3m", episode=0, options="a rule", engine="skirmish-test", seeds=2, loops=60, agreeing=2
    )
    written(tmp_path, FORCED_PLAYBACK, forced)
    out = tmp_path / "docs" / "fidelity.md"
    paths = fidelity_page.write_page(tmp_path, out)
    assert out.parent / "figures" / "fidelity" / "transfer.png" in paths
    title, lead, figure, *rest = out.read_text().split("\n\n")
    assert title == "# Fidelity: the engine compared with StarCraft II"
    assert lead.startswith("4 nets that were trained in StarCraft II played on engine skirmish-test, and")
    # 3, -4, 37 and 20 points.
    assert "16.0 points off the real ones on average (mean difference +14.0). Compare algorithms" in lead
    assert figure.startswith("![")
    assert figure.endswith("](figures/fidelity/transfer.png)")
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in rest[0].splitlines()]
    assert [row[0] for row in rows[2:]] == list(map_names())
    by_map = {row[0]: row[1:] for row in rows[2:]}
    assert by_map["3m"] == ["2", "3.5", "-0.5", "-", "-", "-", "9/9", "as in the game"]
    assert by_map["8m"] == ["2", "28.5", "+28.5", "-", "-", "-", "-", "too easy"]
    assert by_map["MMM"] == ["-"] * 7 + ["not compared"]
    parts = {path.name: path.read_text() for path in (tmp_path / "docs" / "fidelity").glob("*.md")}
    assert parts.keys() == {"transfer.md", "recordings.md", "agreement.md", "forced_playback.md"}
    for name in parts:
        assert f"](fidelity/{name})" in out.read_text()
    assert "| qmix__1 " in parts["transfer.md"]
    assert "19.2/19.0" in parts["transfer.md"]


def test_the_page_of_many_nets_has_the_farthest_ones(tmp_path: Path) -> None:
    written(tmp_path, TRANSFER, *(net("8m", k, k % 100, 0.0) for k in range(300)))
    fidelity_page.write_page(tmp_path, tmp_path / "fidelity.md")
    text = (tmp_path / "fidelity" / "transfer.md").read_text()
    assert "The 90 of 300 nets whose win rates are farthest from the real ones:" in text
    assert "| qmix__299 " in text
    assert "| qmix__200 " not in text
    assert len(text.split()) <= 2500


def test_the_verdict_takes_the_best_evidence() -> None:
    def nets(absolute: float, mean: float) -> NetsOnMap:
        return NetsOnMap(map="3m", nets=3, mean_absolute=absolute, mean=mean, largest=absolute)

    def policy(won: float, published: float | None) -> PolicySummary:
        return PolicySummary(
            map="3m",
            rest=False,
            episodes=100,
            win_rate=won,
            low=won,
            high=won,
            published=published,
            episode_return=1,
            length=1,
            timeouts=0,
        )

    words = fidelity_page.few_words
    recorded = summarise(records(WON, [WON, WON]))["3m"]
    lost = outcome(won=False, lost=3, first_kill=61)
    other = summarise(records(WON, [lost, lost]))["3m"]
    assert words(nets(4, 3), policy(0.5, 0.0), other) == "as in the game"
    assert words(nets(8, -8), None, None) == "a little too hard"
    assert words(nets(30, 20), None, None) == "too easy"
    assert words(nets(30, 10), None, None) == "differs from net to net"
    assert words(None, policy(0.5, 0.0), recorded) == "as recorded"
    assert words(None, None, other) == "outcomes differ from the recordings'"
    assert words(None, policy(0.5, 0.55), None) == "heuristic as published"
    assert words(None, policy(0.5, 0.0), None) == "heuristic easier than published"
    assert words(None, policy(0.5, 0.9), None) == "heuristic harder than published"
    assert words(None, policy(0.5, None), None) == "not compared"


def test_a_folder_without_records_is_told(tmp_path: Path) -> None:
    with pytest.raises(FopError, match=r"has no records of fidelity: expected one of replays\.jsonl"):
        fidelity_page.write_page(tmp_path, tmp_path / "fidelity.md")
