"""The example's own claims: what it prints, and that it draws."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "factorised_soft_policy_iteration.py"


def test_the_example_shows_what_it_says(tmp_path, monkeypatch, capsys) -> None:
    figure = tmp_path / "figure.png"
    monkeypatch.setattr("sys.argv", [str(EXAMPLE), str(figure)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    out = capsys.readouterr().out
    gaps = [float(gap) for gap in re.findall(r"iteration \d: .* ([\d.e+-]+)$", out, re.MULTILINE)]
    assert len(gaps) == 9
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-9
    ends = {
        name: float(values.split()[-1])
        for name, values in re.findall(r"^(.+): ([\d. -]+)$", out, re.MULTILINE)
    }
    assert ends == pytest.approx(
        {
            "the paper's matrix game, from near (A, A)": 8.0,
            "the paper's matrix game, from random play": 1.386,
            "the paper's matrix game, from near (A, A), fitted to random play": -0.416,
            "choose differently, both at once": 0.0,
            "choose differently, one after the other": 1.0,
        }
    )
    assert figure.read_bytes().startswith(b"\x89PNG")
