"""Observations, state, masks and rewards against a plain-Python statement of SMAC's rules, bit for bit."""

import math
from dataclasses import replace

import numpy as np
import pytest

from fop_envs.smac.maps import SpawnCall
from fop_envs.smac.skirmish import UNIT_TYPES, SkirmishEnv

SHIELDS = {"Stalker": 80, "Zealot": 50, "Colossus": 150}
COOLDOWNS = {
    "Marine": 15, "Marauder": 25, "Stalker": 35, "Zealot": 22, "Colossus": 24, "Hydralisk": 10,
    "Zergling": 11, "Baneling": 1,
}  # fmt: skip
# Place in the one-hot of types: allies', enemies'.
TYPE_BITS = {
    "stalkers_and_zealots": ({"Stalker": 0, "Zealot": 1}, {"Zealot": 0, "Stalker": 1}),
    "colossi_stalkers_zealots": ({"Colossus": 0, "Stalker": 1, "Zealot": 2},) * 2,
    "MMM": ({"Marauder": 0, "Marine": 1, "Medivac": 2},) * 2,
    "bane": ({"Baneling": 0, "Zergling": 1},) * 2,
}


class Unit:
    def __init__(self, row):
        self.type = UNIT_TYPES[row["type"]]
        self.alive = bool(row["alive"])
        self.x, self.y = float(row["x"]), float(row["y"])
        self.health, self.health_max = float(row["hp"]), float(row["hp_max"])
        self.shield, self.energy, self.cooldown = (
            float(row["shield"]),
            float(row["energy"]),
            float(row["cooldown"]),
        )

    def distance(self, other):
        return math.hypot(other.x - self.x, other.y - self.y)


class Oracle:
    """SMAC's arrays from the units' raw data: one slot of an environment."""

    def __init__(self, env, slot=0):
        self.info, self.options = env.map, env.options
        units = [Unit(row) for row in env.units(slot)]
        self.n_agents = env.spec.n_agents
        self.allies, self.enemies = units[: self.n_agents], units[self.n_agents :]
        self.n_actions = 6 + len(self.enemies)
        self.pathing = env.map.terrain.walkable_open
        self.bits = TYPE_BITS.get(self.info.map_type)

    def can_move(self, x, y):
        cx, cy = int(x), int(y)
        return 0 <= cx < 32 and 0 <= cy < 32 and bool(self.pathing[cy, cx])

    def available(self, i):
        me = self.allies[i]
        if not me.alive:
            return [1] + [0] * (self.n_actions - 1)
        row = [0, 1]
        row += [self.can_move(me.x + dx, me.y + dy) for dx, dy in ((0, 1), (0, -1), (1, 0), (-1, 0))]
        heals = me.type == "Medivac"
        targets = self.allies if heals else self.enemies
        reach = [t.alive and not (heals and t.type == "Medivac") and me.distance(t) <= 6 for t in targets]
        row += (reach + [False] * len(self.enemies))[: len(self.enemies)]
        return [int(flag) for flag in row]

    def health(self, unit, shields):
        return [unit.health / unit.health_max] + ([unit.shield / SHIELDS[unit.type]] if shields else [])

    def one_hot(self, unit, side):
        if self.bits is None:
            return []
        return [float(self.bits[side][unit.type] == bit) for bit in range(self.info.unit_type_bits)]

    def around(self, me, value, own_cell):
        offsets = [(0, 4), (0, -4), (4, 0), (-4, 0), (2, 2), (-2, -2), (2, -2), (-2, 2)] + [(0, 0)] * own_cell
        cells = [(int(me.x) + dx, int(me.y) + dy) for dx, dy in offsets]
        return [value(x, y) if 0 <= x < 32 and 0 <= y < 32 else 1.0 for x, y in cells]

    def last_action(self, last):
        return [float(last == action) for action in range(self.n_actions)]

    def obs(self, i, last_actions, time):
        options, me = self.options, self.allies[i]
        available = self.available(i)
        row = [float(flag) for flag in available[2:6]]
        if options.obs_pathing_grid:
            row += self.around(me, lambda x, y: float(self.pathing[y, x]), own_cell=False)
        if options.obs_terrain_height:
            row += self.around(me, lambda x, y: self.info.terrain.height[y, x] / 255, own_cell=True)
        for k, other in enumerate(self.enemies):
            part = [available[6 + k], me.distance(other) / 9, (other.x - me.x) / 9, (other.y - me.y) / 9]
            if options.obs_all_health:
                part += self.health(other, self.info.enemy_race == "P")
            part += self.one_hot(other, 1)
            row += part if other.alive and me.distance(other) < 9 else [0.0] * len(part)
        for j, other in enumerate(self.allies):
            if j == i:
                continue
            part = [1, me.distance(other) / 9, (other.x - me.x) / 9, (other.y - me.y) / 9]
            if options.obs_all_health:
                part += self.health(other, self.info.ally_race == "P")
            part += self.one_hot(other, 0)
            if options.obs_last_action:
                part += self.last_action(last_actions[j])
            row += part if other.alive and me.distance(other) < 9 else [0.0] * len(part)
        if options.obs_own_health or options.obs_all_health:
            row += self.health(me, self.info.ally_race == "P")
        row += self.one_hot(me, 0)
        if not me.alive:
            row = [0.0] * len(row)
        if options.obs_timestep_number:
            row.append(time / self.info.episode_limit)
        return np.array(row, np.float64).astype(np.float32)

    def state(self, last_actions, time):
        options = self.options
        divisor = 28 if options.client == "4.10" else 32
        if options.obs_instead_of_state:
            return np.concatenate([self.obs(i, last_actions, time) for i in range(self.n_agents)])
        row = []
        for unit in self.allies:
            timer = unit.energy / 200 if unit.type == "Medivac" else unit.cooldown / COOLDOWNS[unit.type]
            part = [unit.health / unit.health_max, timer, (unit.x - 16) / divisor, (unit.y - 16) / divisor]
            part += self.health(unit, self.info.ally_race == "P")[1:] + self.one_hot(unit, 0)
            row += part if unit.alive else [0.0] * len(part)
        for unit in self.enemies:
            part = [unit.health / unit.health_max, (unit.x - 16) / divisor, (unit.y - 16) / divisor]
            part += self.health(unit, self.info.enemy_race == "P")[1:] + self.one_hot(unit, 1)
            row += part if unit.alive else [0.0] * len(part)
        if options.state_last_action:
            row += [value for last in last_actions for value in self.last_action(last)]
        if options.state_timestep_number:
            row.append(time / self.info.episode_limit)
        return np.array(row, np.float64).astype(np.float32)

    def check(self, env, last_actions, time, slot=0):
        for i in range(self.n_agents):
            assert env.available[slot, i].astype(int).tolist() == self.available(i)
            np.testing.assert_array_equal(env.obs[slot, i], self.obs(i, last_actions, time))
        np.testing.assert_array_equal(env.state[slot], self.state(last_actions, time))


def total(unit):
    return unit.health + unit.shield if unit.alive else 0.0


def expected_reward(options, max_reward, before, after, won, lost):
    """SMAC's reward of one step, from the units before and after it."""
    fell = [b.alive and not a.alive for b, a in zip(before.enemies, after.enemies, strict=True)]
    delta = sum(total(b) - total(a) for b, a in zip(before.enemies, after.enemies, strict=True))
    reward = delta + options.reward_death_value * sum(fell)
    if options.reward_only_positive:
        reward = abs(reward)
    else:
        lost_health = sum(total(b) - total(a) for b, a in zip(before.allies, after.allies, strict=True))
        deaths = sum(b.alive and not a.alive for b, a in zip(before.allies, after.allies, strict=True))
        reward -= options.reward_negative_scale * (lost_health + options.reward_death_value * deaths)
    if options.reward_sparse:
        reward = won - lost
    else:
        reward += options.reward_win * won + options.reward_defeat * lost
    return reward / (max_reward / options.reward_scale_rate) if options.reward_scale else reward


def defeat(oracle):
    fighters = [
        u for u in oracle.allies if u.alive and not (oracle.info.map_type == "MMM" and u.type == "Medivac")
    ]
    nobody = not any(u.alive for u in oracle.allies)
    if oracle.info.map_type == "MMM":
        return not fighters
    return nobody and any(u.alive for u in oracle.enemies)


def play(env, episode, steps):
    """Plays random available actions in slot 0, comparing everything with the oracle after every step."""
    active = np.array([True])
    env.reset(np.array([0]), np.array([episode]))
    last = [-1] * env.spec.n_agents
    oracle = Oracle(env)
    oracle.check(env, last, 0)
    for time in range(1, steps + 1):
        actions = env.random_actions(active)
        last = actions[0].tolist()
        step = env.step(actions, active)
        before, oracle = oracle, Oracle(env)
        oracle.check(env, last, time)
        won, lost = bool(step.info["battle_won"][0]), defeat(oracle)
        reward = expected_reward(env.options, env.max_reward, before, oracle, won, lost)
        assert env.exact_reward(0) == pytest.approx(reward, rel=1e-12, abs=1e-12)
        assert step.reward[0] == np.float32(env.exact_reward(0))
        assert step.info["dead_allies"][0] == sum(not unit.alive for unit in oracle.allies)
        assert step.info["dead_enemies"][0] == sum(not unit.alive for unit in oracle.enemies)
        if step.terminated[0] or step.truncated[0]:
            assert bool(step.terminated[0]) == (won or lost or not any(u.alive for u in oracle.allies))
            assert bool(step.truncated[0]) == (not step.terminated[0] and time == env.spec.episode_limit)
            return
        assert not won
        assert not lost


@pytest.mark.parametrize(
    "name",
    ["3m", "2s3z", "MMM", "MMM2", "1c3s5z", "bane_vs_bane", "corridor", "2c_vs_64zg", "3s_vs_5z", "6h_vs_8z",
     "2m_vs_1z", "2s_vs_1sc", "so_many_baneling"],
)  # fmt: skip
def test_arrays_over_random_play(name):
    play(SkirmishEnv(name, seed=5), episode=3, steps=25)


@pytest.mark.parametrize(
    "options",
    [
        {"obs_last_action": True},
        {"obs_pathing_grid": True, "obs_terrain_height": True},
        {"obs_timestep_number": True, "state_timestep_number": True},
        {"obs_all_health": False, "obs_own_health": False},
        {"obs_all_health": False},
        {"obs_instead_of_state": True, "obs_last_action": True},
        {"state_last_action": False},
        {"client": "4.6.2", "first_loops": 0},
        {"reward_only_positive": False, "reward_defeat": -7.0, "reward_death_value": 3.0},
        {"reward_sparse": True},
        {"reward_scale": False},
        {"reward_scale_rate": 5.0, "reward_win": 50.0, "reward_negative_scale": 0.1},
        {"step_mul": 4},
    ],
    ids=lambda options: ",".join(options),
)
@pytest.mark.parametrize("name", ["MMM", "3s5z"])
def test_arrays_and_rewards_under_options(name, options):
    play(SkirmishEnv(name, seed=9, **options), episode=0, steps=40)


@pytest.mark.parametrize("name", ["3m", "2s3z", "corridor"])
def test_ground_and_height_at_the_walls(name):
    """Agents that run west and south see the map's end: points outside count as 1."""
    env = SkirmishEnv(name, obs_pathing_grid=True, obs_terrain_height=True)
    env.reset(np.array([0]), np.array([0]))
    for time in range(25):
        actions = np.ones((1, env.spec.n_agents), np.int64)
        for direction in (5, 3) if time % 2 else (3, 5):
            actions[:, :] = np.where(env.available[:, :, direction], direction, actions)
        actions[~env.available[:, :, 1]] = 0
        step = env.step(actions, np.array([True]))
        Oracle(env).check(env, actions[0].tolist(), time + 1)
        if step.terminated[0]:
            break


@pytest.mark.parametrize(
    ("x", "y", "expected"),  # north, south, east, west; ground reaches from 2 to 30
    [
        (2.9375, 16.0, (1, 1, 1, 0)),
        (3.0, 16.0, (1, 1, 1, 1)),
        (16.0, 29.0, (0, 1, 1, 1)),
        (29.0, 2.5, (1, 0, 0, 1)),
    ],
)
def test_moves_end_with_the_playable_area(x, y, expected):
    info = SkirmishEnv("3s_vs_3z").map
    calls = (SpawnCall(1, "Marine", 1, x, y), SpawnCall(2, "Zealot", 1, 16.0, 16.0))
    env = SkirmishEnv(replace(info, spawn_calls=calls), first_loops=0)
    env.reset(np.array([0]), np.array([0]))
    unit = env.units(0)[0]
    assert (unit["x"], unit["y"]) == (x, y)
    assert tuple(env.available[0, 0, 2:6].astype(int)) == expected
