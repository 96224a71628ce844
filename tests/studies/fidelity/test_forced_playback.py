"""Forced playback on episodes of 3m made by hand: the agents get no orders and stand where they appear."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fop_bench.arguments import UsageError
from fop_bench.studies.fidelity import forced_playback
from fop_bench.studies.fidelity.fidelity_records import ForcedPlays
from fop_bench.studies.fidelity.playback import Player
from fop_bench.studies.fidelity.recordings import Birth, Death, Episode
from fop_core.errors import UnknownName

CELLS = ((9, 16), (9, 15), (9, 16), (23, 16), (23, 15), (23, 16))
UNITS = tuple(Birth("Marine", int(unit >= 3), cell, unit) for unit, cell in enumerate(CELLS))
QUIET = Episode(number=0, first=True, units=UNITS, deaths=(), orders=(), end=400)
LONG = 400


@pytest.fixture(scope="module")
def player() -> Player:
    return Player("3m")


def enemies_die_at(loop: int) -> tuple[Death, ...]:
    return tuple(Death(loop, unit, None, False) for unit in (3, 4, 5))


def test_nobody_falls_where_the_enemies_are_dead(player: Player) -> None:
    assert forced_playback.agrees(player, replace(QUIET, deaths=enemies_die_at(1)), 0, LONG)


def test_agents_who_stand_still_fall_though_the_recording_lets_them_live(player: Player) -> None:
    assert not forced_playback.agrees(player, QUIET, 0, LONG)
    assert forced_playback.agrees(
        player, QUIET, 0, 60
    )  # Marines meet after 14 cells at 9/64 a loop: not before loop 60


def test_an_agent_has_to_fall_near_the_recorded_loop(player: Player) -> None:
    falls = replace(QUIET, deaths=(Death(20, 0, 3, False),))
    assert forced_playback.agrees(player, falls, 0, 20 + forced_playback.TOLERANCE)
    assert not forced_playback.agrees(player, falls, 0, 20 + forced_playback.TOLERANCE + 2)


def plays(episode: int, agreeing: int, options: str = "a rule") -> ForcedPlays:
    return ForcedPlays(
        map="3m",
        episode=episode,
        options=options,
        engine="skirmish-test",
        seeds=4,
        loops=60,
        agreeing=agreeing,
    )


def test_the_score_counts_half_a_play_more() -> None:
    assert forced_playback.score([plays(0, 4)]) == pytest.approx(math.log(1 + 1 / 8))
    assert forced_playback.score([plays(0, 0)]) == pytest.approx(math.log(1 / 8))
    both = forced_playback.score([plays(0, 4), plays(1, 0)])
    assert both == pytest.approx((math.log(9 / 8) + math.log(1 / 8)) / 2)


def test_a_block_plays_one_episode_under_all_seeds_up_to_its_last_kill() -> None:
    peace = replace(QUIET, deaths=enemies_die_at(1))
    ForcedBlock = forced_playback.ForcedBlock
    (record,) = ForcedBlock("3m", peace, 3, None, (("cooldown_noise", False),), "no cooldown_noise")()
    assert isinstance(record, ForcedPlays)
    assert (record.agreeing, record.seeds, record.loops, record.options) == (3, 3, 1, "no cooldown_noise")
    (record,) = ForcedBlock("3m", QUIET, 2, LONG, (), "")()
    assert isinstance(record, ForcedPlays)
    assert (record.agreeing, record.loops) == (0, 400)
    (record,) = ForcedBlock("3m", QUIET, 2, 60, (), "")()
    assert isinstance(record, ForcedPlays)
    assert (record.agreeing, record.loops) == (2, 60)


def test_the_table_has_even_and_odd_episodes_and_a_row_for_each_combination() -> None:
    found = [plays(0, 4), plays(1, 0), plays(2, 0), plays(0, 0, "no a rule")]
    (table,) = forced_playback.forced_tables(found)
    # log(9/8) = .118, log(1/8) = -2.079
    assert table.rows == [
        ["options", "3m"],
        ["a rule", "-0.98 / -2.08"],
        ["no a rule", "-2.08 / -"],
    ]
    assert "-2.08 the worst of 4 plays" in table.caption
    assert forced_playback.forced_tables([]) == []


def test_options_that_are_true_or_false_are_found_and_only_they_can_be_varied() -> None:
    flags = forced_playback.rules(None)
    assert "cooldown_noise" in flags
    assert "scan_interval" not in flags
    assert forced_playback.rules(",".join([*flags, flags[0]])) == flags
    with pytest.raises(
        UnknownName, match="unknown option to vary 'cooldown_nois'; did you mean cooldown_noise"
    ):
        forced_playback.rules("cooldown_nois")
    with pytest.raises(UnknownName, match="unknown option to vary 'scan_interval'"):
        forced_playback.rules("scan_interval")
    with pytest.raises(UsageError, match="--vary: no option given; known: "):
        forced_playback.rules(",")
