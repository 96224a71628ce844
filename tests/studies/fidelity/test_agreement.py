"""Recorded orders as actions, saved battles with changes, and agreement of nets made by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fop_bench.studies.fidelity import agreement, recorded_actions, saved_battles
from fop_bench.studies.fidelity.agreement_tables import agreement_tables
from fop_bench.studies.fidelity.fidelity_records import AgreementPlays
from fop_bench.studies.fidelity.measures import Known, known
from fop_bench.studies.fidelity.playback import Player
from fop_bench.studies.fidelity.recorded_actions import EAST, FIRST_TARGET, NO_OP, NORTH, STOP
from fop_bench.studies.fidelity.recordings import Birth, Death, Episode, Order, load
from fop_bench.studies.fidelity.trained_nets import TrainedNet, nets_folder, read_net
from fop_core.errors import FopError
from fop_envs.smac.skirmish import SkirmishEnv

PLACES = ((9.0, 16.0), (9.0, 15.3115234375), (9.6884765625, 16.0))
CELLS = ((9, 16), (9, 15), (9, 16), (23, 16), (23, 15), (23, 16))
UNITS = tuple(Birth("Marine", int(unit >= 3), cell, unit) for unit, cell in enumerate(CELLS))
STEPS = 4


def eastward(steps: int = STEPS) -> Episode:
    """Agents 1, 0, 2 (in order of id) go east for some steps, 1.125 cells in each."""
    orders = [
        Order(8 * step, unit, "move", None, PLACES[unit][0] + 2 + 1.125 * step, PLACES[unit][1], False)
        for step in range(steps)
        for unit in (1, 0, 2)
    ]
    return Episode(0, True, UNITS, (), tuple(orders), end=8 * steps + 1)


def places_of(episode: Episode) -> Known:
    return known(episode, Player("3m").spawns(episode))


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory, write_net: Callable[..., Path]) -> TrainedNet:
    """Goes east wherever it can: 30 features of 3m, 9 actions, 3 agents."""
    return read_net(write_net(tmp_path_factory.mktemp("nets") / "east.safetensors", "3m", 42, 9, {EAST: 1.0}))


# ---- actions ----


def test_orders_become_actions_in_order_of_agent_ids() -> None:
    episode = eastward(2)
    extra = (
        Order(16, 1, "attack", 4, 18.0, 16.0, False),
        Order(16, 0, "stop", None, None, None, False),
        Order(16, 2, "move", None, 11.9384765625, 18.0, False),
        Order(24, 0, "attack", 5, 18.0, 16.0, False),
    )
    dead = (Death(20, 2, 3, False),)
    episode = replace(episode, orders=episode.orders + extra, deaths=dead, end=33)
    actions = recorded_actions.recorded_actions(episode, places_of(episode))
    assert actions.agents == (1, 0, 2)
    attack = FIRST_TARGET
    assert actions.kinds.tolist() == [
        [EAST, EAST, EAST],
        [EAST, EAST, EAST],
        [attack, STOP, NORTH],
        [attack, attack, NO_OP],  # unit 1's order is repeated; unit 2 is dead
    ]
    assert actions.targets[2:].tolist() == [[4, -1, -1], [4, 5, -1]]
    assert actions.known.tolist() == [[True] * 3, [True] * 3, [True] * 3, [False, True, True]]
    # Enemies 4, 5, 3 are number 0, 1, 2.
    assert recorded_actions.numbered(actions, (4, 5, 3))[2:].tolist() == [[6, STOP, NORTH], [6, 7, NO_OP]]


def test_orders_of_enemy_ids_are_heads_ascending_then_tails_descending() -> None:
    episode = eastward()
    assert set(recorded_actions.enemy_orders(episode)) == {(3, 4, 5), (3, 5, 4), (4, 5, 3), (5, 4, 3)}
    # The reset kills agents and then enemies in order of id: 5 before 3, 4 fell in battle.
    ended = tuple(Death(33, unit, None, True) for unit in (1, 0, 2, 5, 3))
    episode = replace(episode, deaths=(Death(20, 4, 0, False), *ended))
    assert set(recorded_actions.enemy_orders(episode)) == {(4, 5, 3), (5, 4, 3)}


def test_seats_find_agents_enemies_and_the_healed() -> None:
    env = SkirmishEnv("MMM2", seed=3)
    env.reset(np.arange(1), np.arange(1))
    ids = env.units()["id"].tolist()
    agents, enemies = ids[:10], ids[10:]
    swapped = (agents[1], agents[0], *agents[2:])
    reverse = tuple(reversed(enemies))
    seats = recorded_actions.Seats(env, swapped, reverse)
    assert seats.rows.tolist() == [1, 0, *range(2, 10)]
    # Enemy 0 of the net is the last of the environment, for all but the Medivac, who heals agents.
    assert seats.actions[0, FIRST_TARGET] == FIRST_TARGET + 11
    assert seats.actions[9, FIRST_TARGET : FIRST_TARGET + 3].tolist() == [7, 6, 8]
    # Every column of the observation is read once; the net's agent 0 sees agent 0 first: its own other.
    assert (np.sort(seats.columns, axis=1) == np.arange(env.spec.obs_dim)).all()
    width, task = env.task.obs_ally_width, env.task
    after = task.move_width + 12 * task.obs_enemy_width
    assert seats.columns[0, after] == after
    assert seats.columns[2, after] == after + width
    same = recorded_actions.Seats(env, tuple(agents), tuple(enemies))
    assert (same.columns == np.arange(env.spec.obs_dim)).all()
    assert (same.actions == np.arange(env.spec.n_actions)).all()


# ---- saved battles ----


@pytest.fixture
def env() -> SkirmishEnv:
    env = SkirmishEnv("3m", n_envs=2, seed=next(saved_battles.dice(1)), strict=False)
    env.reset(np.arange(2), np.arange(2))
    return env


def ending(env: SkirmishEnv, state: bytes) -> bytes:
    """The battle after 12 steps in which the agents stand."""
    env.load(0, state)
    for _ in range(12):
        env.step(np.ones((2, 3), np.int64), np.array([True, False]))
    return env.units(0).tobytes()


def test_a_battle_with_other_dice_goes_another_way(env: SkirmishEnv) -> None:
    seeds = saved_battles.dice(1)
    old, new = next(seeds), next(seeds)
    state = env.save(0)
    other = saved_battles.reseeded(state, old, new)
    assert ending(env, state) == ending(env, state)
    assert ending(env, state) != ending(env, other)
    assert saved_battles.reseeded(other, new, old) == state
    with pytest.raises(ValueError, match="stands 0 times in the saved battle"):
        saved_battles.reseeded(state, new, old)


def test_units_look_for_targets_when_told_to(env: SkirmishEnv) -> None:
    state, units = env.save(0), env.units(0)
    looks = np.full(6, 10_000)
    changed = saved_battles.with_looks(state, units, looks)
    assert len(changed) == len(state)
    env.load(0, changed)
    never = env.units(0)
    assert never.tobytes() == units.tobytes()  # nothing that is shown
    assert saved_battles.with_looks(changed, never, np.arange(6)) != changed
    assert ending(env, state) != ending(env, changed)
    with pytest.raises(ValueError, match="next_scan isn't the column"):
        saved_battles.with_looks(state[:100], units, looks)


def test_units_stand_where_they_are_put(env: SkirmishEnv) -> None:
    before, seen = env.units(0), env.obs[0].copy()
    env.load(0, saved_battles.with_places(env.save(0), before, {4: (12.0, 15.5)}))
    after = env.units(0)
    moved = before["id"] == 4
    assert after["x"][moved] == 12.0
    assert after["y"][moved] == 15.5
    assert (after["x"][~moved] == before["x"][~moved]).all()
    assert (env.obs[0] != seen).any()  # it is in sight now


# ---- agreement ----


def block(net: TrainedNet, episode: Episode, particles: int = 4) -> AgreementPlays:
    (record,) = agreement.AgreementBlock("3m", episode, net, particles, ())()
    assert isinstance(record, AgreementPlays)
    return record


def test_a_net_that_chooses_what_was_recorded_agrees_wholly(net: TrainedNet) -> None:
    record = block(net, eastward())
    assert (record.agreed, record.decisions) == ([3.0] * 4, [3] * 4)
    assert record.filtered == pytest.approx(12)
    assert record.evidence == pytest.approx(12 * math.log(0.98), abs=1e-4)


def test_another_choice_costs_the_logarithm_of_epsilon(net: TrainedNet) -> None:
    episode = eastward()
    orders = [
        replace(order, kind="stop", x=None, y=None) if (order.loop, order.unit) == (16, 0) else order
        for order in episode.orders
    ]
    record = block(net, replace(episode, orders=tuple(orders)))
    assert record.agreed == [3, 3, 2, 3]
    assert record.evidence == pytest.approx(11 * math.log(0.98) + math.log(0.02), abs=1e-4)


def test_orders_that_were_not_recorded_do_not_count(net: TrainedNet) -> None:
    episode = eastward()
    kept = tuple(order for order in episode.orders if (order.loop, order.unit) != (24, 2))
    record = block(net, replace(episode, orders=kept))
    assert record.decisions == [3, 3, 3, 2]
    assert record.evidence == pytest.approx(11 * math.log(0.98), abs=1e-4)


def test_the_dead_of_the_recording_decide_nothing(net: TrainedNet) -> None:
    episode = eastward()
    kept = tuple(order for order in episode.orders if order.unit != 2 or order.loop < 16)
    record = block(net, replace(episode, orders=kept, deaths=(Death(10, 2, 3, False),)))
    assert record.decisions == [3, 3, 2, 2]
    assert record.evidence == pytest.approx(10 * math.log(0.98), abs=1e-4)


def test_enemy_ids_are_those_that_the_net_decides_by(tmp_path: Path, write_net: Callable[..., Path]) -> None:
    """The net attacks the first id that it can; the recorded agents attacked unit 4, then 5."""
    walk = eastward(5)
    attacks = tuple(
        Order(8 * step, unit, "attack", 4, 18.0, 15.4, step > 5) for step in (5, 6) for unit in (1, 0, 2)
    )
    episode = replace(walk, orders=walk.orders + attacks, end=57)
    # 9 actions: east is worth less than an attack, the first id most.
    path = write_net(tmp_path / "n.safetensors", "3m", 42, 9, {EAST: 1.0, 6: 4.0, 7: 3.0, 8: 2.0})
    places = places_of(episode)
    actions = recorded_actions.recorded_actions(episode, places)
    found = agreement.ids_of_enemies(read_net(path), "3m", episode, actions, 2**63 + 1, (), places)
    assert found[0] == 4


def test_battles_that_fit_are_drawn_anew_with_dice_of_their_own(net: TrainedNet) -> None:
    episode = eastward()
    actions = recorded_actions.recorded_actions(episode, places_of(episode))
    views = [(3, 4, 5)] * 3
    dice = saved_battles.dice(5)
    seed, fresh = next(dice), next(dice)
    watched = agreement.Decisions(net, "3m", episode, actions, views, seed, 3, ())
    watched.running[0] = False
    watched.draw_anew(np.array([1, 1, 2]), iter([fresh]))
    assert watched.running.all()
    assert (watched.env.units(0) == watched.env.units(1)).all()
    assert saved_battles.reseeded(watched.env.save(0), seed, 7)
    assert saved_battles.reseeded(watched.env.save(1), fresh, 7)
    assert saved_battles.reseeded(watched.env.save(2), seed, 7)


@pytest.mark.parametrize("name", ["3m", "8m", "2s3z"])
def test_recorded_decisions_are_the_nets_until_shots_fall(name: str, real_recordings: Path) -> None:
    nets = real_recordings.parent / "nets"
    if not nets.is_dir():
        pytest.skip(f"there are no nets in {nets}")
    episode = load(real_recordings, name).episodes[1]
    start = replace(episode, end=25, orders=tuple(o for o in episode.orders if o.loop < 24))
    chosen = agreement.acting_nets(nets, [name], asked=True)[name]
    (record,) = agreement.AgreementBlock(name, start, chosen, 2, ())()
    assert record.agreed == record.decisions


def test_nets_that_are_missing_are_named(tmp_path: Path, write_net: Callable[..., Path]) -> None:
    with pytest.raises(
        FopError, match=r"none of the nets that acted in the recordings of 3m, 8m: expected 3"
    ):
        agreement.acting_nets(tmp_path, ["3m", "8m"], asked=False)
    with pytest.raises(
        FopError, match=r"3m: .*3m__qmix__2025-04-17_13-04-03__2000122.safetensors is missing"
    ):
        agreement.acting_nets(tmp_path, ["3m"], asked=True)
    with pytest.raises(
        FopError, match="corridor: it isn't known which net acted in its recording; known: 3m"
    ):
        agreement.acting_nets(tmp_path, ["corridor"], asked=True)
    write_net(tmp_path / f"{agreement.ACTING['3m']}.safetensors", "3m", 42, 9, {})
    assert list(agreement.acting_nets(tmp_path, ["3m", "8m", "corridor"], asked=False)) == ["3m"]
    with pytest.raises(FopError, match="nowhere is no folder of nets; name one with --nets"):
        nets_folder(tmp_path / "nowhere")


def test_the_table_adds_up_episodes() -> None:
    one = AgreementPlays(
        map="3m",
        episode=0,
        engine="skirmish-test",
        net="n",
        particles=8,
        ids=[3, 4, 5],
        agreed=[3.0] * 4 + [1.5] * 2,
        decisions=[3] * 6,
        filtered=16.2,
        evidence=-10.0,
    )
    (table,) = agreement_tables([one, one])
    # 27 - 12 = 3 of 6 agree in steps 5 and 6: half; 15 of 18 in all; 16.2 of 18; -20 over 36 decisions.
    assert table.rows[1] == ["3m", "2", "36", "100", "50", "-", "-", "-", "83", "90", "-20", "-0.556"]
    assert table.caption.startswith("Evidence of all 2 episodes: -20.")
    assert agreement_tables([]) == []
