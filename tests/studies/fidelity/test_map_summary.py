"""Records of the fidelity commands, their summary and tables, on records made by hand."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from fop_bench.records.json_files import LineWriter
from fop_bench.studies.fidelity import (
    engine_options,
    map_summary,
    published_results,
    recordings,
)
from fop_bench.studies.fidelity.captioned_tables import as_markdown
from fop_bench.studies.fidelity.fidelity_records import (
    Departure,
    Outcome,
    Play,
    Policy,
    Record,
    Reference,
    Spawns,
    read_records,
)
from fop_bench.studies.fidelity.heuristic_policy import SEED, PolicyBlock
from fop_bench.studies.fidelity.quantiles import pile_up
from fop_bench.studies.fidelity.replay_tables import replay_tables
from fop_bench.studies.fidelity.sensitivity_tables import sensitivity_tables
from fop_core.errors import DamagedFile, FopError, UnknownName
from fop_envs.smac.skirmish import SkirmishEnv, SmacOptions


def outcome(kills: Sequence[int], losses: Sequence[int], end: int) -> Outcome:
    """Two Marines against two; the agents win if both enemies die."""
    return Outcome(
        end=end,
        winner="agents" if len(kills) == 2 else "enemy" if len(losses) == 2 else "nobody",
        survivors=(2 - len(losses), 2 - len(kills)),
        deaths=(list(losses), list(kills)),
        kills=[len(kills), 0, len(losses), 0],
    )


def reference(episode: int, result: Outcome, source: str = "recording") -> Reference:
    return Reference(
        map="3m",
        episode=episode,
        source=source,
        index=0,
        engine="skirmish-test",
        n_agents=2,
        types=["Marine"] * 4,
        outcome=result,
        first_attack=32,
        moves=[(0, 0), (24, 0), (48, 1)],
        targets=[(32, 2), (40, 2)],
        spawns=Spawns(cells=4, cells_agree=4, exact=2, exact_agree=2, worst=0.0),
    )


def play(
    episode: int,
    seed: int,
    result: Outcome,
    moves: Sequence[float | None],
    targets: Sequence[float | None],
    source: str = "recording",
) -> Play:
    far = [(loop, error) for loop, error in zip((32, 40), targets, strict=True) if error and error > 0.5]
    return Play(
        map="3m",
        episode=episode,
        source=source,
        index=0,
        seed=seed,
        outcome=result,
        move_errors=list(moves),
        target_errors=list(targets),
        departure=Departure(loop=far[0][0], unit=2, distance=far[0][1]) if far else None,
    )


WON, LATER, LOST = outcome([60, 100], [80], 105), outcome([64, 120], [80], 121), outcome([80], [50, 90], 97)
RECORDS: list[Record] = [
    reference(0, WON),
    play(0, 0, WON, [0.0, 0.01, 0.2], [0.1, 0.6]),
    play(0, 1, LATER, [0.0, 0.03, None], [0.3, 0.4]),
    play(0, 2, LOST, [0.0, 0.05, 0.4], [0.9, None]),
    reference(0, LATER, "engine"),
    play(0, 0, LATER, [0.0, 0.0, 0.0], [0.0, 0.0], "engine"),
    play(0, 1, LATER, [0.0, 0.0, 0.0], [0.0, 0.0], "engine"),
    play(0, 2, WON, [0.0, 0.0, 0.0], [0.0, 0.0], "engine"),
]


@pytest.fixture(scope="module")
def item() -> map_summary.MapSummary:
    return map_summary.summarise(RECORDS)["3m"]


def test_places(item: map_summary.MapSummary) -> None:
    seen = item.recording
    # Before the first attack at loop 32: three zeros, .01, .03 and .05; 90 % of six is the sixth.
    assert (seen.allies_free.median, seen.allies_free.p90, seen.allies_free.n) == (0.0, 0.05, 6)
    assert seen.allies_free_within == pytest.approx(4 / 6)
    assert seen.allies.n == 8
    assert (seen.enemies_first.median, seen.enemies_first.p90) == (0.3, 0.9)  # the second order isn't a first
    assert seen.enemies.n == 5
    assert seen.departed == pytest.approx(2 / 3)
    assert seen.departures.median == 32
    assert seen.first_off == [("enemy Marine", 1.0)]
    assert seen.example.startswith("episode 0, seed 2: loop 32, unit 2 (enemy Marine), 0.90")


def test_deaths(item: map_summary.MapSummary) -> None:
    seen = item.recording
    assert (seen.first_kill.median, seen.first_kill.p90) == (4, 20)  # 0, 4 and 20
    assert seen.first_kill_shift == 4
    assert seen.first_loss.median == 0  # 0, 0 and 30
    # Agents: 0; 0; 30/80 and an unmatched one. Enemies: 0, 0; 4/60, 20/100; 20/60 and an unmatched one.
    assert seen.deaths_of[0].n == 4
    assert seen.deaths_of[1].n == 6
    assert seen.deaths_of[1].median == pytest.approx(4 / 60)
    assert seen.deaths.p90 == math.inf
    assert seen.end.median == 8  # 0, 16 and 8
    assert seen.kills_shared == pytest.approx((1 + 1 + 0.5) / 3)


def test_outcomes_and_their_floor(item: map_summary.MapSummary) -> None:
    seen, own = item.recording, item.noise_floor
    assert own is not None
    assert (seen.won, seen.plays_won, seen.same_winner) == (1.0, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (own.same_winner, own.same_survivors) == (1.0, 1.0)
    assert seen.survivors_off == pytest.approx(0.5 / 3)  # one of two agents, in one of three plays
    # One episode on each side: resampling it changes nothing.
    assert item.winner_gap == (pytest.approx(-1 / 3), pytest.approx(-1 / 3), pytest.approx(-1 / 3))


def test_quantiles(item: map_summary.MapSummary) -> None:
    # First kill 60 among 60, 64, 80; first loss 80 among 80, 80, 50; median kill 60 (of 60 and 100) among 60,
    # 64, 80; median loss 80 among 80, 80, 50; end 105 among 105, 121, 97.
    assert item.recording.quantiles.values == pytest.approx([1 / 6, 2 / 3, 1 / 6, 2 / 3, 1 / 2], abs=1e-4)
    assert item.recording.quantiles.middle == pytest.approx(3 / 5)
    assert item.recording.quantiles.ends == 0
    assert item.recording.quantiles.pile == ""


def test_pile_up_is_told_from_chance() -> None:
    assert pile_up(16, middle=0.5, ends=0.1) == ""
    assert pile_up(16, middle=0.2, ends=0.6) == "ends"
    assert pile_up(16, middle=1.0, ends=0.0) == "middle"


def test_pile_up_is_measured_from_the_floor(item: map_summary.MapSummary) -> None:
    floor = msgspec.structs.replace(item.recording.quantiles, ends=0.5, middle=0.3)
    assert pile_up(16, middle=0.2, ends=0.6, beside=floor) == ""
    assert pile_up(16, middle=0.0, ends=1.0, beside=floor) == "ends"
    assert pile_up(16, middle=1.0, ends=0.0, beside=floor) == "middle"  # a half is expected anyway


def test_goals_say_what_is_reached(item: map_summary.MapSummary) -> None:
    reached = {goal.name: goal.reached for goal in item.goals}
    assert reached == {
        "spawn places": True,
        "agents, first 40 loops (90th percentile)": False,
        "agents until the first attack (median)": True,
        "enemies at their first order (median)": False,
        "first kill (median)": True,
        "all deaths (median)": True,  # 0, 0, 0, 0, 0, .067, .2, .33, .375 and an unmatched one
        "same winner": False,
        "same survivors": False,
        "quantiles": True,
    }


def test_tables_have_a_row_for_each_map_and_every_goal(item: map_summary.MapSummary) -> None:
    found = replay_tables({"3m": item})
    for table in found:
        assert {len(row) for row in table.rows} == {len(table.rows[0])}
    assert [row[0] for row in found[0].rows] == ["map", "3m"]
    assert found[1].rows[1][1:3] == ["4 / 20 (0 / 4)", "+4"]
    assert found[-1].rows[1] == ["spawn places", "all", "4/4 cells, 2/2 exact yes"]
    assert "| 3m |" in as_markdown(found)


def test_records_survive_a_torn_last_line(tmp_path: Path) -> None:
    path = tmp_path / "replays.jsonl"
    writer = LineWriter(path, keep_bytes=None)
    writer.write(*RECORDS[:2])
    writer.close()
    path.write_bytes(path.read_bytes() + b'{"event": "play", "ma')
    assert read_records(path) == RECORDS[:2]
    writer = LineWriter(path, keep_bytes=None)
    writer.write(*RECORDS[2:])
    writer.close()
    assert read_records(path) == RECORDS
    path.write_bytes(b"{}\n" + path.read_bytes())
    with pytest.raises(DamagedFile, match="line 1, is not a record"):
        read_records(path)


# ---- the heuristic policy ----


def test_a_block_of_the_policy_is_the_sum_of_its_episodes() -> None:
    (record,) = PolicyBlock("3m", False, first=5, episodes=70)()  # more episodes than slots
    assert isinstance(record, Policy)
    env = SkirmishEnv("3m", seed=SEED, heuristic_ai=True)
    for place in (0, 64, 69):
        env.reset(np.array([0]), np.array([5 + place]))
        total, steps = 0.0, 0
        while True:
            step = env.step(np.zeros((1, 3), np.int64), np.ones(1, bool))
            total, steps = total + float(step.reward[0]), steps + 1
            if step.terminated[0] or step.truncated[0]:
                break
        assert record.returns[place] == pytest.approx(total, abs=1e-3)
        assert record.lengths[place] == steps
        assert record.won[place] == bool(step.info["battle_won"][0])


def policy(name: str, won: int, option: str = "", value: str = "") -> Policy:
    wins = [True] * won + [False] * (100 - won)
    return Policy(
        map=name,
        rest=False,
        first=0,
        engine="skirmish-test",
        option=option,
        value=value,
        won=wins,
        returns=[18.0] * 100,
        lengths=[40] * 100,
        timeouts=[False] * 100,
    )


def test_the_policy_stands_beside_the_published_row() -> None:
    table, datasets = published_results.policy_tables(
        [policy("2s3z", 50), policy("3m", 50), policy("corridor", 4)]
    )
    # Wilson's interval of 50 in 100: (.5 + 1.92/100) / (1 + 3.84/100) -+ .0961
    row = ["2s3z", "attack", "100", "50.0", "40.4 to 59.6", "90", "-40 NO", "18.00", "40.0", "0.0"]
    assert table.rows[2] == row
    assert table.rows[1][5:7] == ["-", "-"]
    assert table.rows[3][5:7] == ["0", "+4"]
    # Nearest in return to 18.00: 18.32 of 53.49 steps. On corridor 19.88, more than its spread off.
    assert [row[0] for row in datasets.rows] == ["map", "3m", "2s3z"]
    assert datasets.rows[2] == ["2s3z", "attack", "18.00", "40.0", "og_marl Good", "18.32", "2.95", "53.5"]


def test_sensitivity_shows_changes_beyond_the_intervals() -> None:
    (table,) = sensitivity_tables(
        [policy("3m", 50), policy("3m", 55, "crowding", "0.0"), policy("3m", 90, "crowding", "2.0")]
    )
    assert table.rows == [
        ["option", "value", "3m"],
        ["(defaults)", "", "50"],
        ["crowding", "0.0", "55"],
        ["crowding", "2.0", "90 (+40)"],
    ]


# ---- options ----


def test_every_engine_option_is_varied_within_what_it_allows() -> None:
    defaults = engine_options.engine_options()
    found = list(engine_options.variants())
    assert {name for name, _ in found} == set(defaults)
    for name, value in found:
        assert value != defaults[name]
        assert type(value) is type(defaults[name])
        SmacOptions.named({name: value}).native()


def test_settings_are_read_by_the_option_s_kind() -> None:
    assert engine_options.parse({"scan_interval": "4", "cooldown_noise": "false", "client": "4.6.2"}) == {
        "scan_interval": 4,
        "cooldown_noise": False,
        "client": "4.6.2",
    }
    with pytest.raises(UnknownName, match="did you mean scan_interval"):
        engine_options.parse({"scan_intervall": "4"})
    for bad in ({"scan_interval": "0"}, {"scan_interval": "often"}, {"cooldown_noise": "maybe"}):
        with pytest.raises(FopError, match="expected a value"):
            engine_options.parse(bad)


# ---- recordings ----


def test_a_folder_without_recordings_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOP_RECORDINGS", str(tmp_path / "nowhere"))
    with pytest.raises(FopError, match="nowhere is no folder of recordings; name one with --recordings"):
        recordings.folder(None)
    (tmp_path / "3m.json").write_text(json.dumps({"episodes": []}))
    (tmp_path / "notes.json").write_text("[]")
    assert recordings.folder(tmp_path) == tmp_path
    assert recordings.available(tmp_path) == ["3m"]
    (tmp_path / "8m.json.gz").write_bytes(b"no gzip")
    with pytest.raises(FopError, match="is no decoded recording"):
        recordings.load(tmp_path, "8m")
    with pytest.raises(UnknownName, match="unknown recording"):
        recordings.load(tmp_path, "MMM2")
