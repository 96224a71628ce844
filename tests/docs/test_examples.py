"""Every file of examples/ runs as its first lines say, warnings taken as errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
SMALL = {  # arguments of those that would train for long
    "bring_your_own_mixer.py": ["80"],
    "train_fop_on_the_matrix_game.py": ["20"],
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    assert f"python examples/{example.name}" in example.read_text(encoding="utf-8").split('"""')[1]
    done = subprocess.run(
        [sys.executable, "-W", "error", example, *SMALL.get(example.name, [])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_small_ones_are_there() -> None:
    assert set(SMALL) <= {example.name for example in EXAMPLES}
