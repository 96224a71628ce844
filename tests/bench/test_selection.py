"""Lists on the command line: seeds, names, algorithms."""

import pytest

import fop_envs
from fop_bench.arguments import UsageError
from fop_bench.run import selection
from fop_core.errors import UnknownName


@pytest.mark.parametrize(
    ("text", "expected"), [("3", [0, 1, 2]), ("1", [0]), ("4,7", [4, 7]), ("4,", [4]), ("5-8", [5, 6, 7, 8])]
)
def test_seeds(text: str, expected: list[int]) -> None:
    assert selection.seeds(text) == expected


@pytest.mark.parametrize("text", ["0", "-2", "x", "1,1", "8-5", "", ",", "1-2-3", "-1,2"])
def test_seeds_that_make_no_sense(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds"):
        selection.seeds(text)


def test_names_keep_their_order_and_ignore_case() -> None:
    known = ["3m", "MMM", "MMM2"]
    assert selection.names("mmm2, 3m,MMM2", known, "map") == ["MMM2", "3m"]
    assert selection.names("all", known, "map") == known
    with pytest.raises(UnknownName, match=r"unknown map 'MMM3'; did you mean MMM"):
        selection.names("3m,MMM3", known, "map")


def test_algorithms_are_those_that_can_play_the_tasks() -> None:
    assert "fmq" in selection.algorithms("all", [fop_envs.make("matrix").spec])
    assert {"fop", "qtran_alt"} <= set(selection.algorithms("all", [fop_envs.make("3m").spec]))
    assert "fmq" not in selection.algorithms("all", [fop_envs.make("3m").spec])
    with pytest.raises(UsageError, match="fmq plays games of one step only; an episode of 3m has up to 60"):
        selection.algorithms("vdn,fmq", [fop_envs.make("3m").spec])
