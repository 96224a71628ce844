"""A plan's folder: a new one, or the one that a run goes on in."""

from pathlib import Path

import msgspec
import pytest

from fop_bench.arguments import UsageError
from fop_bench.records.plan import PLAN as PLAN_FILE
from fop_bench.records.plan import Budget, Plan
from fop_bench.run import folders
from fop_core.errors import FopError

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


def test_runs_cover_the_plan_once_seeds_outermost() -> None:
    keys = list(PLAN.runs())
    assert [key.seed for key in keys] == [0] * 4 + [1] * 4
    assert len({key.folder for key in keys}) == 8


def test_a_start_never_touches_an_older_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = folders.start(PLAN, None), folders.start(PLAN, None)
    assert first != second
    with pytest.raises(UsageError, match="holds a run already: add --resume"):
        folders.start(PLAN, first)


def test_resume_takes_the_newest_run_with_this_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders.start(PLAN, None)
    newest = folders.start(PLAN, None)
    folders.start(msgspec.structs.replace(PLAN, seeds=[5]), None)
    assert folders.resume(PLAN, None) == newest
    with pytest.raises(UsageError, match="nothing to resume: no run below runs/"):
        folders.resume(msgspec.structs.replace(PLAN, seeds=[6]), None)


def test_resume_says_where_plans_differ(tmp_path: Path) -> None:
    folder = folders.start(PLAN, tmp_path / "run")
    other = msgspec.structs.replace(PLAN, budget=Budget(minutes=2))
    with pytest.raises(UsageError, match=r"budget was 1,000 steps, now it is 2 minutes"):
        folders.resume(other, folder)
    with pytest.raises(UsageError, match="nothing to resume in"):
        folders.resume(PLAN, tmp_path)


def test_resume_says_which_payoff_changed(tmp_path: Path) -> None:
    before = msgspec.structs.replace(PLAN, payoffs={"a": [[1.0, 2.0]], "b": [[3.0]]})
    folder = folders.start(before, tmp_path / "run")
    assert folders.resume(before, folder) == folder
    with pytest.raises(UsageError, match=r"another plan: the payoff of b changed; give the same options"):
        folders.resume(msgspec.structs.replace(PLAN, payoffs={"a": [[1.0, 2.0]], "b": [[4.0]]}), folder)


def test_a_plan_written_before_there_were_payoffs_can_be_resumed(tmp_path: Path) -> None:
    folder = folders.start(PLAN, tmp_path / "run")
    stored = msgspec.json.decode((folder / PLAN_FILE).read_bytes())
    del stored["payoffs"]
    (folder / PLAN_FILE).write_bytes(msgspec.json.encode(stored))
    assert folders.resume(PLAN, folder) == folder


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FopError, match=r"cannot write into .*file/run: Not a directory"):
        folders.start(PLAN, tmp_path / "file" / "run")
