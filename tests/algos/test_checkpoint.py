"""Stop and resume, damage, foreign files, full disks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.training import checkpoint
from fop_algos.training.evaluate import evaluate
from fop_algos.training.train import train
from fop_core.errors import DamagedFile, FopError


def finish(state: Any, env: Any, **limit: int) -> list[Any]:
    test_env = fop_envs.make(env.spec.name, n_envs=2, seed=50)
    return list(train(state, env, test_env=test_env, test_every=30, test_episodes=2, **limit))


UPDATES = {"matrix": 20, "dummy": 8, "differential": 8}
CASES = [
    (name, task, updates)
    for name, entry in catalogue.CATALOGUE.items()
    for task, updates in UPDATES.items()
    if entry.plays(fop_envs.make(task).spec)
]


@pytest.mark.parametrize(("algorithm", "task", "updates"), [*CASES, ("fop", "3m", 4)])
def test_resuming_equals_never_having_stopped(
    new_run, assert_same, tmp_path: Path, algorithm: str, task: str, updates: int
) -> None:
    config = catalogue.entry(algorithm).config_for(fop_envs.make(task).spec)
    often = {"target_update_episodes": 5} if hasattr(config, "target_update_episodes") else {}
    whole, env = new_run(algorithm, task, **often)
    events = finish(whole, env, updates=updates)

    stopped, env = new_run(algorithm, task, **often)
    early = finish(stopped, env, updates=updates // 2)
    checkpoint.save(tmp_path / "c", stopped, {"note": 7})
    resumed, env = new_run(algorithm, task, n_envs=3, **often)
    assert checkpoint.load(tmp_path / "c", resumed) == {"note": 7}
    late = finish(resumed, env, updates=updates)

    assert_same(whole, resumed)
    assert whole.evaluations == resumed.evaluations
    assert [repr(event) for event in events] == [repr(event) for event in early + late]


def test_the_algorithm_alone_comes_back(new_run, tmp_path: Path) -> None:
    state, env = new_run("fop", "dummy")
    for _ in train(state, env, updates=3):
        pass
    checkpoint.save(tmp_path / "c", state)
    alone = checkpoint.load_algorithm(tmp_path / "c")
    assert alone.config == state.algorithm.config
    assert alone.spec == state.algorithm.spec
    results = [evaluate(a, fop_envs.make("dummy", seed=8), 4) for a in (alone, state.algorithm)]
    assert results[0].returns.tolist() == results[1].returns.tolist()
    header = checkpoint.read_header(tmp_path / "c")
    assert (header.algorithm, header.seed, header.clock["updates"]) == ("fop", 3, 3)


def test_damage_is_found(new_run, assert_same, tmp_path: Path) -> None:
    state, env = new_run("vdn", "dummy")
    for _ in train(state, env, updates=2):
        pass
    path = tmp_path / "c"
    checkpoint.save(path, state)
    good = path.read_bytes()
    untouched, _ = new_run("vdn", "dummy")
    fresh, _ = new_run("vdn", "dummy")
    for at in (4, 40, len(good) // 2, len(good) - 3):
        path.write_bytes(good[:at] + bytes([good[at] ^ 255]) + good[at + 1 :])
        with pytest.raises(DamagedFile):
            checkpoint.load(path, untouched)
    for short in (0, 7, 100, len(good) - 1):
        path.write_bytes(good[:short])
        with pytest.raises(DamagedFile):
            checkpoint.load(path, untouched)
    assert_same(fresh, untouched)
    with pytest.raises(FopError, match="there is no checkpoint at"):
        checkpoint.load(tmp_path / "nothing", untouched)


def test_foreign_files_are_named(new_run, tmp_path: Path) -> None:
    state, _ = new_run("vdn", "dummy")
    checkpoint.save(tmp_path / "c", state)
    others = {
        "algorithm is 'vdn' there, 'qmix' here": new_run("qmix", "dummy"),
        "config.learning_rate is 0.0005 there, 0.001 here": new_run("vdn", "dummy", learning_rate=0.001),
        "seed is 3 there, 4 here": new_run("vdn", "dummy", seed=4),
        "algorithm is 'vdn' there, 'fop' here": new_run("fop", "dummy"),
        "spec.name is 'dummy' there, '3m' here": new_run("vdn", "3m"),
    }
    for sentence, (other, _) in others.items():
        with pytest.raises(DamagedFile, match=sentence):
            checkpoint.load(tmp_path / "c", other)


def test_a_failed_write_leaves_the_former_file(new_run, tmp_path: Path, monkeypatch) -> None:
    state, env = new_run("vdn", "dummy")
    checkpoint.save(tmp_path / "c", state)
    former = (tmp_path / "c").read_bytes()
    for _ in train(state, env, updates=1):
        pass

    def full(tensors: dict[str, torch.Tensor], path: Path, metadata: dict[str, str]) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(FopError, match="No space left on device; the former one is intact"):
        checkpoint.save(tmp_path / "c", state)
    assert (tmp_path / "c").read_bytes() == former
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_a_folder_that_is_missing_is_one_sentence(new_run, tmp_path: Path) -> None:
    state, _ = new_run("vdn", "dummy")
    with pytest.raises(FopError, match="cannot write the checkpoint"):
        checkpoint.save(tmp_path / "no" / "c", state)


def older(state: Any, path: Path, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """Writes `state` as it was written when FOP's config had the fields of its variants."""
    former = {"compat": "paper", "baseline": "soft", "entropy_in_target": "mean"} | fields
    former["routing"] = {"gradient": "one", "v_i": "constant", "v_jt": "sum"} | fields.get("routing", {})
    identity = checkpoint._identity

    def with_former_fields(algorithm: Any, seed: int) -> dict[str, Any]:
        now = identity(algorithm, seed)
        return now | {"algorithm": "fop", "config": now["config"] | former}

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "_identity", with_former_fields)
        checkpoint.save(path, state)


def test_a_run_from_before_fop_had_variants_goes_on(
    new_run, assert_same, tmp_path: Path, monkeypatch
) -> None:
    state, env = new_run("fop", "dummy")
    for _ in train(state, env, updates=3):
        pass
    older(state, tmp_path / "c", monkeypatch)
    resumed, _ = new_run("fop", "dummy")
    checkpoint.load(tmp_path / "c", resumed)
    assert_same(state, resumed)
    other, _ = new_run("fop", "dummy", gamma=0.5)
    with pytest.raises(DamagedFile, match=r"config\.gamma is 0\.99 there, 0\.5 here"):
        checkpoint.load(tmp_path / "c", other)


@pytest.mark.parametrize(
    ("variant", "fields"),
    [
        ("fop-published", {"compat": "official"}),
        ("fop-variant", {"entropy_in_target": "joint"}),
        ("fop-variant", {"routing": {"gradient": "weight"}}),
    ],
)
def test_what_is_a_variant_today_is_evaluated_but_not_resumed(
    new_run, assert_same, tmp_path: Path, monkeypatch, variant: str, fields: dict[str, Any]
) -> None:
    state, env = new_run(variant, "dummy")
    for _ in train(state, env, updates=3):
        pass
    older(state, tmp_path / "c", monkeypatch, **fields)
    alone = checkpoint.load_algorithm(tmp_path / "c")
    assert alone.name == variant
    assert all(
        torch.equal(v, alone.modules.state_dict()[k]) for k, v in state.algorithm.modules.state_dict().items()
    )
    fop, _ = new_run("fop", "dummy")
    (field,) = fields
    with pytest.raises(DamagedFile, match=f"is of fop with {field}=.*, which is {variant} today"):
        checkpoint.load(tmp_path / "c", fop)
