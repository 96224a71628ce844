"""Measures of a play against its episode, on episodes made by hand; every number is worked out beside it."""

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from fop_bench.studies.fidelity import measures, noise_floor
from fop_bench.studies.fidelity.fidelity_records import Departure, Fight, Outcome
from fop_bench.studies.fidelity.fight_counts import fight_counts, fight_tables
from fop_bench.studies.fidelity.medians import percentile
from fop_bench.studies.fidelity.playback import Playback, Player, Sighting
from fop_bench.studies.fidelity.quantiles import Pair, quantile
from fop_bench.studies.fidelity.recordings import Birth, Death, Episode, FightList, Order

AGENTS = (Birth("Marine", 0, (9, 16)), Birth("Marine", 0, (9, 15)), Birth("Marine", 0, (9, 16)))
ENEMIES = (
    Birth("Marine", 1, (23, 16), tag=3),
    Birth("Marine", 1, (23, 15), tag=4),
    Birth("Marine", 1, (23, 16), tag=6),
)
EPISODE = Episode(
    number=0,
    first=True,
    units=AGENTS + ENEMIES,
    deaths=(
        Death(loop=60, unit=3, killer=0, by_reset=False),
        Death(loop=75, unit=1, killer=4, by_reset=False),
        Death(loop=100, unit=4, killer=0, by_reset=False),
        Death(loop=120, unit=5, killer=2, by_reset=False),
        Death(loop=121, unit=0, killer=None, by_reset=True),
    ),
    orders=(
        Order(0, 0, "move", None, 11.0, 16.0, False),
        Order(0, 1, "move", None, 9.0, 13.25, False),
        Order(8, 0, "move", None, 12.125, 16.0, False),
        Order(16, 2, "attack", 3, 20.0, 16.5, False),
        Order(24, 2, "attack", 3, 19.0, 16.5, True),
        Order(24, 1, "attack", 4, 19.5, 15.0, False),
        Order(24, 2, "attack", 4, 19.5, 15.0, False),
    ),
    end=121,
    loop0=5,  # decides when enemies look for targets, as their tags do
)
SPAWNS = np.array([[9, 16], [9, 15.25], [9.75, 16], [23, 16], [23, 15.25], [23.75, 16]], np.float32)


def playback(**death_loops: int) -> Playback:
    """130 loops in which nobody moves from the spawn places; `u4=88`: unit 2 kills unit 4 at loop 88."""
    dead = np.full(6, -1)
    for name, loop in death_loops.items():
        dead[int(name[1:])] = loop
    return Playback(dead, np.where(dead >= 0, 2, -1), np.repeat(SPAWNS[None], 130, axis=0))


def test_known_places_are_those_of_movers_and_of_new_targets() -> None:
    places = measures.known(EPISODE, SPAWNS)
    # Unit 0 goes east twice, from (9, 16) and (10.125, 16); unit 1 south from (9, 15.25), its spawn place.
    assert places.moves == (
        Sighting(0, 0, 9.0, 16.0),
        Sighting(0, 1, 9.0, 15.25),
        Sighting(8, 0, 10.125, 16.0),
    )
    # The repeated order shows an old place; two orders of one loop show one place.
    assert places.targets == (Sighting(16, 3, 20.0, 16.5), Sighting(24, 4, 19.5, 15.0))
    assert places.first_attack == 16


def test_a_recorded_outcome() -> None:
    assert measures.outcome_of_recording(EPISODE) == Outcome(
        end=121,
        winner="agents",
        survivors=(2, 0),
        deaths=([75], [60, 100, 120]),
        kills=[2, 0, 1, 0, 1, 0],
    )


def test_a_play_ends_with_the_step_that_decides_it() -> None:
    # The last enemy dies at loop 97: SMAC sees it after the step that ends at loop 104; the restart is one
    # later. Unit 0's death at loop 110 comes after that and doesn't count.
    outcome = measures.outcome_of_play(EPISODE, playback(u3=50, u4=96, u5=97, u1=60, u0=110))
    assert outcome == Outcome(
        end=105,
        winner="agents",
        survivors=(2, 0),
        deaths=([60], [50, 96, 97]),
        kills=[0, 0, 4, 0, 0, 0],
    )


def test_a_play_that_nothing_decides_lasts_to_its_end() -> None:
    outcome = measures.outcome_of_play(EPISODE, playback(u3=50))
    assert (outcome.end, outcome.winner, outcome.survivors) == (130, "nobody", (3, 2))


@pytest.mark.parametrize(
    ("agents", "enemies", "expected"),
    [
        (["Marine"], ["Marine"], None),
        (["Marine"], [], "agents"),
        ([], ["Marine"], "enemy"),
        ([], [], "nobody"),
        (["Marine"], ["Medivac"], "agents"),
        (["Medivac"], ["Marine"], "enemy"),
        (["Medivac"], ["Medivac"], "enemy"),  # SMAC asks for the defeat first
        (["Medivac"], [], "agents"),
    ],
)
def test_the_winner_by_smacs_rules(agents: list[str], enemies: list[str], expected: str | None) -> None:
    units = tuple(Birth(kind, side, (0, 0)) for side, kinds in ((0, agents), (1, enemies)) for kind in kinds)
    assert measures.winner(replace(EPISODE, units=units), lambda unit: False) == expected


def test_errors_are_distances_until_death_or_the_end() -> None:
    sightings = [Sighting(8, 0, 12.0, 20.0), Sighting(40, 4, 23.0, 15.25), Sighting(104, 5, 23.75, 16.0)]
    play = playback(u4=40)
    # (9, 16) to (12, 20) is 5; unit 4 is dead from loop 40 on; loop 104 is past an end at 100.
    assert measures.place_errors(play, sightings, end=130) == [5.0, None, 0.0]
    assert measures.place_errors(play, sightings, end=100) == [5.0, None, None]


def test_the_first_departure_is_the_earliest_and_then_the_farthest() -> None:
    sightings = [Sighting(16, 1, 0, 0), Sighting(8, 0, 0, 0), Sighting(8, 3, 0, 0), Sighting(0, 2, 0, 0)]
    assert measures.departure(sightings, [9.0, 0.6, 0.7, 0.5]) == Departure(loop=8, unit=3, distance=0.7)
    assert measures.departure(sightings, [None, 0.5, 0.1, 0.0]) is None


def test_spawn_places_agree_by_cell_and_where_they_are_exact() -> None:
    places = measures.known(EPISODE, SPAWNS)
    moved = SPAWNS.copy()
    moved[1] += (0.0, 1 / 1024)  # one known place is off by 4 grains, in the same cell
    moved[5] = (24.5, 16)  # one cell is off
    found = measures.spawn_agreement(EPISODE, places, moved, moved)
    assert (found.cells, found.cells_agree, found.exact, found.exact_agree) == (6, 5, 2, 1)
    assert found.worst == pytest.approx(1 / 1024, abs=1e-6)


def test_enemies_places_of_loop_0_are_spawn_places_after_a_launch_only() -> None:
    aimed = replace(EPISODE, orders=(Order(0, 0, "attack", 3, 23.0, 16.0, False),))
    places = measures.known(aimed, SPAWNS)
    assert measures.spawn_agreement(aimed, places, SPAWNS, SPAWNS).exact == 1
    assert measures.spawn_agreement(replace(aimed, first=False), places, SPAWNS, SPAWNS).exact == 0


def test_deaths_are_matched_in_order() -> None:
    assert measures.matched_deaths([50, 100], [60, 90]) == [0.2, 0.1]
    assert measures.matched_deaths([50, 100], [55]) == [0.1, math.inf]
    assert measures.matched_deaths([], [55, 60]) == [math.inf, math.inf]


def test_shared_kills() -> None:
    # Recorded 2, 0, 1; played 1, 1, 1: 2 of 3 fall to the same killers.
    assert measures.shared_kills([2, 0, 1], [1, 1, 1]) == pytest.approx(2 / 3)
    assert measures.shared_kills([1, 0], [2, 2]) == 0.25
    assert measures.shared_kills([0, 0], [0, 0]) == 1.0


def test_quantiles_count_ties_by_half() -> None:
    assert quantile(5, [1, 5, 5, 9]) == 0.5
    assert quantile(0, [1, 5, 5, 9]) == 0.0
    assert quantile(math.inf, [1, 5, math.inf, math.inf]) == 0.75


def test_percentiles_are_values_that_occur() -> None:
    values = [3.0, 1.0, 2.0, math.inf]
    assert percentile(values, 50) == 2.0
    assert percentile(values, 90) == math.inf
    assert math.isnan(percentile([], 50))


# ---- enemies in the fight ----


LISTED = replace(
    EPISODE,
    fights=(FightList(50, (0, 3, 4)), FightList(80, (1, 4)), FightList(290, (5,))),
)


def test_recorded_lists_count_enemies() -> None:
    # Unit 3 dies at loop 60, 4 at 100, 5 at 120; agents on the lists don't count.
    assert measures.recorded_fights(LISTED) == [
        Fight(loop=50, fought=2, alive=3),
        Fight(loop=80, fought=1, alive=2),
        Fight(loop=290, fought=1, alive=0),
    ]


def test_played_lists_look_back_to_the_list_before() -> None:
    play = playback(u4=70)
    fought = np.zeros((300, 6), np.bool_)
    fought[[10, 49, 50, 60], [3, 4, 5, 0]] = True
    lists = measures.played_fights(LISTED, replace(play, fought=fought), end=300)
    # Loop 50 is after the step of loop 49; at 80 unit 4 is dead; at 290 loop 50 is the first that counts.
    assert lists == [
        Fight(loop=50, fought=2, alive=3),
        Fight(loop=80, fought=2, alive=2),
        Fight(loop=290, fought=1, alive=2),
    ]
    assert measures.played_fights(LISTED, replace(play, fought=fought), end=80)[1:] == [None, None]
    assert measures.played_fights(LISTED, play, end=300) == []  # an engine that doesn't tell


def test_the_engine_tells_who_took_or_dealt_damage() -> None:
    # The agents stand; the enemies walk 14 cells and shoot: only then does anybody fight.
    quiet = replace(EPISODE, orders=(), deaths=(), end=200)
    fought = Player("3m").play(quiet, seed=1).fought
    assert fought is not None
    first = int(fought.any(axis=1).argmax())
    assert 50 < first < 90
    assert fought[:first].sum() == 0
    dealers, hurt = fought[first, 3:].any(), fought[first, :3].any()
    assert dealers
    assert hurt


def test_counts_of_a_list_over_seeds() -> None:
    lists = [Fight(loop=50, fought=10, alive=24), Fight(loop=90, fought=4, alive=9)]
    plays = [[Fight(loop=50, fought=k, alive=22 + k % 2), None] for k in range(1, 11)]
    pairs = [fake_pair(lists, plays)]
    (count,) = fight_counts(pairs)  # no play lasts to loop 90
    assert (count.recorded, count.played, count.alive, count.plays) == (lists[0], (5, 1, 9), 22, 10)
    whole, single = fight_tables({"3m": [], "corridor": [count]})
    assert whole.rows[1] == ["corridor", "1", "10.0", "5.0", "100", "0", "0"]  # 9 is fewer than 10
    assert single.rows[1] == ["corridor", "50", "10", "5", "1-9", "24", "22"]
    assert fight_tables({"3m": []}) == []


def fake_pair(lists: list[Fight], plays: list[list[Fight | None]]) -> Pair:
    places = measures.known(EPISODE, SPAWNS)
    reference = measures.reference("corridor", EPISODE, places, "skirmish-test")
    play = measures.play(reference, EPISODE, places, playback(), 0)
    return Pair(
        msgspec.structs.replace(reference, fights=lists),
        [msgspec.structs.replace(play, fights=fights) for fights in plays],
    )


# ---- the floor ----


@pytest.fixture(scope="module")
def own() -> Episode:
    """An episode of the engine's own after EPISODE's orders."""
    player = Player("3m")
    places = measures.known(EPISODE, player.spawns(EPISODE))
    return noise_floor.own_episode(player, EPISODE, places, seed=7, limit=480)


def test_an_own_episode_played_under_its_own_seed_is_itself(own: Episode) -> None:
    player = Player("3m")
    play = player.play(own, seed=7)
    places = measures.known(own, player.spawns(own))
    assert own.orders
    assert own.fallen
    assert measures.outcome_of_play(own, play) == measures.outcome_of_recording(own)
    for sightings in (places.moves, places.targets):
        assert set(measures.place_errors(play, sightings, own.end)) == {0.0}


def test_an_own_episode_is_decided_by_a_team_that_goes_on(own: Episode) -> None:
    # The script ends with attacks on units 3 and 4; whoever has none left attacks the nearest enemy, so the
    # battle is decided long before the limit of 480 loops.
    assert own.end < 481
    assert (own.end - 1) % measures.STEP == 0
    assert measures.outcome_of_recording(own).winner in ("agents", "enemy")
    assert {order.kind for order in own.orders if order.loop > 24} == {"attack"}


def test_recorded_moves_are_made_from_where_the_agent_is_now(own: Episode) -> None:
    moves = [order for order in own.orders if order.kind == "move"]
    assert [(order.loop, order.unit) for order in moves] == [(0, 0), (0, 1), (8, 0)]
    assert (moves[0].x, moves[0].y) == (11.0, 16.0)
    # The engine puts unit 1 at (9, 15.3115), not where the hand-made one has it; it goes 2 south of that.
    assert (moves[1].x, moves[1].y) == (9.0, pytest.approx(16 - 0.6884765625 - 2))


def test_another_seed_leaves_an_own_episode(own: Episode) -> None:
    outcomes = {str(measures.outcome_of_play(own, Player("3m").play(own, seed))) for seed in range(8)}
    assert len(outcomes) > 1
