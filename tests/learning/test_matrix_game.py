"""FOP finds the matrix game's optimum, VDN and QMIX don't: 20 seeds each, 10,000 learning steps.

Seeds are trained as one batch; `tests/algos/test_stack.py` holds each of them to its run alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fop_bench.studies.paper.learning_cells import cell, run

SEEDS = 20
UPDATES = 10_000


def learn(name: str) -> dict[str, Any]:
    """Greedy joint actions and `q_tot` of all nine, of the catalogue's settings."""
    result: dict[str, Any] = run(cell(name, name, SEEDS, UPDATES), lambda *_: None)
    return result


@pytest.mark.learning
def test_fop_ends_at_the_optimum() -> None:
    end = learn("fop")
    greedy, table = np.array(end["actions"][-1]), np.array(end["joint"])
    solved = (greedy == 0).all(1) & (abs(table[:, 0, 0] - 8) <= 0.3)
    assert solved.sum() >= 19, (greedy.tolist(), table.tolist())


@pytest.mark.learning
@pytest.mark.parametrize("name", ["vdn", "qmix"])
def test_monotone_mixing_ends_beside_it(name: str) -> None:
    greedy = np.array(learn(name)["actions"][-1])
    assert (greedy != 0).all(1).sum() >= 19, greedy.tolist()
