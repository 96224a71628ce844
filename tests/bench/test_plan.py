from pathlib import Path

import msgspec
import pytest

import fop_envs
from fop_bench.run import plan as plans
from fop_bench.run.plan import Plan, UsageError
from fop_bench.run.records import Budget
from fop_core.errors import FopError, UnknownName

PLAN = Plan(
    suite="smac",
    preset="quick",
    tasks=["3m", "MMM2"],
    algorithms=["fop", "vdn"],
    seeds=[0, 1],
    budget=Budget(env_steps=1000),
    test_every=100,
    test_episodes=32,
    settings={},
)


@pytest.mark.parametrize(
    ("text", "expected"), [("3", [0, 1, 2]), ("1", [0]), ("4,7", [4, 7]), ("4,", [4]), ("5-8", [5, 6, 7, 8])]
)
def test_seeds(text: str, expected: list[int]) -> None:
    assert plans.seeds(text) == expected


@pytest.mark.parametrize("text", ["0", "-2", "x", "1,1", "8-5", "", ",", "1-2-3", "-1,2"])
def test_seeds_that_make_no_sense(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        plans.seeds(text)


def test_names_keep_their_order_and_ignore_case() -> None:
    known = ["3m", "MMM", "MMM2"]
    assert plans.names("mmm2, 3m,MMM2", known, "map") == ["MMM2", "3m"]
    assert plans.names("all", known, "map") == known
    with pytest.raises(UnknownName, match=r"unknown map 'MMM3'; did you mean MMM"):
        plans.names("3m,MMM3", known, "map")


def test_algorithms_are_those_that_can_play_the_tasks() -> None:
    assert "fmq" in plans.algorithms("all", [fop_envs.make("matrix").spec])
    assert {"fop", "qtran_alt"} <= set(plans.algorithms("all", [fop_envs.make("3m").spec]))
    assert "fmq" not in plans.algorithms("all", [fop_envs.make("3m").spec])
    with pytest.raises(UsageError, match="fmq plays games of one step only; an episode of 3m has up to 60"):
        plans.algorithms("vdn,fmq", [fop_envs.make("3m").spec])


def test_jobs_cover_the_plan_once_seeds_outermost() -> None:
    jobs = list(PLAN.jobs())
    assert [j.seed for j in jobs] == [0] * 4 + [1] * 4
    assert len({j.folder for j in jobs}) == 8


def test_a_start_never_touches_an_older_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = plans.start(PLAN, None), plans.start(PLAN, None)
    assert first != second
    with pytest.raises(UsageError, match="holds a run already: add --resume"):
        plans.start(PLAN, first)


def test_resume_takes_the_newest_run_with_this_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plans.start(PLAN, None)
    newest = plans.start(PLAN, None)
    plans.start(msgspec.structs.replace(PLAN, seeds=[5]), None)
    assert plans.resume(PLAN, None) == newest
    with pytest.raises(UsageError, match="nothing to resume: no run below runs/"):
        plans.resume(msgspec.structs.replace(PLAN, seeds=[6]), None)


def test_resume_says_where_plans_differ(tmp_path: Path) -> None:
    folder = plans.start(PLAN, tmp_path / "run")
    other = msgspec.structs.replace(PLAN, budget=Budget(minutes=2))
    with pytest.raises(UsageError, match=r"budget was 1,000 steps, now it is 2 minutes"):
        plans.resume(other, folder)
    with pytest.raises(UsageError, match="nothing to resume in"):
        plans.resume(PLAN, tmp_path)


def test_resume_says_which_payoff_changed(tmp_path: Path) -> None:
    before = msgspec.structs.replace(PLAN, payoffs={"a": [[1.0, 2.0]], "b": [[3.0]]})
    folder = plans.start(before, tmp_path / "run")
    assert plans.resume(before, folder) == folder
    with pytest.raises(UsageError, match=r"another plan: the payoff of b changed; give the same options"):
        plans.resume(msgspec.structs.replace(PLAN, payoffs={"a": [[1.0, 2.0]], "b": [[4.0]]}), folder)


def test_a_plan_written_before_there_were_payoffs_can_be_resumed(tmp_path: Path) -> None:
    folder = plans.start(PLAN, tmp_path / "run")
    stored = msgspec.json.decode((folder / plans.PLAN).read_bytes())
    del stored["payoffs"]
    (folder / plans.PLAN).write_bytes(msgspec.json.encode(stored))
    assert plans.resume(PLAN, folder) == folder


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FopError, match=r"cannot write into .*file/run: Not a directory"):
        plans.start(PLAN, tmp_path / "file" / "run")
