"""The public door to the battle engine."""

from __future__ import annotations

import numpy as np
import pytest

from fop_core import skirmish

OPEN_GROUND = np.ones((32, 32), np.bool_)
AGENTS = skirmish.Player("agents")

FIELDS = [
    *((name, "<i4") for name in ("id", "player", "type", "alive")),
    *((name, "<f4") for name in ("x", "y", "facing", "speed", "hp", "hp_max", "shield", "shield_max")),
    *((name, "<f4") for name in ("energy", "cooldown")),
    *((name, "<i4") for name in ("order", "order_target")),
    *((name, "<f4") for name in ("order_x", "order_y")),
    *((name, "<i4") for name in ("target", "attack_phase", "killer", "last_hurt", "attacks")),
]


def duel(*players: skirmish.Player, unit: str = "Marine", count: int = 1, **options: object) -> skirmish.Task:
    settings = skirmish.SmacOptions()
    for name, value in options.items():
        setattr(settings, name, value)
    scenario = skirmish.Scenario(
        name="duel",
        players=players or (AGENTS, skirmish.Player("script", "attack_point", [(9, 16)])),
        spawn_calls=[(0, unit, count, 9.0, 16.0), (1, unit, count, 23.0, 16.0)],
        walkable=OPEN_GROUND,
        walkable_open=OPEN_GROUND,
        episode_limit=60,
    )
    traits = skirmish.MapTraits(
        ally_shields=False,
        enemy_shields=False,
        unit_type_bits=0,
        map_type="marines",
        height=np.zeros((32, 32), np.uint8),
    )
    return skirmish.Task(scenario, traits, settings)


def order_of(row: np.void) -> str:
    return skirmish.ORDERS[row["order"]]


def test_units_have_these_fields() -> None:
    assert skirmish.World(duel()).units().dtype == np.dtype(FIELDS)


def test_units_show_what_stands_where() -> None:
    world = skirmish.World(duel(unit="Zealot"))
    own, other = world.units()
    assert (own["id"], own["player"], own["x"], own["y"]) == (0, 0, 9, 16)
    assert (other["id"], other["player"], other["x"], other["y"]) == (1, 1, 23, 16)
    assert skirmish.UNIT_TYPES[own["type"]] == "Zealot"
    assert (own["hp"], own["hp_max"], own["shield"], own["shield_max"]) == (100, 100, 50, 50)
    assert own["facing"] == pytest.approx(-np.pi / 2)  # south
    assert (order_of(own), order_of(other)) == ("idle", "attack_move")
    assert (other["order_x"], other["order_y"]) == (9, 16)
    assert own["target"] == own["killer"] == -1


def test_single_numbers_of_a_unit_can_be_set() -> None:
    world = skirmish.World(duel())
    for field, value in {"x": 5.0, "hp": 3.0, "energy": 7.0, "speed": 0.5, "alive": 0.0}.items():
        world.set(0, field, value)
        assert world.units()[0][field] == value
    world.set(1, "facing", 0.5)
    assert world.units()[1]["facing"] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="no field 'player' that can be set"):
        world.set(0, "player", 1)


def test_the_enemy_can_be_commanded_from_outside() -> None:
    world = skirmish.World(duel(AGENTS, AGENTS))
    world.step(100)
    assert [order_of(row) for row in world.units()] == ["idle", "idle"]
    world.move(1, 12.0, 16.0)
    world.step(100)
    assert world.units()["x"].tolist() == [9, 12]
    assert world.units()["hp"].tolist() == [45, 45]  # in range, but nobody said so
    world.attack(1, 0)
    world.step(160)
    assert world.units()["alive"].tolist() == [0, 1]


def test_two_scripts_fight_without_agents() -> None:
    to_the_east = skirmish.Player("script", "attack_point", [(23, 16)])
    to_the_west = skirmish.Player("script", "attack_point", [(9, 16)])
    world = skirmish.VectorWorld(duel(to_the_east, to_the_west, count=3), n_envs=1, seed=0)
    world.reset(np.zeros(1, np.int64), np.zeros(1, np.int64))
    views = world.views()
    for _ in range(60):
        world.step(np.ones((1, 3), np.int64), np.ones(1, np.bool_))
        if views["terminated"][0]:
            break
    assert views["terminated"][0]
    assert views["dead_allies"][0] > 0
    assert views["dead_enemies"][0] > 0
    assert views["executed"].tolist() == [[0, 0, 0]]
    assert views["replaced_actions"].tolist() == [0]


def test_heuristic_ai_commands_the_agents_side() -> None:
    task = duel(heuristic_ai=True)
    world = skirmish.VectorWorld(task, n_envs=1, seed=0)
    world.reset(np.zeros(1, np.int64), np.zeros(1, np.int64))
    world.step(np.ones((1, 1), np.int64), np.ones(1, np.bool_))
    assert world.views()["executed"].tolist() == [[6]]


@pytest.mark.parametrize(("count", "crowded"), [(2, False), (50, True)])
def test_bodies_overlooked_in_a_crowd_are_counted(count: int, crowded: bool) -> None:
    task = duel(AGENTS, AGENTS, unit="Zergling", count=count, heuristic_ai=True)
    world = skirmish.VectorWorld(task, n_envs=1, seed=0)
    world.reset(np.zeros(1, np.int64), np.zeros(1, np.int64))
    for _ in range(40):
        world.step(np.ones((1, count), np.int64), np.ones(1, np.bool_))
        if world.views()["terminated"][0]:
            break
    assert (world.overlooked_bodies(0) > 0) == crowded


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nobody",), "commander is 'nobody'; allowed: 'agents', 'script', 'heuristic'"),
        (("script", "retreat"), "order is 'retreat'; allowed: 'none', 'attack_point'"),
        (("script", "attack_point"), "order_points holds 0 points; order 'attack_point' needs 1"),
        (("script", "none", [(1, 2)]), "order_points holds 1 points; order 'none' needs 0"),
    ],
)
def test_impossible_players_are_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        skirmish.Player(*arguments)


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"client is '5.0'; allowed: '4.10', '4.6.2'"):
        skirmish.EngineOptions().client = "5.0"


def test_more_units_than_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="the map has 130 units; at most 128 can fight"):
        skirmish.World(duel(AGENTS, AGENTS, unit="Zergling", count=65))
