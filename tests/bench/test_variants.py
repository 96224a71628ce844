"""How variants of an algorithm are named on the command line; what is said to those who set their fields."""

from __future__ import annotations

import msgspec
import pytest

import fop_envs
from fop_algos.algorithms.fop_published import PUBLISHED, FopPublishedConfig
from fop_bench.arguments import UsageError, setting
from fop_bench.records.plan import Budget, Plan
from fop_bench.run import presets, selection
from fop_core.types import TaskSpec

SPEC = fop_envs.make("3m").spec
MATRIX, DIFFERENTIAL = (fop_envs.make(name).spec for name in ("matrix", "differential"))


def plan(algorithms: str, *settings: str, suite: str = "smac") -> Plan:
    return Plan(
        suite=suite,
        preset="paper",
        tasks=["3m"],
        algorithms=selection.names(
            algorithms, ["fop", "fop-published", "fop-variant", "qtran_base"], "algorithm"
        ),
        seeds=[0],
        budget=Budget(),
        test_every=1,
        test_episodes=1,
        settings=dict(setting(text) for text in settings),
    )


def test_all_leaves_variants_out() -> None:
    for spec in (SPEC, MATRIX, DIFFERENTIAL):
        chosen = selection.algorithms("all", [spec])
        assert "fop" in chosen
        assert not {"fop-published", "fop-variant"} & set(chosen)
    assert selection.algorithms("fop,fop-published", [SPEC]) == ["fop", "fop-published"]


def test_strokes_are_all_the_same() -> None:
    assert plan("fop_published,Qtran-Base").algorithms == ["fop-published", "qtran_base"]


@pytest.mark.parametrize("owner", ["fop-published", "fop_published"])
def test_settings_reach_a_name_with_a_stroke(owner: str) -> None:
    both = plan("fop,fop-published", f"{owner}.gamma=0.5", "fop.gamma=0.7")
    theirs = presets.configure(both, "fop-published", SPEC)
    assert theirs == FopPublishedConfig(**vars(PUBLISHED) | {"gamma": 0.5})
    assert msgspec.to_builtins(presets.configure(both, "fop", SPEC))["gamma"] == 0.7


def test_a_variants_fields_are_set_on_it() -> None:
    config = presets.configure(plan("fop-variant", "entropy_in_target=joint"), "fop-variant", SPEC)
    assert msgspec.to_builtins(config)["entropy_in_target"] == "joint"


@pytest.mark.parametrize(
    ("setting", "spec", "variant"),
    [
        ("compat=official", SPEC, "fop-published"),
        ("fop.compat=official", SPEC, "fop-published"),
        ("baseline=max", MATRIX, "fop-variant"),
        ("entropy_in_target=joint", SPEC, "fop-variant"),
        ("routing.gradient=weight", SPEC, "fop-variant"),
        ("routing.v_jt=free", DIFFERENTIAL, "fop-variant"),
        ("decomposition=dop", DIFFERENTIAL, "fop-variant"),
    ],
)
def test_former_fields_name_their_variant(setting: str, spec: TaskSpec, variant: str) -> None:
    field = setting.partition("=")[0].removeprefix("fop.").partition(".")[0]
    sentence = f"fop has no field {field} any more: .* algorithm of its own, {variant} "
    with pytest.raises(UsageError, match=sentence):
        presets.configure(plan("fop", setting), "fop", spec)
