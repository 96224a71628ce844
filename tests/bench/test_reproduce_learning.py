"""Cells that learn, and what Table 2 reads off them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fop_algos.schedules import Temperature
from fop_bench.reproduce import learning, table2
from fop_bench.reproduce.entry import Cell, Result, verdict


def run(cell: Cell) -> tuple[Any, list[float]]:
    told: list[float] = []
    value = learning.run(cell, lambda fraction, phase="": told.append(fraction))
    return json.loads(json.dumps(value)), told


def test_a_cell_is_its_settings() -> None:
    plain = learning.cell("vdn", "vdn", 3, 10)
    assert plain.key == learning.cell("vdn", "vdn", 3, 10).key
    others = [
        learning.cell("vdn", "vdn", 4, 10),
        learning.cell("vdn", "vdn", 3, 11),
        learning.cell("vdn", "vdn", 3, 10, hidden=32),
        learning.cell("vdn", "vdn", 3, 10, payoff="climbing"),
    ]
    assert len({cell.key for cell in (plain, *others)}) == 5


def test_a_cell_gives_the_values_of_its_nets() -> None:
    """VDN's joint value is the sum of its individual ones, and greedy play takes each one's best."""
    value, told = run(learning.cell("vdn", "vdn", 3, 40, burn_in_episodes=32))
    assert told[-1] == 1.0
    assert value["updates"] == list(range(41))
    for k in range(3):
        q_1, q_2 = value["individual"][k]
        for a in range(3):
            assert value["joint"][k][a] == pytest.approx([q_1[a] + q for q in q_2], abs=2e-4)
        best = [max(range(3), key=q.__getitem__) for q in (q_1, q_2)]
        assert value["actions"][-1][k] == best
        paid = 8.0 if best == [0, 0] else -12.0 if 0 in best else 0.0
        assert value["returns"][-1][k] == paid


def test_seeds_of_a_cell_do_not_depend_on_how_many_there_are() -> None:
    two, _ = run(learning.cell("vdn", "vdn", 2, 30))
    three, _ = run(learning.cell("vdn", "vdn", 3, 30))
    for k in range(2):
        assert three["joint"][k] == [pytest.approx(row, abs=1e-3) for row in two["joint"][k]]


def results(hits: int) -> list[Result]:
    returns = [[0.0] * 20, [8.0] * hits + [0.0] * (20 - hits)]
    return [Result(cell, {"returns": returns}, 1.0) for cell in table2.cells(20)]


def test_table_2_has_its_alphas() -> None:
    schedules = [cell.settings["config"]["alpha"] for cell in table2.cells(20)]
    assert [alpha["end"] for alpha in schedules] == [1.0, 0.5, 0.1, 0.01]
    assert all(alpha["start"] == 1.0 and alpha["over"] == 10_000 for alpha in schedules)
    assert Temperature(**schedules[0])


@pytest.mark.parametrize(("hits", "outcome"), [(18, "reproduced under a condition"), (17, "not reproduced")])
def test_table_2_needs_18_of_20(hits: int, outcome: str) -> None:
    checks = table2.checks(results(hits))
    assert verdict(checks).outcome == outcome
    assert f"the optimum in {hits} of 20" in checks[0].ours
