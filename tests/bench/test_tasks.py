"""Which games a command names, the payoffs it brings in files, and who counts as having found an optimum."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fop_envs
from fop_bench.arguments import UsageError
from fop_bench.run import tasks
from fop_bench.run.list_command import listing
from fop_bench.run.session import optima
from fop_core.errors import UnknownName
from fop_core.types import Clock


def test_games_by_name() -> None:
    assert tasks.games("Paper, random-3x4-0,paper,penalty") == ["paper", "random-3x4-0", "penalty-100"]
    literature = ["paper", "climbing", "penalty-0", "penalty-25", "penalty-50", "penalty-75", "penalty-100"]
    assert tasks.games("all") == literature
    with pytest.raises(UnknownName, match="unknown payoff 'climbin'; did you mean climbing"):
        tasks.games("paper,climbin")
    with pytest.raises(UsageError, match="no game given; known: paper, climbing, penalty-K, random-NxA-I"):
        tasks.games(" ,")


def test_the_listing_shows_each_payoff() -> None:
    printed = listing()
    for name in ("paper", "climbing", "penalty-K", "random-NxA-I"):
        assert f"\n  {name} " in printed


def test_payoffs_from_files_become_tasks(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("[[1, 2], [3, 4]]")
    (tmp_path / "Yours_2.csv").write_text("0,1\n2,9\n")
    payoffs = tasks.payoffs([tmp_path / "mine.json", tmp_path / "Yours_2.csv"])
    assert payoffs == {"mine": [[1, 2], [3, 4]], "Yours_2": [[0, 1], [2, 9]]}
    env: Any = tasks.environment("Yours_2", payoffs, n_envs=3)
    assert (env.spec.name, env.n_envs, env.payoff.tolist()) == ("Yours_2", 3, [[0, 1], [2, 9]])


def test_a_task_is_an_environment_or_a_payoff() -> None:
    paper: Any = tasks.environment("matrix", {})
    assert paper.spec == fop_envs.make("matrix").spec, "as records of `fop-bench matrix` have it"
    assert tasks.environment("3m", {}).spec == fop_envs.make("3m").spec
    named: Any = tasks.environment("paper", {})
    assert named.spec.name == "paper"
    assert np.array_equal(named.payoff, paper.payoff)
    with pytest.raises(UnknownName, match="unknown payoff 'mine'"):
        tasks.environment("mine", {})


@pytest.mark.parametrize(
    "name", ["climbing", "Penalty-7", "penalty", "random-2x3-0", "matrix", "3m", "figures", "my game", "a.b"]
)
def test_a_file_whose_name_is_taken_or_odd(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.json"
    path.write_text("[[1, 2], [3, 4]]")
    with pytest.raises(UsageError, match=f"{name}.json can't name a game '{name}': give the file a name of"):
        tasks.payoffs([path])


def test_two_files_of_one_name(tmp_path: Path) -> None:
    for name in ("x.json", "x.csv"):
        (tmp_path / name).write_text(json.dumps([[1, 2], [3, 4]]) if name == "x.json" else "1,2\n3,4\n")
    with pytest.raises(UsageError, match=r"x\.csv can't name a game 'x'"):
        tasks.payoffs([tmp_path / "x.json", tmp_path / "x.csv"])


class Asked:
    """An algorithm whose `q_tot` tells which joint action was asked for."""

    stack = ()

    def joint_value(self, obs: object, state: object, available: object, joint: Any, clock: object) -> Any:
        return (joint * torch.tensor([10, 1])).sum(dim=1)


def told(env: Any, *greedy: int) -> dict[str, Any]:
    (found,) = optima(Asked(), env, Clock(), [np.array(greedy)])
    return found


@pytest.mark.parametrize(
    ("greedy", "is_optimal", "q_tot"), [((0, 0), True, 0), ((2, 2), True, 22), ((1, 1), False, 0)]
)
def test_each_of_several_optima_counts(greedy: tuple[int, int], is_optimal: bool, q_tot: float) -> None:
    assert told(tasks.environment("penalty-50", {}), *greedy) == {
        "joint_action": "ABC"[greedy[0]] + "ABC"[greedy[1]],
        "is_optimal": is_optimal,
        "optimum": 10,
        "q_tot_optimum": q_tot,
        "success": "earns the largest payoff",
    }


@pytest.mark.parametrize(("gap", "is_optimal"), [(5e-7, True), (2e-6, False)])
def test_payoffs_within_a_millionth_are_one(gap: float, is_optimal: bool) -> None:
    env = tasks.environment("x", {"x": [[1, 0], [0, 1 - gap]]})
    assert told(env, 1, 1)["is_optimal"] is is_optimal


def test_where_no_optimum_is_known_nothing_is_told() -> None:
    assert told(tasks.environment("dummy", {}), 0, 0) == {}
