"""Questions that the paper leaves open: what each place of their tables says, on results made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fop_bench.report.statistics import wilson
from fop_bench.studies.paper import figure3, rewards, routing, table2, weights
from fop_bench.studies.paper.entry import Cell, PaperEntry, Result
from fop_bench.studies.paper.learning_cells import built
from fop_core.types import Clock


def ended(cell: Cell, returns: list[float], best: float = 0.0) -> Result:
    """Seeds with these final returns; `q_tot(A, A)` is `best` for all."""
    joint = np.full((len(returns), 3, 3), -12.0)
    joint[:, 0, 0] = best
    return Result(cell, {"returns": [[0.0] * len(returns), returns], "joint": joint.tolist()}, 1.0)


def places(entry: PaperEntry, table: int, hit: float, others: float) -> dict[str, list[tuple[str, str]]]:
    """For each cell, by its name, where `table` of `entry` changes when this cell alone has `hit`."""
    assert entry.tables
    cells = entry.cells(20)
    plain = entry.tables([ended(cell, [others] * 4) for cell in cells])[table].rows
    found = {}
    for chosen in cells:
        results = [ended(cell, [hit if cell is chosen else others] * 4) for cell in cells]
        rows = entry.tables(results)[table].rows
        found[chosen.name] = [
            (" ".join(row[:5]) if entry is routing.ROUTING and table == 0 else row[0], column)
            for row, before in zip(rows, plain, strict=True)
            for column, text, old in zip(rows[0], row, before, strict=True)
            if text != old
        ]
    return found


# ---- rewards ----


@pytest.mark.parametrize(("hit", "table"), [(9.01, 0), (0.01, 1)])
def test_each_place_of_the_rewards_tables_is_its_own_cell(hit: float, table: int) -> None:
    """9 and 0 are the limits; 9 itself isn't the optimum, and 0, the local one's peak, not on its hill."""
    found = places(rewards.REWARDS, table, hit, others=hit - 0.01)
    columns = {
        "from 1,": "rewards as they are, alpha from 1 to 0.01",
        "from 20,": "rewards as they are, alpha from 20 to 0.2",
    }
    for name, where in found.items():
        (place,) = where
        if name.startswith("FOP, unscaled rewards, alpha "):
            _, _, rest = name.partition("alpha ")
            start, _, schedule = rest.partition(" ")[2].partition(", ")
            assert place == (schedule.removesuffix(", differential game"), columns[f"from {start},"])
        else:
            assert place[1] == "rewards / 20, alpha from 1 to 0.01"
    assert len({where[0] for where in found.values()}) == 15


def test_unscaled_runs_are_figure_3s_but_for_the_scale_and_where_alpha_begins() -> None:
    cells = rewards.cells(20)
    soft = figure3.cells(20)[:5]
    assert [cell.key for cell in cells[:5]] == [cell.key for cell in soft]
    for start, first in ((1.0, 5), (20.0, 10)):
        for scaled, cell in zip(soft, cells[first : first + 5], strict=True):
            theirs: dict[str, Any] = scaled.settings["config"]
            alpha = theirs["alpha"] | {"start": start, "end": pytest.approx(start / 100)}
            assert cell.settings["config"] == theirs | {"reward_scale": 1.0, "alpha": alpha}
            assert cell.settings["updates"] == scaled.settings["updates"]


# ---- routing ----


def test_each_place_of_the_routing_tables_is_its_own_cell() -> None:
    """A row says what its cell is set to."""
    said = {
        "gradient": {"one": "1", "weight": "lambda_i"},
        "v_i": {"constant": "no", "learned": "yes"},
        "v_jt": {"sum": "v(s) + sum_i v_i", "free": "v(s)"},
    }
    cells = {cell.name: cell for cell in routing.cells(20)}
    found = places(routing.ROUTING, 0, hit=8.0, others=0.0)
    ways = {name: where for name, where in found.items() if where}
    assert len(ways) == len(routing.WAYS) + len(routing.HARD) == 9
    for name, where in ways.items():
        config = cells[name].settings["config"]
        ((row, column),) = where
        baseline = {"soft": "soft", "max": "largest q_i"}[config["baseline"]]
        words = [said[field][config["routing"][field]] for field in ("gradient", "v_i", "v_jt")]
        assert row.strip().endswith(" ".join([*words, baseline]))
        assert column == "at (A, A)"
    by_alpha = {name: where for name, where in places(routing.ROUTING, 1, 8.0, 0.0).items() if where}
    assert len(by_alpha) == 6
    for name, where in by_alpha.items():
        config = cells[name].settings["config"]
        way = "published code" if config["routing"]["gradient"] == "one" else "equation 18 as printed"
        assert where == [(way, f"alpha from {config['alpha']['start']:g}")]


def test_the_published_routing_is_table_2s_default_cell() -> None:
    assert routing.cells(20)[0].key == table2.cells(20)[-1].key


def test_the_best_value_is_that_of_a_and_a() -> None:
    (first, *_) = routing.cells(20)
    result = ended(first, [8.0, 8.0, 8.0], best=7.5)
    assert routing.best_value(result) == "7.5 / 7.5 / 7.5"


def test_counts_come_with_wilsons_interval() -> None:
    results = [ended(cell, [10.0] * 12 + [0.0] * 8) for cell in rewards.cells(20)]
    expected = wilson(12, 20)
    for table in rewards.tables(results):
        for row in table.rows[1:]:
            assert set(row[1:]) == {f"12 of 20 (95 % interval {expected.low:.0%} to {expected.high:.0%})"}


# ---- weights ----


def test_a_look_at_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that tell by whom and where they are; values and policies worked by hand."""
    algorithm = built(weights.cells(2)[0])[0].algorithm
    seed_k = torch.tensor([0.0, 1000.0]).view(2, 1, 1, 1)

    def told(state: torch.Tensor, onehot: torch.Tensor) -> torch.Tensor:
        actions = onehot.argmax(-1)  # [K, 1, 9, N]
        return seed_k + (10 * actions[..., :1] + actions[..., 1:]) + torch.tensor([0.0, 100.0])

    monkeypatch.setattr(algorithm.mixers[0].weights, "forward", told)
    q = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]).expand(2, 1, 2, 3)
    monkeypatch.setattr(algorithm, "individual_values", lambda obs, state: q)
    logits = torch.tensor([4.0, 1.0, 1.0]).log().expand(2, 1, 1, 2, 3)
    monkeypatch.setattr(algorithm.actor, "unroll", lambda obs, last: logits)
    found = weights.look(algorithm, Clock())
    assert found["best"] == [50, 1050]  # of agents: 0 and 100
    # Agent 1 alone plays A in (0, 1) and (0, 2): 1 and 2; agent 2 in (1, 0) and (2, 0): 110 and 120.
    assert found["alone"] == pytest.approx([58.25, 1060], rel=5e-3)
    expected = (2 - np.log(np.e**2 + 2) - np.log(3)) / 2  # alpha is 1 at the start
    assert found["advantage"] == pytest.approx([expected] * 2, rel=5e-3)
    assert found["probability"] == pytest.approx([4 / 6] * 2, rel=5e-3)


def test_weights_cells_differ_in_the_gradient_alone_and_run_as_looks() -> None:
    one, weight = weights.cells(3)
    differing = {"routing": weight.settings["config"]["routing"]}
    assert one.settings | {"config": one.settings["config"] | differing} == weight.settings
    assert (one.settings["config"]["routing"]["gradient"], differing["routing"]["gradient"]) == (
        "one",
        "weight",
    )
    short = Cell(one.name, {**one.settings, "updates": 4, "looks": 2})
    found = weights.run(short, lambda fraction, phase="": None)
    assert found["updates"] == [0, 2, 4]
    for what in ("best", "alone", "advantage", "probability", "returns"):
        assert np.shape(found[what]) == (3, 3)
    assert (np.array(found["best"]) >= 0).all()
    assert found["best"][0] != found["best"][2]


def test_each_row_of_the_weights_table_is_its_own_moment() -> None:
    """Seeds of moment `m` of cell `c` have weights about `c + m / 10000`; the middle one is shown."""
    results = []
    for c, cell in enumerate(weights.cells(3)):
        steps = list(range(0, weights.UPDATES + 1, weights.EVERY))
        seeds = [[c + m / 10_000 + d for d in (-0.5, 0.0, 0.7)] for m in steps]
        value = dict.fromkeys(("best", "alone", "advantage", "probability"), seeds)
        returns = [[8.0, 0.0, 8.0] if m == 500 else [0.0] * 3 for m in steps]
        results.append(Result(cell, {"updates": steps, "returns": returns, **value}, 1.0))
    (table,) = weights.tables(results)
    assert [row[:3] for row in table.rows[1:]] == [
        [name, f"{m:,}", f"{c + m / 10_000:.3f}"] for c, name in enumerate(weights.WAYS) for m in weights.ROWS
    ]
    assert [row[1] for row in table.rows[1:] if row[-1].startswith("2 of 3")] == ["500", "500"]
