"""SMAC's own interface."""

import json

import numpy as np
import pytest

from fop_core.errors import IllegalAction, UnknownName
from fop_envs.smac.skirmish import SkirmishEnv
from fop_envs.smac.starcraft2env import StarCraft2Env


def stop(env):
    return [1 if mask[1] else 0 for mask in env.get_avail_actions()]


def play_out(env):
    """Stands still to the end of an episode: steps, return, last info."""
    env.reset()
    steps, total, terminated = 0, 0.0, False
    while not terminated:
        reward, terminated, info = env.step(stop(env))
        steps, total = steps + 1, total + reward
    return steps, total, info


def test_reset_and_step_have_smacs_types():
    env = StarCraft2Env("2s3z", seed=4)
    obs, state = env.reset()
    assert [row.shape for row in obs] == [(80,)] * 5
    assert state.shape == (120,)
    assert state.dtype == np.float32
    reward, terminated, info = env.step(np.array(stop(env)))
    assert type(reward) is float
    assert type(terminated) is bool
    assert info == {"battle_won": False, "dead_allies": 0, "dead_enemies": 0}
    assert env.get_obs()[2].tolist() == env.get_obs_agent(2).tolist()
    assert env.get_avail_agent_actions(0) == env.get_avail_actions()[0]
    assert len(env.get_avail_agent_actions(0)) == env.get_total_actions() == 11


def test_env_info_of_mmm2():
    types = ["type_0", "type_1", "type_2"]
    assert StarCraft2Env("MMM2").get_env_info() == {
        "state_shape": 322,
        "obs_shape": 176,
        "n_actions": 18,
        "n_agents": 10,
        "episode_limit": 180,
        "agent_features": ["health", "energy/cooldown", "rel_x", "rel_y", *types],
        "enemy_features": ["health", "rel_x", "rel_y", *types],
    }


def test_feature_sizes_add_up():
    for options in ({}, {"obs_timestep_number": True, "obs_last_action": True, "obs_pathing_grid": True}):
        env = StarCraft2Env("3s5z", **options)
        enemies, allies = env.get_obs_enemy_feats_size(), env.get_obs_ally_feats_size()
        parts = (
            env.get_obs_move_feats_size() + np.prod(enemies) + np.prod(allies) + env.get_obs_own_feats_size()
        )
        assert parts == env.get_obs_size()


def test_same_seed_same_episodes_and_another_seed_others():
    def rewards(seed):
        env = StarCraft2Env("3m", seed=seed, heuristic_ai=True)
        env.reset()
        return [env.step(stop(env))[0] for _ in range(15)]

    assert rewards(1) == rewards(1)
    assert len({tuple(rewards(seed)) for seed in range(6)}) > 1


def test_unseeded_environments_differ():
    assert StarCraft2Env("3m").seed() != StarCraft2Env("3m").seed()


def test_episodes_equal_those_of_the_vector_environment():
    env, vector = StarCraft2Env("3m", seed=8), SkirmishEnv("3m", seed=8)
    for episode in range(2):
        _, state = env.reset()
        vector.reset(np.array([0]), np.array([episode]))
        np.testing.assert_array_equal(state, vector.state[0])
        actions = vector.random_actions(np.array([True]))
        reward, _, _ = env.step(actions[0].tolist())
        step = vector.step(actions, np.array([True]))
        assert step.reward[0] == np.float32(reward)
        np.testing.assert_array_equal(env.get_state(), vector.state[0])


@pytest.mark.parametrize("continuing", [False, True])
def test_timeout_terminates_and_is_told_only_if_continuing(continuing):
    """Two Stalkers out of the Spine Crawler's reach: nothing happens for 300 steps."""
    env = StarCraft2Env("2s_vs_1sc", seed=0, continuing_episode=continuing)
    steps, total, info = play_out(env)
    assert (steps, total) == (300, 0.0)
    assert info.get("episode_limit", False) is continuing
    stats = {
        "battles_won": 0,
        "battles_game": 1,
        "battles_draw": 1,
        "win_rate": 0,
        "timeouts": 1,
        "restarts": 0,
    }
    assert env.get_stats() == stats


def test_visibility_matrix():
    env = StarCraft2Env("2m_vs_1z", first_loops=0)
    env.reset()
    # Marines at (13, 12) and (19, 12), the Zealot at (16, 19): 6 and 7.6 cells.
    assert env.get_visibility_matrix().tolist() == [[False, True, True], [True, False, True]]
    env = StarCraft2Env("3m", first_loops=0)
    env.reset()
    assert not env.get_visibility_matrix()[:, 3:].any(), "the armies start 14 cells apart"


def test_unit_types_put_allies_in_catalogue_order():
    env = StarCraft2Env("1c3s5z")
    env.reset()
    types = env.get_unit_types()
    assert types[:9] == [2005] + [2006] * 3 + [2007] * 5
    assert sorted(types[9:]) == [4] + [73] * 5 + [74] * 3
    assert types[9] == 4 or types[-1] == 4, "created first, so it stands first or last"


def test_heuristic_overwrites_the_actions_and_the_state_keeps_the_given_ones():
    env = StarCraft2Env("3m", seed=2, heuristic_ai=True)
    env.reset()
    actions = [1, 1, 1]
    env.step(actions)
    assert all(action >= 6 for action in actions), "everyone attacks the nearest enemy, however far"
    assert env.get_state()[-27:].reshape(3, 9).argmax(axis=1).tolist() == [1, 1, 1]


def test_resting_heuristic_walks_until_targets_are_in_range():
    env = StarCraft2Env("3m", seed=2, heuristic_ai=True, heuristic_rest=True)
    env.reset()
    actions = [1, 1, 1]
    env.step(actions)
    assert actions == [4, 4, 4], "the enemy is in the east"


def test_heuristic_medivac_rests_until_someone_is_hurt():
    env = StarCraft2Env("MMM", seed=1, heuristic_ai=True)
    env.reset()
    actions = [1] * 10
    env.step(actions)
    assert actions[9] == 0
    assert min(actions[:9]) >= 6
    for _ in range(40):
        hurt = {i for i in range(9) if 0 < env.get_state()[7 * i] < 1}
        actions = stop(env)
        alive = actions[9] == 1
        _, terminated, _ = env.step(actions)
        if hurt and alive:
            assert actions[9] - 6 in hurt
            return
        if terminated:
            break
    pytest.fail("nobody was hurt")


def test_illegal_actions():
    env = StarCraft2Env("3m")
    env.reset()
    with pytest.raises(IllegalAction, match="agent 2: action 8 is not available"):
        env.step([1, 1, 8])
    with pytest.raises(ValueError, match="actions has 2 entries; 3m has 3 agents"):
        env.step([1, 1])
    lenient = StarCraft2Env("3m", strict=False)
    lenient.reset()
    assert lenient.step([1, 1, 8])[2]["replaced_actions"] == 1


def test_replay_file_plays_the_same_battle(tmp_path):
    env = StarCraft2Env(
        "3m", seed=6, heuristic_ai=True, heuristic_rest=True, replay_dir=str(tmp_path / "new")
    )
    env.reset()
    env.reset()
    for _ in range(12):
        env.step(stop(env))
    replay = json.loads(env.save_replay().read_text())
    assert (replay["map"], replay["seed"], replay["episode"]) == ("3m", 6, 1)
    again = SkirmishEnv("3m", seed=replay["seed"])
    again.reset(np.array([0]), np.array([replay["episode"]]))
    for actions in replay["actions"]:
        again.step(np.array([actions]), np.array([True]))
    np.testing.assert_array_equal(again.obs[0], np.stack(env.get_obs()))


def test_picture_has_walls_and_units():
    env = StarCraft2Env("3m", first_loops=0)
    env.reset()
    rows = env.render("ansi").split("\n")
    assert [len(row) for row in rows] == [32] * 32
    assert rows[0] == rows[31] == "#" * 32
    assert rows[31 - 16][9] in "12"
    assert rows[31 - 16][23] == "M"
    with pytest.raises(ValueError, match="mode is 'rgb_array'"):
        env.render("rgb_array")


def test_smacs_other_arguments_are_accepted_and_unknown_ones_named():
    StarCraft2Env("3m", game_version="4.6.2", difficulty="A", window_size_x=10, debug=True, replay_prefix="x")
    with pytest.raises(UnknownName, match="did you mean heuristic_ai"):
        StarCraft2Env("3m", heuristic=True)
