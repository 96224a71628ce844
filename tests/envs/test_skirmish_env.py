"""Episodes: first observations, ends, refusals, determinism, saving; and what must hold in every battle."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fop_core.errors import IllegalAction
from fop_envs.smac.maps import SpawnCall, load_map, map_names
from fop_envs.smac.skirmish import ORDERS, UNIT_TYPES, SkirmishEnv

ONE = np.array([True])
FIRST = np.array([0])


def start(name, episode=0, **options):
    env = SkirmishEnv(name, **options)
    env.reset(FIRST, np.array([episode]))
    return env


def tiny_map(map_type, allies, enemies, gap=16.0):
    """A map of one's own: named units `gap` cells apart on open ground; the enemy has no order."""
    info = load_map("3s_vs_3z")
    calls = [SpawnCall(1, unit, 1, 8.0, 16.0) for unit in allies]
    calls += [SpawnCall(2, unit, 1, 8.0 + gap, 16.0) for unit in enemies]
    return replace(
        info, name="tiny", ally_race="T", enemy_race="T", map_type=map_type, spawn_calls=tuple(calls),
        enemy_order="none", order_points=(), episode_limit=5,
    )  # fmt: skip


# --- the first observation, as recordings of StarCraft II 4.10 show it ---


def test_first_state_of_5m_vs_6m():
    """Printed from a recorded data set (instadeepai/og-marl): x and y are (position - 16) / 28."""
    env = SkirmishEnv("5m_vs_6m", n_envs=256)
    env.reset(np.arange(256), np.arange(256))
    allies = [
        [-0.274588436, 0], [-0.25, -0.0245884489], [-0.25, 0], [-0.25, 0.0245884489], [-0.225411549, 0]
    ]  # fmt: skip
    enemies = [
        [0.244977683, -0.0245448519], [0.269566119, 4.35965412e-05], [0.244977683, 0.024632046],
        [0.220389232, 4.35965412e-05], [0.271763384, -0.0267421175], [0.244977683, 4.35965412e-05],
    ]  # fmt: skip
    near = (
        np.abs(env.state[:, 20:38].reshape(256, 6, 3)[:, :, 1:] - np.float32(enemies)).max(axis=(1, 2)) < 1e-3
    )
    assert 1 <= near.sum() <= 24, "one order of the enemies' ids in 32"
    state = env.state[near.argmax()]
    np.testing.assert_allclose(state[:20].reshape(5, 4)[:, :2], [[1, 0]] * 5)
    np.testing.assert_allclose(state[:20].reshape(5, 4)[:, 2:], allies, atol=2e-9, rtol=1e-7)
    np.testing.assert_allclose(state[20:38].reshape(6, 3)[:, 0], 1)
    np.testing.assert_allclose(state[20:38].reshape(6, 3)[:, 1:], enemies, atol=2e-9, rtol=1e-7)
    assert not state[38:].any(), "no last action before the first step"


def test_enemies_ids_are_heads_ascending_then_tails_descending():
    """As in 95 of 95 recorded restarts; every enemy tosses a fair coin."""
    n = 512
    env = SkirmishEnv("MMM2", n_envs=n)
    env.reset(np.arange(n), np.arange(n))
    first = env.spec.n_agents
    orders = np.stack([env.units(slot)["id"][first:] for slot in range(n)])
    for order in orders:
        turn = order.argmax()
        assert (np.diff(order[: turn + 1]) > 0).all()
        assert (np.diff(order[turn:]) < 0).all()
        assert sorted(order) == list(range(first, first + 12))
    heads = np.mean([order.argmax() for order in orders]) / 11
    assert abs(heads - 0.5) < 4 * 0.5 / np.sqrt(11 * n)
    env.reset(np.arange(1), np.arange(1, 2))
    assert (env.units(0)["id"][first:] == orders[1]).all(), "a function of the episode"


def test_first_observation_of_3m():
    """Marine 0 stands south of the spawn point, 1 at it, 2 east of it (xihuai18/CoMAS, SC2 4.10)."""
    obs = start("3m").obs[0]
    ally = obs[0, 4 + 3 * 5 : 4 + 3 * 5 + 10].reshape(2, 5)
    np.testing.assert_allclose(ally[:, 1] * 9, [0.6884766, 0.97365285], rtol=1e-6)
    np.testing.assert_allclose(ally[:, 2] * 9, [0, 0.6884766], rtol=1e-6)
    np.testing.assert_allclose(ally[:, 3] * 9, [0.6884766, 0.6884766], rtol=1e-6)
    assert obs[0, :4].tolist() == [1, 1, 1, 1]


def test_state_divides_by_32_on_the_older_client():
    new, old = start("8m", first_loops=0), start("8m", first_loops=0, client="4.6.2")
    assert old.state[0, 2::4][:8] * 32 == pytest.approx(new.state[0, 2::4][:8] * 28, rel=1e-6)
    assert new.state[0, 8 * 4 + 1] == pytest.approx((23 - 16) / 28), "enemies have not moved yet"


def test_agents_are_sorted_by_type_then_position():
    env = start("MMM2")
    names = [UNIT_TYPES[t] for t in env.units(0)["type"][:10]]
    assert names == ["Marauder"] * 2 + ["Marine"] * 7 + ["Medivac"]
    places = env.units(0)[["x", "y"]][2:9].tolist()
    assert places == sorted(places)


# --- ends ---


def end(name_or_map):
    env = start(name_or_map)
    actions = np.where(env.available[:, :, 1], 1, 0)
    return env, env.step(actions, ONE)


def test_last_enemy_medivac_is_a_win_on_medivac_maps_only():
    env, step = end(tiny_map("MMM", ["Marine"], ["Medivac"]))
    assert step.terminated[0]
    assert step.info["battle_won"][0]
    assert env.exact_reward(0) == pytest.approx(200 / (env.max_reward / 20))
    _, step = end(tiny_map("marines", ["Marine"], ["Medivac"]))
    assert not step.terminated[0]


def test_two_enemy_medivacs_are_not_yet_a_win():
    _, step = end(tiny_map("MMM", ["Marine"], ["Medivac", "Medivac"]))
    assert not step.terminated[0]


def test_allied_medivacs_alone_have_lost_on_medivac_maps_only():
    _, step = end(tiny_map("MMM", ["Medivac"], ["Marine"]))
    assert step.terminated[0]
    assert not step.info["battle_won"][0]
    _, step = end(tiny_map("marines", ["Medivac"], ["Marine"]))
    assert not step.terminated[0]


def test_defeat_is_tested_before_victory():
    """Only Medivacs left on both sides: SMAC calls it lost."""
    _, step = end(tiny_map("MMM", ["Medivac"], ["Medivac"]))
    assert step.terminated[0]
    assert not step.info["battle_won"][0]


def test_limit_truncates_and_pays_nothing():
    env = start(tiny_map("marines", ["Marine"], ["Marine"]))
    for time in range(1, 6):
        step = env.step(np.array([[1]]), ONE)
        assert (bool(step.terminated[0]), bool(step.truncated[0])) == (False, time == 5)
        assert step.reward[0] == 0
    with pytest.raises(ValueError, match="slot 0 of tiny has no episode under way"):
        env.step(np.array([[1]]), ONE)


def test_step_before_reset_is_refused():
    with pytest.raises(ValueError, match="no episode under way"):
        SkirmishEnv("3m").step(np.ones((1, 3), np.int64), ONE)


# --- illegal actions ---


def test_illegal_action_is_named_and_changes_nothing():
    env = start("3m")
    before = env.save(0)
    with pytest.raises(
        IllegalAction, match=r"3m, slot 0, agent 1: action 6 is not available; allowed: \[1, 2, 3, 4, 5\]"
    ):
        env.step(np.array([[1, 6, 1]]), ONE)
    assert env.steps(0) == 0
    assert env.save(0) == before


def test_lenient_mode_replaces_and_counts():
    env = start("3m", strict=False)
    step = env.step(np.array([[0, 99, 2]]), ONE)
    assert step.info["replaced_actions"].tolist() == [2]
    assert env.executed.tolist() == [[1, 1, 2]]
    last_actions = env.state[0, -27:].reshape(3, 9).argmax(axis=1)
    assert last_actions.tolist() == [1, 1, 2], "the state shows what was played"


# --- the same numbers, whoever computes them ---


def trace(name, n_envs, threads, episodes=8, steps=30):
    """Per episode what random play gives, `episodes` of them dealt to `n_envs` slots in turn."""
    env = SkirmishEnv(name, n_envs=n_envs, seed=11, threads=threads)
    rows = {}
    for first in range(0, episodes, n_envs):
        numbers = np.arange(first, min(first + n_envs, episodes))
        slots = np.arange(len(numbers))
        env.reset(slots, numbers)
        active = np.arange(n_envs) < len(numbers)
        for _ in range(steps):
            step = env.step(env.random_actions(active), active)
            for slot in np.flatnonzero(active):
                parts = (env.obs[slot], env.state[slot], env.available[slot], env.executed[slot])
                row = b"".join(part.tobytes() for part in parts) + step.reward[slot].tobytes()
                rows.setdefault(int(numbers[slot]), []).append(row)
            active = active & ~(step.terminated | step.truncated)
    return rows


@pytest.mark.parametrize("name", ["3m", "MMM2", "corridor"])
def test_traces_do_not_depend_on_slots_and_threads(name):
    alone = trace(name, 1, 1)
    assert len({tuple(rows) for rows in alone.values()}) == 8, "episodes differ"
    for n_envs, threads in ((8, 1), (8, 2), (64, 2)):
        assert trace(name, n_envs, threads) == alone


def test_a_slot_steps_while_others_rest():
    env = SkirmishEnv("3m", n_envs=2)
    env.reset(np.array([0, 1]), np.array([4, 4]))
    resting = env.obs[1].copy()
    env.step(env.random_actions(np.array([True, False])), np.array([True, False]))
    np.testing.assert_array_equal(env.obs[1], resting)
    assert env.steps(0) == 1
    assert env.steps(1) == 0


@pytest.mark.parametrize("name", ["2s3z", "MMM2", "2c_vs_64zg", "so_many_baneling"])
def test_saved_battle_continues_bit_for_bit(name):
    env = SkirmishEnv(name, n_envs=2, seed=3)
    env.reset(np.array([0, 1]), np.array([0, 1]))
    only = np.array([True, False])
    for _ in range(20):
        env.step(env.random_actions(only), only)
    env.load(1, env.save(0))
    np.testing.assert_array_equal(env.obs[0], env.obs[1])
    np.testing.assert_array_equal(env.state[0], env.state[1])
    both = np.array([True, True])
    for _ in range(20):
        actions = env.random_actions(both)
        np.testing.assert_array_equal(actions[0], actions[1])
        step = env.step(actions, both)
        np.testing.assert_array_equal(env.obs[0], env.obs[1])
        np.testing.assert_array_equal(env.state[0], env.state[1])
        assert step.reward[0] == step.reward[1]
        if step.terminated[0]:
            break
    assert env.units(0).tolist() == env.units(1).tolist()


def test_saved_battle_of_another_map_or_damaged_is_refused():
    env, other = start("3m"), start("8m")
    with pytest.raises(ValueError, match=r"the saved battle is of 'skirmish-.*/8m/"):
        env.load(0, other.save(0))
    with pytest.raises(ValueError, match=r"cut short|damaged"):
        env.load(0, env.save(0)[:-3])
    with pytest.raises(ValueError, match="damaged"):
        env.load(0, env.save(0) + b"x")


# --- what holds in every battle ---


def test_actions_become_orders():
    """Each available action reaches the engine as the order it names."""
    env = start("MMM2", episode=2)
    for _ in range(12):  # until the armies are within range
        env.step(env.random_actions(ONE), ONE)
    before = env.units(0)
    offsets = {2: (0, 2), 3: (0, -2), 4: (2, 0), 5: (-2, 0)}
    saved = env.save(0)
    for action in range(1, env.spec.n_actions):
        able = np.flatnonzero(env.available[0, :, action])
        if not len(able):
            continue
        world = SkirmishEnv("MMM2", step_mul=1)
        world.reset(FIRST, np.array([2]))
        world.load(0, saved)
        actions = np.where(env.available[:, :, 1], 1, 0)
        actions[0, able] = action
        world.step(actions, ONE)
        after = world.units(0)
        for agent in able:
            if not after["alive"][agent] or (
                action >= 6 and not after["alive"][target_of(env, agent, action)]
            ):
                continue
            order = ORDERS[after["order"][agent]]
            if action == 1:
                assert order == "idle"
            elif action < 6:
                dx, dy = offsets[action]
                assert order == "move"
                assert after["order_x"][agent] == before["x"][agent] + dx
                assert after["order_y"][agent] == before["y"][agent] + dy
            else:
                target = target_of(env, agent, action)
                flying = UNIT_TYPES[before["type"][target]] == "Medivac"
                if UNIT_TYPES[before["type"][agent]] == "Marauder" and flying:
                    continue  # cannot hit it: the order is refused
                heals = UNIT_TYPES[before["type"][agent]] == "Medivac"
                if heals and before["hp"][target] == before["hp_max"][target]:
                    continue  # nothing to heal
                assert order == ("heal" if heals else "attack_unit")
                assert after["order_target"][agent] == before["id"][target]


def target_of(env, agent, action):
    """Row of `units` that an agent's action aims at."""
    heals = UNIT_TYPES[env.units(0)["type"][agent]] == "Medivac"
    return action - 6 if heals else env.spec.n_agents + action - 6


FLYERS = ("Medivac",)
CLIFF_WALKERS = ("Colossus",)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(map_names()), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_laws_of_every_battle(name, episode, seed):
    env = SkirmishEnv(name, seed=seed)
    env.reset(FIRST, np.array([episode]))
    healers = name.startswith("MMM")
    names = np.array([UNIT_TYPES[t] for t in env.units(0)["type"]])
    zerg = np.isin(names, ("Zergling", "Baneling", "Hydralisk", "SpineCrawler"))
    grounded = ~np.isin(names, FLYERS + CLIFF_WALKERS)
    before = env.units(0)
    unhurt_steps = np.full(len(before), 1000)
    for _ in range(30):
        actions = env.random_actions(ONE)
        step = env.step(actions, ONE)
        after = env.units(0)
        alive, was_alive = after["alive"] != 0, before["alive"] != 0
        assert not (alive & ~was_alive).any(), "the dead stay dead"
        dead = ~was_alive
        for field in ("x", "y", "hp"):
            assert (after[field][dead] == before[field][dead]).all(), "the dead do nothing"
        agents = slice(0, env.spec.n_agents)
        assert (env.available[0, ~alive[agents]].sum(axis=1) == 1).all()
        assert env.available[0, ~alive[agents], 0].all()
        assert not env.available[0, alive[agents], 0].any()

        assert (after["hp"][alive] > 0).all()
        assert (after["hp"] <= after["hp_max"]).all()
        assert (after["shield"] <= after["shield_max"]).all()
        assert (after["shield"] >= 0).all()
        gained = alive & (after["hp"] > before["hp"])
        if not healers:
            assert not (gained & ~zerg).any(), "health rises for Zerg or under a Medivac alone"
        assert (after["hp"] - before["hp"])[alive & zerg].max(initial=0) <= 0.2734 * 8 / 16 + 1e-4
        shield_gain = after["shield"] - before["shield"]
        assert shield_gain.max() <= 0.125 * 8 + 1e-4
        hurt = total(after) < total(before) - 1e-4
        assert not (shield_gain[alive] > 1e-4)[(unhurt_steps < 19)[alive]].any(), "shields wait ten seconds"
        unhurt_steps = np.where(hurt, 0, unhurt_steps + 1)

        for unit in np.flatnonzero(alive & grounded):
            assert stands_on_ground(env.map.terrain, after["x"][unit], after["y"][unit]), (name, after[unit])
        before = after
        if step.terminated[0]:
            break


def total(units):
    return units["hp"] + units["shield"]


def stands_on_ground(terrain, x, y, slack=0.01):
    """Is there ground within `slack` of the centre?"""
    return any(
        terrain.walkable_open[int(y + dy), int(x + dx)] or in_cut_corner(terrain, x + dx, y + dy)
        for dx, dy in itertools.product((-slack, 0, slack), repeat=2)
    )


def in_cut_corner(terrain, x, y):
    """Is the point in the low half of a cliff's last cell, which is ground although the cell is closed?"""
    column, row = int(x), int(y)
    if not (0 < column < 31 and 0 < row < 31):
        return False
    solid = ~terrain.walkable  # the cliff's own cells, the high half included
    east, west = solid[row, column + 1], solid[row, column - 1]
    north, south = solid[row + 1, column], solid[row - 1, column]
    if east == west or north == south:
        return False
    towards_east = x - column if east else column + 1 - x
    towards_north = y - row if north else row + 1 - y
    return towards_east + towards_north < 1
