"""The two games and the template, against values worked by hand."""

import subprocess
import sys

import numpy as np
import pytest

import fop_envs
from fop_core.errors import IllegalAction, UnknownName
from fop_envs.games.differential import DifferentialGame, reward_surface
from fop_envs.games.dummy import LEFT, RIGHT, STAY, Dummy
from fop_envs.games.matrix import MatrixGame
from fop_envs.games.payoffs import payoff_table


def play_once(env, actions):
    """One step of all slots from a fresh episode."""
    slots = np.arange(env.n_envs)
    env.reset(slots, slots)
    return env.step(np.asarray(actions), np.ones(env.n_envs, np.bool_))


def test_paper_payoff_cell_by_cell():
    env = MatrixGame(n_envs=9)
    cells = [[a, b] for a in range(3) for b in range(3)]
    step = play_once(env, cells)
    assert step.reward.tolist() == [8, -12, -12, -12, 0, 0, -12, 0, 0]
    assert step.terminated.all()
    assert not step.truncated.any()
    assert env.obs.tolist() == [[[1.0], [1.0]]] * 9
    assert env.state.tolist() == [[1.0]] * 9


def test_against_a_uniform_partner_the_optimal_action_looks_worst():
    """Relative over-generalisation: A is worth -16/3, B and C -4 (FOP, appendix, Table 3)."""
    assert payoff_table("paper").mean(axis=1) == pytest.approx([-16 / 3, -4, -4])


def test_other_named_payoffs():
    assert payoff_table("climbing").tolist() == [[11, -30, 0], [-30, 7, 6], [0, 0, 5]]
    assert payoff_table("penalty", -7).tolist() == [[10, 0, -7], [0, 2, 0], [-7, 0, 10]]
    assert payoff_table("penalty-75").tolist() == [[10, 0, -75], [0, 2, 0], [-75, 0, 10]]
    assert payoff_table("penalty-0").tolist() == [[10, 0, 0], [0, 2, 0], [0, 0, 10]]
    env = fop_envs.make("matrix", 1, payoff="penalty", penalty=-50.0)
    assert play_once(env, [[0, 2]]).reward.tolist() == [-50]


@pytest.mark.parametrize("name", ["penalty-25", "random-2x5-3", "random-4x3-99"])
def test_named_games_conform_and_carry_their_title(name):
    def make(n_envs, seed):
        return fop_envs.make("matrix", n_envs, seed, payoff=name, title=name)

    fop_envs.check_env(make, n_envs=2, episodes=2)
    spec = make(1, 0).spec
    assert (spec.name, spec.engine) == (name, f"matrix game ({name} payoff)")
    assert fop_envs.make("matrix", payoff=name).spec.name == "matrix"
    assert np.array_equal(make(1, 0).payoff, payoff_table(name))


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("penalty-101", r"penalty-K .* K = 0 to 100\)"),
        ("penalty-05", r"penalty-K .* K = 0 to 100\)"),
        ("random-5x3-0", r"random-NxA-I .*N = 2 to 4 agents, A = 3 to 8 actions, I = 0 to 99\)"),
        ("random-2x9-0", r"random-NxA-I .*A = 3 to 8 actions"),
        ("random-2x3-100", r"random-NxA-I .*I = 0 to 99\)"),
        ("random-2x3-00", r"random-NxA-I"),
        ("dilemma", "paper, climbing, penalty-K, random-NxA-I"),
    ],
)
def test_names_outside_a_family_are_told_its_limits(name, known):
    with pytest.raises(UnknownName, match=f"unknown payoff '{name}'; known: {known}"):
        payoff_table(name)


def test_payoff_tensor_for_three_agents():
    payoff = np.arange(8.0).reshape(2, 2, 2)
    env = fop_envs.make("matrix", 2, payoff=payoff)
    assert (env.spec.n_agents, env.spec.n_actions) == (3, 2)
    assert (env.spec.name, env.spec.engine) == ("matrix", "matrix game (own payoff)")
    assert play_once(env, [[1, 0, 1], [0, 1, 1]]).reward.tolist() == [5, 3]


@pytest.mark.parametrize(
    ("payoff", "message"),
    [
        (np.zeros((2, 3)), r"payoff has shape \(2, 3\)"),
        (3.0, r"payoff has shape \(\)"),
        ([[0.0, np.nan], [0.0, 0.0]], "not finite"),
        ([[0.0, 1e39], [0.0, 0.0]], r"not finite \(in float32\)"),
    ],
)
def test_impossible_payoffs_are_refused(payoff, message):
    with pytest.raises(ValueError, match=message):
        MatrixGame(payoff)


def test_unknown_payoff_names_the_nearest():
    with pytest.raises(UnknownName, match="unknown payoff 'climbin'; did you mean climbing"):
        MatrixGame("climbin")


def test_inactive_slots_get_nothing():
    env = MatrixGame(n_envs=3)
    env.reset(np.arange(3), np.arange(3))
    step = env.step(np.zeros((3, 2), np.int64), np.array([False, True, False]))
    assert step.reward.tolist() == [0, 8, 0]
    assert step.terminated.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("u1", "u2", "reward"),
    [
        (5, 5, 10),
        (-5, -5, 0),
        (0, 0, -4.444444),
        (10, 10, -40),
        (5, 2, 1),
        (-8, -5, -0.8),
        (-10, 10, -22.222222),
    ],
)
def test_reward_surface_at_points_worked_by_hand(u1, u2, reward):
    assert reward_surface(u1, u2) == pytest.approx(reward, rel=1e-6)
    step = play_once(DifferentialGame(), np.array([[[u1], [u2]]], np.float32))
    assert step.reward.dtype == np.float32
    assert step.reward[0] == pytest.approx(reward, rel=1e-6)


def test_each_of_several_optima_is_reached_and_a_millionth_is_no_difference():
    best = MatrixGame("penalty-50").optimum
    assert (best.best_reward, best.maximiser.tolist(), best.success) == (
        10,
        [0, 0],
        "earns the largest payoff",
    )
    assert [best.is_reached_by(np.array(joint)) for joint in ((0, 0), (2, 2), (1, 1))] == [True, True, False]
    for gap, reached in ((5e-7, True), (1e-6, True), (2e-6, False)):
        best = MatrixGame([[1, 0], [0, 1 - gap]]).optimum
        assert best.is_reached_by(np.array([1, 1])) is reached


def test_large_payoffs_are_compared_in_double_precision():
    """In float32, the type of rewards, the next number after 100,000.1 is 100,000.11."""
    best = MatrixGame([[100_000.1, 0], [0, 100_000.102]]).optimum
    assert best.best_reward == 100_000.102
    assert not best.is_reached_by(np.array([0, 0]))
    assert best.is_reached_by(np.array([1, 1]))


def test_joint_actions_have_names():
    name = MatrixGame("paper").optimum.action_name
    assert name(np.array([0, 25, 1])) == "AZB"
    assert name(np.array([0, 26])) == "0,26"
    named = [DifferentialGame.optimum.action_name(np.array([[u1], [u2]], np.float32)) for u1, u2 in
             ((4.6, 5.4), (-0.4, -10.0))]  # fmt: skip
    assert named == ["(5,5)", "(0,-10)"]


def test_the_differential_games_optimum():
    best = DifferentialGame.optimum
    assert best.reward(best.maximiser) == best.best_reward == 10
    assert not best.is_reached_by(np.array([[4.0], [5.0]], np.float32)), "it earns 9, and more is needed"
    assert best.is_reached_by(np.array([[4.01], [5.0]], np.float32))
    assert not best.is_reached_by(np.array([[-5.0], [-5.0]], np.float32))


@pytest.mark.parametrize("name", ["dummy", "3m"])
def test_no_optimum_is_stated_where_none_is_known(name):
    assert fop_envs.make(name).optimum is None


def test_reward_surface_has_the_known_shape():
    """7.8 % of the box is above 0, its mean is -6.91, the valley on the diagonal lies at u = 1.951."""
    u = np.linspace(-10, 10, 1001)
    surface = reward_surface(u[:, None], u[None, :])
    assert surface.max() == pytest.approx(10)
    assert surface.min() == pytest.approx(-40)
    assert (surface > 0).mean() == pytest.approx(0.078, abs=0.001)
    assert surface.mean() == pytest.approx(-6.91, abs=0.05)
    between = (u > -5) & (u < 5)
    assert u[between][np.diag(surface)[between].argmin()] == pytest.approx(1.951, abs=0.02)
    assert reward_surface(1.951, 1.951) == pytest.approx(-8.59, abs=0.01)


@pytest.mark.parametrize("action", [-10.1, 10.1, np.nan, np.inf])
def test_differential_game_refuses_actions_out_of_range(action):
    env = DifferentialGame(n_envs=2)
    env.reset(np.arange(2), np.arange(2))
    actions = np.zeros((2, 2, 1), np.float32)
    actions[1, 0] = action
    with pytest.raises(IllegalAction, match="slot 1, agent 0"):
        env.step(actions, np.ones(2, np.bool_))
    env.step(actions, np.array([True, False]))


def test_dummy_terminates_is_cut_off_and_masks_its_edges():
    env = Dummy(n_envs=40, seed=1)
    slots = np.arange(40)
    env.reset(slots, slots)
    cells = env.obs[:, :, 0]
    assert np.array_equal(env.available[:, :, LEFT], cells > 0)
    assert np.array_equal(env.available[:, :, RIGHT], cells < 1)
    assert env.available[:, :, STAY].all()

    # Walking to the goal ends every episode early; standing still mostly lasts to the limit.
    def towards_the_goal(turn):
        own, goal = turn.obs[:, :, 0], turn.obs[:, :, 2]
        return np.where(goal > own, RIGHT, np.where(goal < own, LEFT, STAY))

    def check(turn, actions, step):
        reward = np.where(step.terminated, 1, np.float32(-0.1)) * turn.active
        assert np.array_equal(step.reward, reward.astype(np.float32))

    walked = fop_envs.play(env, towards_the_goal, 40, on_step=check)
    assert (walked.lengths < env.spec.episode_limit).mean() > 0.8
    assert len(set(walked.lengths)) > 3

    stood = fop_envs.play(env, lambda turn: np.full((40, 2), STAY), range(100, 140))
    assert (stood.lengths[stood.truncated] == env.spec.episode_limit).all()
    assert stood.truncated.sum() > 20


def test_dummy_depends_on_its_seed():
    rows = []
    for seed in (0, 1):
        env = Dummy(n_envs=8, seed=seed)
        env.reset(np.arange(8), np.arange(8))
        rows.append(env.state.copy())
    assert not np.array_equal(*rows)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda env: env.reset(np.array([2]), np.array([0])), "slots 2 to 2; there are slots 0 to 1"),
        (lambda env: env.reset(np.array([1, 1]), np.array([0, 1])), "names a slot twice"),
        (lambda env: env.reset(np.array([1]), np.array([-1])), "episodes holds -1"),
        (lambda env: env.reset(np.array([0, 1]), np.array([0])), "must be vectors of one length"),
        (lambda env: env.step(np.zeros((2, 2), np.int32), np.ones(2, bool)), r"actions is int32\(2, 2\)"),
        (lambda env: env.step(np.zeros((1, 2), np.int64), np.ones(2, bool)), r"actions is int64\(1, 2\)"),
        (lambda env: env.step(np.zeros((2, 2), np.int64), np.ones(2)), r"active is float64\(2,\)"),
    ],
)
def test_wrong_calls_are_refused_by_name(call, message):
    env = MatrixGame(n_envs=2)
    with pytest.raises(ValueError, match=message):
        call(env)


def test_illegal_action_names_slot_agent_action_and_what_is_allowed():
    env = Dummy(n_envs=1, seed=0)
    env.reset(np.array([0]), np.array([0]))
    blocked = np.argwhere(~env.available[0])
    while not len(blocked):
        env.reset(np.array([0]), np.array([int(env.state[0, 3]) + 1]))
        blocked = np.argwhere(~env.available[0])
    agent, action = blocked[0]
    actions = np.zeros((1, 2), np.int64)
    actions[0, agent] = action
    allowed = np.flatnonzero(env.available[0, agent]).tolist()
    with pytest.raises(IllegalAction) as refusal:
        env.step(actions, np.ones(1, np.bool_))
    assert (
        str(refusal.value) == f"slot 0, agent {agent}: action {action} is not available; allowed: {allowed}"
    )


def test_make_names_what_it_does_not_know():
    with pytest.raises(UnknownName, match="unknown environment 'matrx'; did you mean matrix"):
        fop_envs.make("matrx")
    with pytest.raises(UnknownName, match="unknown option of matrix 'payof'; did you mean payoff"):
        fop_envs.make("matrix", payof="paper")
    with pytest.raises(UnknownName, match="unknown option of dummy 'cells'; known: \\(it has none\\)"):
        fop_envs.make("dummy", cells=3)
    with pytest.raises(ValueError, match="n_envs is 0"):
        fop_envs.make("dummy", 0)


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="environment 'dummy' exists already"):
        fop_envs.register("dummy", fop_envs.CATALOGUE["dummy"])


def test_import_needs_no_torch():
    code = "import sys, fop_envs; fop_envs.make('matrix'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
