"""Recorded episodes with health: rows counted by hand, forced plays, tables."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fop_bench.studies.fidelity import health_playback, health_recording, health_rows, health_tables
from fop_bench.studies.fidelity.fidelity_records import HealthPlays, HitTimes
from fop_bench.studies.fidelity.health_recording import HealthEpisode
from fop_core import skirmish
from fop_core.errors import FopError

ALLIES = ((9.0, 16.0), (9.0, 15.3115234375), (9.6884765625, 16.0))
ENEMIES = ((22.859375, 16.0), (22.859375, 15.3115234375), (23.5478515625, 16.0))
EAST = 4


def standing(
    losses: list[list[int]],
    orders: list[list[int]],
    allies: tuple[tuple[float, float], ...] = ((9, 16), (9, 15), (9, 14)),
    enemies: tuple[tuple[float, float], ...] = ((14, 16), (14, 30), (14, 31)),
    enemies_alive: int = 1,
) -> HealthEpisode:
    """Everybody stands. `losses` `[R, 3]` of health; `orders` `[R, 3]` enemy ids, -1 for stop."""
    rows = len(losses) + 1
    hp = 45 - np.cumsum([[0, 0, 0], *losses], axis=0)
    enemy_hp = np.tile([45 if k < enemies_alive else 0 for k in range(3)], (rows, 1))
    actions = [[6 + enemy if enemy >= 0 else 1 for enemy in row] for row in orders]
    return HealthEpisode(
        0,
        np.maximum(hp, 0),
        enemy_hp,
        np.tile(np.array(allies, np.float64), (rows, 1, 1)),
        np.tile(np.array(enemies, np.float64), (rows, 1, 1)),
        np.array(actions),
    )


def counted(episode: HealthEpisode) -> dict[str, tuple[int, int]]:
    counts = health_rows.count_rows(health_rows.Battle.of(episode), episode.hits)
    assert counts.keys() == health_rows.SITUATIONS.keys()
    return {key: both for key, both in counts.items() if both[1]}


ON_0, ON_1, ON_2 = [6, 0, 0], [0, 6, 0], [0, 0, 6]
NO = [0, 0, 0]


def test_hits_are_sixes_and_the_last_takes_what_is_left() -> None:
    episode = standing([[6, 12, 0], [39, 30, 0]], [[-1] * 3] * 2)
    assert episode.ally_hp[-1].tolist() == [0, 3, 45]
    assert episode.hits.tolist() == [[1, 2, 0], [7, 5, 0]]
    last = replace(episode, ally_hp=np.array([[3, 9, 45], [0, 0, 45]]), actions=episode.actions[:1])
    assert last.hits.tolist() == [[1, 2, 0]]


@pytest.mark.parametrize(
    ("losses", "orders", "expected"),
    [
        # The target attacks in both rows: it stays, and stays with a second attacker.
        ([ON_0, NO, ON_0], [[0, -1, -1]] * 3, {"goes_on": (1, 1)}),
        ([ON_0, NO, ON_0], [[0, 0, -1]] * 3, {"goes_on": (1, 1), "two_attackers": (1, 1)}),
        ([ON_0, NO, ON_1], [[0, 0, -1]] * 3, {"goes_on": (0, 1), "two_attackers": (0, 1)}),
        # The target left off for two rows, another attacks.
        ([ON_0, NO, ON_1], [[0, -1, -1], [-1, 0, -1], [-1, 0, -1]], {"left_before": (1, 1)}),
        # In the last row only.
        ([ON_0, NO, ON_0], [[0, 0, -1], [0, 0, -1], [-1, 0, -1]], {"left_last": (0, 1)}),
        # Nobody attacks; unit 0, straight ahead, is the nearest.
        (
            [ON_0, NO, ON_0],
            [[-1, -1, -1]] * 3,
            {"nobody": (1, 1), "first_certain": (1, 1), "first_same": (1, 1)},
        ),
        (
            [ON_1, NO, ON_1],
            [[-1, -1, -1]] * 3,
            {"nobody": (1, 1), "nobody_far": (1, 1), "first_certain": (0, 1), "first_same": (0, 1)},
        ),
        # Three rows between two hits may hide a third.
        ([ON_0, NO, NO, ON_0], [[0, -1, -1]] * 4, {}),
    ],
)
def test_situations_of_a_single_enemy(
    losses: list[list[int]], orders: list[list[int]], expected: dict[str, tuple[int, int]]
) -> None:
    assert counted(standing(losses, orders)) == expected


def test_situations_after_the_targets_death() -> None:
    both = [[0, 0, 0]] * 3
    killed = [45, 0, 0]  # 8 hits: more than a row has, so the first hit isn't certain
    assert counted(standing([killed, NO, ON_1], both)) == {}
    weak = standing([ON_0, NO, ON_1], both)
    weak.ally_hp[0, 0], weak.ally_hp[1:, 0] = 3, 0
    assert counted(weak) == {"death_two": (1, 1)}  # 5 cells, 5.1 cells, 5.4 cells
    farther = standing([ON_0, NO, ON_2], [[0, -1, 0]] * 3)
    farther.ally_hp[0, 0], farther.ally_hp[1:, 0] = 3, 0
    assert counted(farther) == {"death_farther": (1, 1)}
    none = standing([ON_0, NO, ON_1], [[0, -1, -1]] * 3)
    none.ally_hp[0, 0], none.ally_hp[1:, 0] = 3, 0
    assert counted(none) == {"death_none": (1, 1)}


def test_a_hit_is_certain_if_as_many_could_have_hit_as_hits_fell() -> None:
    near = ((14, 16), (14, 15.3), (14, 31))
    for losses, expected in (([12, 0, 0], {0: 0, 1: 0}), ([6, 0, 0], {}), ([12, 12, 0], {0: -1, 1: -1})):
        episode = standing([losses], [[-1] * 3], enemies=near, enemies_alive=2)
        assert health_rows.certain_hits(health_rows.Battle.of(episode), episode.hits, 0) == expected


@pytest.mark.parametrize(
    ("losses", "orders", "expected"),
    [
        ([[12, 0, 0], [6, 0, 0]], [[0, -1, -1]] * 2, {"spread": (0, 1), "one_enemy": (1, 1)}),
        ([[12, 0, 0], [6, 0, 0]], [[0, -1, -1], [1, -1, -1]], {"spread": (0, 1), "one_ally": (1, 1)}),
        ([[6, 6, 0], [0, 0, 6]], [[0, 0, 1]] * 2, {"spread": (1, 1), "three_allies": (0, 1)}),
        ([[6, 6, 0], [0, 0, 12]], [[0, 0, 1]] * 2, {}),  # the third and the fourth together
    ],
)
def test_the_first_three_hits(
    losses: list[list[int]], orders: list[list[int]], expected: dict[str, tuple[int, int]]
) -> None:
    near = ((14.0, 16.0), (14.0, 16.3), (14.0, 16.6))
    found = counted(standing(losses, orders, enemies=near, enemies_alive=3))
    assert {
        key: found[key] for key in found if key in ("spread", "one_enemy", "one_ally", "three_allies")
    } == (expected)


def walking(rows: int, enemies: tuple[tuple[float, float], ...] = ENEMIES) -> HealthEpisode:
    """3m's places; both sides walk towards each other, 1.125 cells a row, and agents hold fire."""
    steps = np.arange(rows + 1)[:, None, None] * np.array([1.125, 0.0])
    return HealthEpisode(
        7,
        np.full((rows + 1, 3), 45),
        np.full((rows + 1, 3), 45),
        np.array(ALLIES) + steps,
        np.array(enemies) - steps,
        np.full((rows, 3), EAST),
    )


class Watched:
    """A world that keeps what its units show after each loop."""

    def __init__(self, world: skirmish.World, seen: list[np.ndarray]) -> None:
        self.world, self.seen = world, seen

    def __getattr__(self, name: str) -> object:
        return getattr(self.world, name)

    def step(self) -> None:
        self.seen.append(self.world.units().copy())
        self.world.step()


def test_places_and_deaths_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    episode = walking(8)
    episode.ally_hp[5:, 1] = 0
    episode.enemy_hp[3:, 2] = 0
    player = health_playback.HealthPlayer()
    seen: list[np.ndarray] = []
    engine = skirmish.World
    monkeypatch.setattr(health_playback.skirmish, "World", lambda *words: Watched(engine(*words), seen))
    hits = player.play(episode, 1)
    assert hits.shape == (1, 8, 3)
    assert len(seen) == 64
    for row in range(8):
        for loop in range(8):
            units = seen[8 * row + loop]
            walked = 1.125 * row + 0.140625 * loop
            assert units["x"][0] == pytest.approx(9 + walked, abs=1e-3)
            assert units["alive"].tolist() == [1, row < 5, 1, 1, 1, row < 3]
            if units["alive"][3]:
                assert units["x"][3] == pytest.approx(22.859375 - walked, abs=1e-3)
    # They meet within 5.75 cells after 29 loops a side; by the eighth row enemies have shot, and nobody fell.
    assert hits[0, :2].sum() == 0 < hits[0].sum()
    assert hits[0, 5:, 1].sum() == 0


def test_enemy_ids_are_told_by_the_first_places() -> None:
    player = health_playback.HealthPlayer()
    turned = walking(7, (ENEMIES[2], ENEMIES[0], ENEMIES[1]))
    assert player.play(turned, 2).tolist() == player.play(walking(7), 2).tolist()
    with pytest.raises(
        FopError, match="episode 7: the places of its first row aren't where 3m has its units"
    ):
        player.play(walking(7, ((22.8, 16.0), (22.8, 16.0), (22.8, 15.3))), 1)


def test_ways_are_walked_at_full_speed() -> None:
    places = np.array([[[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]], [[0.28125, 0.0], [0.0, 1.2], [9.0, 9.0]]])
    alive = np.array([[True, True, True], [True, True, False]])
    ways = health_playback.ways_between_rows(places, alive)
    assert ways.shape == (1, 8, 3, 2)
    assert ways[0, :, 0, 0].tolist() == pytest.approx([0, 0.140625] + [0.28125] * 6)
    assert ways[0, :, 1, 1].tolist() == pytest.approx([0.15 * loop for loop in range(8)])
    assert (ways[0, :, 2] == 1).all()


def test_the_likelihood_by_hand() -> None:
    episode = standing([ON_0, NO], [[-1] * 3] * 2)
    battle = health_rows.Battle.of(episode)  # one enemy lives: 0 or 1 hit
    played = np.array([[ON_0, NO], [ON_1, NO], [NO, ON_0]]) // 6
    when, whom = health_playback.log_likelihood(episode.hits, played, battle)
    # Two of three plays have a hit in the first row, two have none in the second; 1/4 more for each number.
    assert when == pytest.approx(2 * math.log((2 + 0.25) / 3.5))
    # Of the three hits near the first row two fall on unit 0; 1/6 more for each of the three.
    assert whom == pytest.approx(math.log((2 + 1 / 6) / 3.5))


def block(first: int, recorded: tuple[int, int], played: tuple[int, int]) -> HealthPlays:
    none = dict.fromkeys(health_rows.SITUATIONS, (0, 0))
    times = HitTimes(hits=12, first=6, rows=8, together=4)
    return HealthPlays(
        episodes=[first, first + 1],
        engine="skirmish-test",
        seeds=2,
        log_likelihoods=[(-3.0, -2.0), (-4.0, -2.0)],
        recorded=none | {"nobody": recorded},
        played=none | {"nobody": played},
        recorded_times=[times, times],
        played_times=[[HitTimes(hits=10, first=None, rows=0, together=0), times]] * 2,
    )


def test_the_tables_say_which_rows_agree() -> None:
    assert health_tables.agrees((56, 56), (301, 301))
    assert not health_tables.agrees((56, 56), (80, 100))  # Wilson: 93.6 to 100
    assert health_tables.agrees((0, 0), (3, 4)) is None
    whom, when, likelihood = health_tables.health_tables(
        [block(0, (30, 30), (9, 10)), block(2, (26, 26), (9, 10))]
    )
    rows = {row[0]: row for row in whom.rows}
    assert rows["nobody attacks it"][2:] == ["56 of 56", "100.0", "93.6 to 100.0", "18 of 20", "90.0", "NO"]
    assert whom.caption.endswith("0 of 1 are.")
    assert when.rows[1] == [
        "hits on agents",
        "12.00",
        "12.00 to 12.00",
        "11.00",
        "11.00 to 11.00",
        "-1.00",
        ("-1.00 to -1.00"),
    ]
    assert when.rows[2][3] == "6.00"
    assert likelihood.rows[3][:4] == ["both", "-5.00", "-5.00 to -5.00", "-6.00"]
    assert health_tables.health_tables([]) == []


def test_missing_data_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOP_SHARED", raising=False)
    with pytest.raises(FopError, match="name their file with --data, or the folder that has it"):
        health_recording.data_file(None)
    monkeypatch.setenv("FOP_SHARED", str(tmp_path))
    with pytest.raises(FopError, match=r"odis_3m\.npz is missing: health needs this file"):
        health_recording.data_file(None)
    path = tmp_path / "part.npz"
    np.savez(path, ally_hp=np.zeros((1, 2, 3)))
    with pytest.raises(FopError, match=r"part\.npz has no enemy_hp, ally_x, .* expected the fields"):
        health_recording.load_episodes(path)
    path.write_bytes(b"no archive")
    with pytest.raises(FopError, match=r"part\.npz is no file of episodes with health"):
        health_recording.load_episodes(path)


def test_the_games_counts(real_recordings: Path) -> None:
    path = real_recordings / "odis_3m.npz"
    if not path.is_file():
        pytest.skip(f"there is no {path}; FOP_SHARED names another shared folder")
    episodes = health_recording.load_episodes(path)
    assert len(episodes) == 1200
    totals = dict.fromkeys(health_rows.SITUATIONS, (0, 0))
    for episode in episodes:
        for key, counts in health_rows.count_rows(health_rows.Battle.of(episode), episode.hits).items():
            totals[key] = totals[key][0] + counts[0], totals[key][1] + counts[1]
    assert totals == {
        "spread": (25, 901),
        "one_enemy": (52, 54),
        "one_ally": (54, 54),
        "three_allies": (277, 678),
        "goes_on": (1983, 1984),
        "two_attackers": (578, 579),
        "left_before": (131, 131),
        "left_last": (46, 89),
        "nobody": (56, 56),
        "nobody_far": (17, 17),
        "death_two": (58, 58),
        "death_farther": (16, 16),
        "death_none": (7, 7),
        "first_certain": (48, 48),
        "first_same": (220, 220),
    }
