"""The 23 maps: sizes, armies and largest rewards as SMAC reports them, and the ground that can be reached."""

import numpy as np
import pytest

from fop_core.errors import UnknownName
from fop_envs.smac.maps import load_map, map_names
from fop_envs.smac.skirmish import SkirmishEnv

# Agents, enemies, limit, observation, state, actions, largest reward, as oxwhirl/smac @ d6aab33 gives them.
SIZES = {
    "3m": (3, 3, 60, 30, 48, 9, 365),
    "8m": (8, 8, 120, 80, 168, 14, 640),
    "25m": (25, 25, 150, 250, 950, 31, 1575),
    "5m_vs_6m": (5, 6, 70, 55, 98, 12, 530),
    "8m_vs_9m": (8, 9, 120, 85, 179, 15, 695),
    "10m_vs_11m": (10, 11, 150, 105, 243, 17, 805),
    "27m_vs_30m": (27, 30, 180, 285, 1170, 36, 1850),
    "MMM": (10, 10, 150, 160, 290, 16, 1015),
    "MMM2": (10, 12, 180, 176, 322, 18, 1205),
    "2s3z": (5, 5, 120, 80, 120, 11, 1020),
    "3s5z": (8, 8, 150, 128, 216, 14, 1510),
    "3s5z_vs_3s6z": (8, 9, 170, 136, 230, 15, 1670),
    "3s_vs_3z": (3, 3, 150, 36, 54, 9, 680),
    "3s_vs_4z": (3, 4, 200, 42, 61, 10, 840),
    "3s_vs_5z": (3, 5, 250, 48, 68, 11, 1000),
    "1c3s5z": (9, 9, 180, 162, 270, 15, 1870),
    "2m_vs_1z": (2, 1, 150, 16, 26, 7, 360),
    "corridor": (6, 24, 400, 156, 282, 30, 1280),
    "6h_vs_8z": (6, 8, 150, 78, 140, 14, 1480),
    "2s_vs_1sc": (2, 1, 300, 17, 27, 7, 510),
    "so_many_baneling": (7, 32, 100, 202, 397, 38, 1480),
    "bane_vs_bane": (24, 24, 200, 336, 984, 30, 1260),
    "2c_vs_64zg": (2, 64, 400, 332, 342, 70, 3080),
}

STRIP = ("3m", "8m", "25m", "5m_vs_6m", "27m_vs_30m", "MMM", "MMM2", "2s3z", "3s5z", "3s5z_vs_3s6z", "1c3s5z")
OPEN = ("3s_vs_3z", "3s_vs_4z", "3s_vs_5z")


def test_there_are_the_23_maps():
    assert set(map_names()) == set(SIZES)


@pytest.mark.parametrize("name", SIZES)
def test_sizes_and_largest_reward(name):
    env = SkirmishEnv(name)
    spec = env.spec
    sizes = (
        spec.n_agents,
        env.task.n_enemies,
        spec.episode_limit,
        spec.obs_dim,
        spec.state_dim,
        spec.n_actions,
    )
    assert (*sizes, env.max_reward) == SIZES[name]
    assert env.obs.shape == (1, spec.n_agents, spec.obs_dim)
    assert env.state.shape == (1, spec.state_dim)
    assert env.available.shape == (1, spec.n_agents, spec.n_actions)


@pytest.mark.parametrize(
    ("name", "armies"),
    [
        ("MMM2", "7 Marine + 2 Marauder + 1 Medivac vs 8 Marine + 3 Marauder + 1 Medivac"),
        ("2c_vs_64zg", "2 Colossus vs 64 Zergling"),
        ("bane_vs_bane", "20 Zergling + 4 Baneling vs 20 Zergling + 4 Baneling"),
        ("2m_vs_1z", "2 Marine vs 1 Zealot"),
    ],
)
def test_armies(name, armies):
    assert load_map(name).summary == armies


@pytest.mark.parametrize("name", SIZES)
def test_both_armies_stand_on_the_same_ground(name):
    info = load_map(name)
    grid = info.terrain.walkable_open
    reached = np.zeros_like(grid)
    frontier = [(int(call.x), int(call.y)) for call in info.spawn_calls if call.player == 1][:1]
    while frontier:
        x, y = frontier.pop()
        if 0 <= x < 32 and 0 <= y < 32 and grid[y, x] and not reached[y, x]:
            reached[y, x] = True
            frontier += [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
    for call in info.spawn_calls:
        assert reached[int(call.y), int(call.x)]
    assert info.terrain.walkable_open[info.terrain.walkable].all()


def test_ground_of_strips_and_open_maps():
    """Ground from x 2 to 30; strips from y 8 to 24 and, as the high sides of the cliffs, a cell more."""
    for name in STRIP:
        ground = np.argwhere(load_map(name).terrain.walkable_open)
        assert (ground.min(axis=0).tolist(), ground.max(axis=0).tolist()) == ([7, 2], [24, 29])
        assert len(ground) == 18 * 28
    for name in OPEN:
        ground = np.argwhere(load_map(name).terrain.walkable_open)
        assert (ground.min(axis=0).tolist(), ground.max(axis=0).tolist()) == ([2, 2], [29, 29])
        assert len(ground) == 28 * 28


def test_unknown_map_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean MMM or MMM2"):
        load_map("MMM3")


def test_unknown_option_names_the_nearest():
    with pytest.raises(UnknownName, match="did you mean obs_last_action"):
        SkirmishEnv("3m", obs_last_actions=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step_mul": 0}, "step_mul is 0; at least 1"),
        ({"client": "5.0"}, "client is '5.0'"),
        ({"reward_scale_rate": 0}, "reward_scale_rate is 0"),
        ({"n_envs": 0}, "n_envs is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_impossible_values_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SkirmishEnv("3m", **options)
