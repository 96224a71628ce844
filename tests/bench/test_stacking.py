"""Seeds trained together: which are, and that nothing but the time taken shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fop_algos.training import checkpoint
from fop_bench.records.plan import Budget, Plan, RunKey
from fop_bench.records.run_records import CHECKPOINT, RECORDS
from fop_bench.run.run_job import RunJob
from fop_bench.run.session import Session
from fop_bench.run.stacking import MOST_SEEDS, together
from fop_core.errors import DamagedFile

SETTINGS = {"burn_in_episodes": "12", "batch_episodes": "8", "buffer_episodes": "50"}


def plan_of(
    tasks: list[str], algorithms: list[str], seeds: list[int], suite: str = "matrix", **more: Any
) -> Plan:
    budget = more.pop("budget", Budget(updates=40))
    return Plan(
        suite=suite,
        preset="quick",
        tasks=tasks,
        algorithms=algorithms,
        seeds=seeds,
        budget=budget,
        test_every=20,
        test_episodes=2,
        settings=more.pop("settings", SETTINGS),
        **more,
    )


def seeds_of(plan: Plan, folder: Path, todo: list[RunKey] | None = None) -> list[list[int]]:
    groups = list(together(plan, folder, list(plan.runs()) if todo is None else todo))
    assert all(len({(run.task, run.algorithm) for run in group}) == 1 for group in groups)
    return [[run.seed for run in group] for group in groups]


class Pipe:
    """The other end says `stop` after some messages."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.left = stop_after

    def send(self, message: object) -> None:
        pass

    def poll(self) -> bool:
        if self.left is None:
            return False
        self.left -= 1
        return self.left < 0

    def recv(self) -> str:
        return "stop"


def session(plan: Plan, folder: Path, runs: tuple[RunKey, ...], stop_after: int | None = None) -> Session:
    torch.set_num_threads(1)
    job = RunJob(runs, plan, folder, None, 1e9, ["fop-bench", "matrix"])
    return Session(job, Pipe(stop_after))


def records(folder: Path, run: RunKey) -> list[dict[str, Any]]:
    """Without what differs between any two runs: times."""
    lines = (folder / run.folder / RECORDS).read_text().splitlines()
    return [
        {name: x for name, x in json.loads(line).items() if name not in ("elapsed", "steps_per_second")}
        for line in lines
    ]


def test_seeds_of_a_setting_are_together_and_nothing_else_is(tmp_path: Path) -> None:
    plan = plan_of(["matrix", "climbing"], ["fop", "vdn"], [3, 1, 4])
    assert seeds_of(plan, tmp_path) == [[3, 1, 4]] * 4
    many = plan_of(["matrix"], ["vdn"], list(range(MOST_SEEDS + 3)))
    assert [len(group) for group in seeds_of(many, tmp_path)] == [MOST_SEEDS, 3]


def test_what_can_not_be_together_is_alone_in_the_plans_order(tmp_path: Path) -> None:
    """Battles; recurrent nets; a budget in minutes, which a stack would spend on all its seeds at once."""
    battles = plan_of(["3m", "8m"], ["vdn"], [0, 1], suite="smac", settings={})
    groups = list(together(battles, tmp_path, list(battles.runs())))
    assert groups == [(run,) for run in battles.runs()]
    recurrent = plan_of(["matrix"], ["vdn"], [0, 1], settings={"agent": "shared_gru"})
    assert seeds_of(recurrent, tmp_path) == [[0], [1]]
    timed = plan_of(["matrix"], ["vdn"], [0, 1], budget=Budget(minutes=1.0))
    assert seeds_of(timed, tmp_path) == [[0], [1]]


def test_a_seeds_place_follows_from_the_plan_not_from_what_is_left(tmp_path: Path) -> None:
    plan = plan_of(["matrix"], ["vdn"], list(range(MOST_SEEDS + 2)))
    left = [run for run in plan.runs() if run.seed not in (0, 5)]
    first, second = seeds_of(plan, tmp_path, left)
    assert first == [seed for seed in range(MOST_SEEDS) if seed not in (0, 5)]
    assert second == [MOST_SEEDS, MOST_SEEDS + 1]


def test_a_stack_leaves_what_its_runs_leave_alone(tmp_path: Path) -> None:
    """The same records to the rounding of other shapes' products, and checkpoints that go on alone."""
    plan = plan_of(["matrix"], ["vdn"], [0, 1, 2])
    runs = tuple(plan.runs())
    assert session(plan, tmp_path / "stack", runs).run().outcome == "finished"
    for run in runs:
        assert session(plan, tmp_path / "alone", (run,)).run().outcome == "finished"
        mine, its = records(tmp_path / "stack", run), records(tmp_path / "alone", run)
        assert len(mine) == len(its) > 3
        for one, other in zip(mine, its, strict=True):
            assert one.keys() == other.keys()
            assert one["event"] == other["event"]
            for name in ("env_steps", "episodes", "updates", "returns", "episode_return", "won", "outcome"):
                assert one.get(name) == other.get(name)
            for name, value in one.get("metrics", {}).items():
                assert value == pytest.approx(other["metrics"][name], rel=1e-3, abs=1e-5)
        paths = [tmp_path / name / run.folder / CHECKPOINT for name in ("stack", "alone")]
        theirs = [checkpoint.load_algorithm(path).modules.state_dict() for path in paths]
        for name, value in theirs[0].items():
            torch.testing.assert_close(value, theirs[1][name], rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("algorithm", ["fop", "maven"])
def test_a_stack_that_was_stopped_goes_on_bit_for_bit(tmp_path: Path, algorithm: str) -> None:
    plan = plan_of(["matrix"], [algorithm], [0, 1])
    runs = tuple(plan.runs())
    assert session(plan, tmp_path / "whole", runs).run().outcome == "finished"
    assert session(plan, tmp_path / "parts", runs, stop_after=25).run().outcome == "stopped"
    assert session(plan, tmp_path / "parts", runs, stop_after=9).run().outcome == "stopped"
    assert seeds_of(plan, tmp_path / "parts") == [[0, 1]]
    assert session(plan, tmp_path / "parts", runs).run().outcome == "finished"
    for run in runs:
        assert records(tmp_path / "parts", run) == records(tmp_path / "whole", run)


def test_seeds_that_a_stop_left_at_different_places_go_on_apart(tmp_path: Path) -> None:
    plan = plan_of(["matrix"], ["vdn"], [0, 1, 2])
    runs = tuple(plan.runs())
    session(plan, tmp_path, runs, stop_after=25).run()
    former = (tmp_path / runs[1].folder / CHECKPOINT).read_bytes()
    session(plan, tmp_path, runs, stop_after=9).run()
    (tmp_path / runs[1].folder / CHECKPOINT).write_bytes(former)
    assert seeds_of(plan, tmp_path) == [[0, 2], [1]]
    with pytest.raises(DamagedFile, match="seeds of a stack go on together from the same clock"):
        session(plan, tmp_path, runs)
    for group in together(plan, tmp_path, runs):
        assert session(plan, tmp_path, group).run().outcome == "finished"
    assert records(tmp_path, runs[1])[-1]["updates"] == 40


def test_a_seed_whose_checkpoint_is_damaged_is_alone(tmp_path: Path) -> None:
    plan = plan_of(["matrix"], ["vdn"], [0, 1, 2])
    runs = tuple(plan.runs())
    session(plan, tmp_path, runs, stop_after=9).run()
    (tmp_path / runs[1].folder / CHECKPOINT).write_bytes(b"damaged")
    assert seeds_of(plan, tmp_path) == [[0, 2], [1]]
    with pytest.raises(DamagedFile):
        session(plan, tmp_path, (runs[1],))


def test_a_seed_whose_loss_is_not_finite_fails_alone(tmp_path: Path) -> None:
    plan = plan_of(["matrix"], ["vdn"], [0, 1])
    runs = tuple(plan.runs())
    broken = session(plan, tmp_path, runs)
    with torch.no_grad():
        next(broken.state.algorithm.modules["agent"].parameters())[1] = torch.nan
    end = broken.run()
    assert end.outcome == "failed"
    assert end.message == "seed 1: a loss or its gradient isn't a finite number"
    assert records(tmp_path, runs[0])[-1]["outcome"] == "finished"
    last = records(tmp_path, runs[1])[-1]
    assert last["outcome"] == "failed"
    assert last["message"] == "td_loss or its gradient isn't finite at update 1"
    assert last["updates"] == 1
    job = replace(broken.job, runs=(runs[1],))
    assert job.key == "matrix vdn seed 1"
