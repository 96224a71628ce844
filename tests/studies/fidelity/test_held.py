"""Held play on hand-made episodes of 3m in which the agents get no orders: they stand where they appear."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fop_bench.studies.fidelity import held
from fop_bench.studies.fidelity.recordings import Birth, Death, Episode
from fop_bench.studies.fidelity.replays import Player

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
    assert held.agrees(player, replace(QUIET, deaths=enemies_die_at(1)), 0, LONG)


def test_agents_who_stand_still_fall_though_the_recording_lets_them_live(player: Player) -> None:
    assert not held.agrees(player, QUIET, 0, LONG)
    assert held.agrees(player, QUIET, 0, 60)  # Marines meet after 14 cells at 9/64 a loop: not before loop 60


def test_an_agent_has_to_fall_near_the_recorded_loop(player: Player) -> None:
    falls = replace(QUIET, deaths=(Death(20, 0, 3, False),))
    assert held.agrees(player, falls, 0, 20 + held.TOLERANCE)
    assert not held.agrees(player, falls, 0, 20 + held.TOLERANCE + 2)


def test_the_score_counts_half_a_play_more(player: Player) -> None:
    peace = replace(QUIET, deaths=enemies_die_at(1))
    assert held.score(player, [peace], 4, LONG) == pytest.approx(math.log(1 + 1 / 8))
    assert held.score(
        player, [replace(QUIET, deaths=(*enemies_die_at(300), Death(5, 0, 3, False)))], 4, LONG
    ) == (pytest.approx(math.log(1 / 8)))
