"""Random payoffs by brute force over every one that has a name; payoffs of one's own from files."""

import itertools
import json

import numpy as np
import pytest

import fop_envs
from fop_core.errors import FopError
from fop_envs.games.payoffs import EXAMPLES, MAX_CELLS, payoff_table, random_payoff, read_payoff

SIZES = [(n_agents, n_actions) for n_agents in (2, 3, 4) for n_actions in range(3, 9)]


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def tensors(request):
    """All 100 tensors of one size."""
    n_agents, n_actions = request.param
    found = [payoff_table(f"random-{n_agents}x{n_actions}-{index}") for index in range(100)]
    assert {table.shape for table in found} == {(n_actions,) * n_agents}
    return found


def joint_actions(table):
    return itertools.product(*map(range, table.shape))


def others(joint, n_actions):
    """Joint actions that differ from `joint` in one agent's action."""
    for agent, action in itertools.product(range(len(joint)), range(n_actions)):
        if action != joint[agent]:
            yield (*joint[:agent], action, *joint[agent + 1 :])


def best_of(table):
    return max(joint_actions(table), key=lambda joint: table[joint])


def test_the_optimum_is_one_and_two_ahead(tensors):
    for table in tensors:
        first, second = sorted((table[joint] for joint in joint_actions(table)), reverse=True)[:2]
        assert (first, second) == (8, 6)


def test_each_neighbour_of_the_optimum_is_worse_than_everything_else(tensors):
    for table in tensors:
        best = best_of(table)
        neighbours = set(others(best, table.shape[0]))
        assert len(neighbours) == table.ndim * (table.shape[0] - 1)
        for joint in joint_actions(table):
            if joint in neighbours:
                assert -12 <= table[joint] <= -10
            elif joint != best:
                assert 0 <= table[joint] <= 4 or table[joint] == 6


def test_against_uniform_partners_the_optimal_action_is_each_agents_worst(tensors):
    for table in tensors:
        best = best_of(table)
        for agent, action in enumerate(best):
            averages = np.moveaxis(table, agent, 0).reshape(table.shape[0], -1).mean(axis=1)
            assert averages[action] + 0.2 < np.delete(averages, action).min()


def test_the_decoy_is_an_equilibrium_that_shares_no_action_with_the_optimum(tensors):
    for table in tensors:
        best = best_of(table)
        (decoy,) = (joint for joint in joint_actions(table) if table[joint] == 6)
        assert all(here != there for here, there in zip(best, decoy, strict=True))
        assert max(table[joint] for joint in others(decoy, table.shape[0])) <= 4


def test_no_monotone_mixing_can_rank_the_joint_actions(tensors):
    """An agent's better action of two depends on its partners: no order of its actions fits both."""
    for table in tensors:
        best = best_of(table)
        (decoy,) = (joint for joint in joint_actions(table) if table[joint] == 6)
        for agent in range(table.ndim):
            leaves = (*best[:agent], decoy[agent], *best[agent + 1 :])
            returns = (*decoy[:agent], best[agent], *decoy[agent + 1 :])
            assert table[best] > table[leaves]
            assert table[decoy] > table[returns]


def test_tensors_of_one_size_differ_in_places_and_payoffs(tensors):
    assert len({table.tobytes() for table in tensors}) == 100
    optima = [best_of(table) for table in tensors]
    for agent in range(tensors[0].ndim):
        assert {joint[agent] for joint in optima} == set(range(tensors[0].shape[0]))


def test_a_named_tensor_never_changes():
    """Results are published under these names."""
    assert payoff_table("random-2x3-0").tolist() == [
        [2.7, 1.2, -10.7],
        [-10.2, -10.1, 8.0],
        [6.0, 0.9, -10.1],
    ]
    assert payoff_table("random-2x4-0").tolist() == [
        [1.5, 2.0, -11.8, 2.0],
        [1.1, 2.5, -10.3, 6.0],
        [3.4, 1.9, -10.9, 0.7],
        [-11.8, -11.5, 8.0, -10.6],
    ]
    assert np.array_equal(payoff_table("random-3x4-7"), random_payoff(3, 4, 7))


def test_games_of_the_literature_have_the_optima_that_the_page_says():
    optima = {name: np.argwhere(payoff_table(name) == payoff_table(name).max()).tolist() for name in EXAMPLES}
    assert optima["paper"] == optima["climbing"] == [[0, 0]]
    for k in (0, 25, 50, 75, 100):
        assert optima[f"penalty-{k}"] == [[0, 0], [2, 2]]
        averages = payoff_table(f"penalty-{k}").mean(axis=1)
        assert averages == pytest.approx([(10 - k) / 3, 2 / 3, (10 - k) / 3])


THREE_AGENTS = [[[1, 2], [3, 4]], [[5, 6], [7, -8.5]]]


def test_files_give_the_tensor_that_they_hold(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(THREE_AGENTS))
    (tmp_path / "b.csv").write_text("\ufeff1, -2.5\r\n\r\n3e0,4\r\n", encoding="utf-8")
    np.save(tmp_path / "c.npy", np.array(THREE_AGENTS, np.float32))
    np.save(tmp_path / "d.NPY.npy", np.arange(9).reshape(3, 3))
    assert read_payoff(tmp_path / "a.json").tolist() == THREE_AGENTS
    assert read_payoff(str(tmp_path / "b.csv")).tolist() == [[1, -2.5], [3, 4]]
    assert read_payoff(tmp_path / "c.npy").tolist() == THREE_AGENTS
    assert read_payoff(tmp_path / "d.NPY.npy").tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    env = fop_envs.make("matrix", payoff=read_payoff(tmp_path / "a.json"), title="a")
    assert (env.spec.name, env.spec.n_agents, env.spec.n_actions) == ("a", 3, 2)
    assert env.spec.engine == "matrix game (own payoff, a)"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.json", None, "there is no such file"),
        ("x.txt", b"1", "its name ends in '.txt'"),
        ("x", b"1", "its name has no ending"),
        ("x.json", b"[[1, 2], [3, 4]", "it is not JSON (Expecting"),
        ("x.json", b"\xff\xfe\x00", "it is not JSON ("),
        ("x.json", b"[" * 100_000, "its lists are nested too deep"),
        ("x.json", b'{"payoff": 1}', "it holds \"{'payoff': 1}\", which is no number"),
        ("x.json", b"[[1, 2], [3]]", "its rows are not of one length"),
        ("x.json", b"[[1, 2], [[3], 4]]", "its rows are not of one length"),
        ("x.json", b"[[1, 2], [3, null]]", "it holds 'None', which is no number"),
        ("x.json", b"[[1, 2], [3, true]]", "it holds 'True', which is no number"),
        ("x.json", b'[[1, 2], [3, "4"]]', "it holds '4', which is no number"),
        ("x.json", b"[[1, 2], [3, NaN]]", "payoff holds a number that is not finite"),
        ("x.json", b"[[1, 2], [3, -Infinity]]", "payoff holds a number that is not finite"),
        ("x.json", b"[[1, 2], [3, 1e39]]", "payoff holds a number that is not finite"),
        ("x.json", b"[[1, 2], [3, 1" + b"0" * 400 + b"]]", "it holds a number that is not finite"),
        ("x.json", b"[[1, 2, 3], [4, 5, 6]]", "its shape is 2 x 3"),
        ("x.json", b"[1, 2, 3]", "its shape is 3"),
        ("x.json", b"[[1]]", "its shape is 1 x 1"),
        ("x.json", b"[]", "its shape is 0"),
        ("x.json", b"7", "its shape is that of one number"),
        ("x.json", json.dumps([[0] * 101] * 101).encode(), "it holds 10,201 numbers"),
        ("x.json", b" " * (1 << 20) + b"[]", "it is larger than 1,048,576 bytes"),
        ("x.csv", b"", "its shape is 0"),
        ("x.csv", b"1,2\n3\n", "its rows are not of one length"),
        ("x.csv", b"1;2\n3;4\n", "it holds '1;2', which is no number"),
        ("x.csv", b"1,2\n3,inf\n", "payoff holds a number that is not finite"),
        ("x.csv", b'1,2\n3,"4\n', "it is not CSV (unexpected end of data)"),
        ("x.csv", b"1,\xff\n", "it is not CSV ("),
        ("x.npy", b"", "it is not NPY (EOF"),
        ("x.npy", b"not numpy at all", "it is not NPY (the magic string is not correct"),
        ("x.npy", b"\x93NUMPY\x01\x00\x20\x00{'descr': (((" + b" " * 64, "it is not NPY ("),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path, name, content, reason):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FopError) as refusal:
        read_payoff(path)
    message = str(refusal.value)
    assert message.startswith(f"{path} can't be used as a payoff: {reason}")
    assert message.endswith(
        "needed: .json (nested lists), .csv (2 agents) or .npy with one axis per agent, 2 or more, "
        f"all of one length, 2 or more, and at most {MAX_CELLS:,} finite numbers"
    )
    assert "\n" not in message


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 3)), "its shape is 2 x 3"),
        (np.ones((2, 2), np.bool_), "it holds 'True', which is no number"),
        (np.ones((2, 2), np.complex64), r"it holds '\(1\+0j\)', which is no number"),
        (np.array([["1", "2"], ["3", "4"]]), "it holds '1', which is no number"),
        (np.array([[1, None], [2, 3]], object), "Python objects"),
        (np.full((2, 2), np.inf, np.float16), "not finite"),
    ],
)
def test_arrays_that_are_no_payoff(tmp_path, array, reason):
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(FopError, match=f"x.npy can't be used as a payoff: .*{reason}"):
        read_payoff(tmp_path / "x.npy")


def test_a_header_that_promises_more_than_the_file_holds(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 2)))
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content.replace(b"(2, 2), }" + b" " * 10, b"(999999, 999999), }"))
    with pytest.raises(FopError, match=r"it is not NPY \(mmap length is greater than file size"):
        read_payoff(tmp_path / "x.npy")
