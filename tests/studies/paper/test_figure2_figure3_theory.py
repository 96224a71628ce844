"""Figures 2 and 3, temperatures and theory: cells, trails, verdicts on results made by hand, figures."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from fop_algos.algorithms.fop import GAMES
from fop_algos.training.snapshots import Snapshot
from fop_bench.report.figure_style import pyplot
from fop_bench.studies.paper import (
    figure2,
    figure3,
    learning_cells,
    settings,
    table2,
    temperature_rules,
    theory_statements,
)
from fop_bench.studies.paper.entry import Cell, PaperEntry, Result, verdict
from fop_core.types import Clock

OPTIMUM, LOCAL = [[5.0], [5.0]], [[-5.0], [-5.0]]


def silent(fraction: float, phase: str = "") -> None:
    pass


def ended(cell: Cell, hits: int, n: int = 20, area: float = 50.0, converged: int = 4000) -> Result:
    """`hits` of `n` seeds at the global optimum, the others at the local one."""
    last = [OPTIMUM] * hits + [LOCAL] * (n - hits)
    value = {
        "updates": [0, 8000],
        "actions": [[[[0.0], [0.0]]] * n, last],
        "returns": [[-4.4] * n, [10.0] * hits + [0.0] * (n - hits)],
        "converged": [converged] * n,
        "areas": [area] * n,
        "trails": [[[0.0, 1.0], [2.0, 3.0]], [], []],
    }
    return Result(cell, value, 1.0)


# ---- trails ----


def snapshot(updates: int, greedy: Any, explored: Any) -> Snapshot:
    clock = Clock(updates=updates, episodes=updates, env_steps=updates)
    actions, played = np.array(greedy, np.float32)[..., None], np.array(explored, np.float32)[..., None]
    return Snapshot(clock, actions, np.zeros(len(actions), np.float32), played, {})


def test_trails_end_where_a_seed_has_converged_and_leave_uniform_episodes_out() -> None:
    """Two seeds: the first stays near its last place from 20 on, the second never moves."""
    square = [[1, 1], [-1, 1], [-1, -1], [1, -1]]
    taken = [
        snapshot(0, [[0, 0], [3, 3]], np.zeros((2, 0, 2))),
        snapshot(10, [[2, 0], [3, 3]], [[[9, 9], [8, 8], *square], [[9, 9], [8, 8], *square]]),
        snapshot(20, [[4.8, 5], [3, 3]], [square, square]),
        snapshot(30, [[5, 5], [3, 3]], [[[7, 7]] * 4, [[7, 7]] * 4]),
    ]
    found = learning_cells.trails(taken, uniform_episodes=2)
    assert found["converged"] == [20, 0]
    assert found["trails"] == [[*square, *square], []]
    # Eight points with variance 8 / 7 in both directions and no covariance.
    assert found["areas"] == [pytest.approx(math.pi * 5.991 * 8 / 7, abs=0.01), 0.0]


def test_a_seed_that_still_moves_at_the_end_has_its_whole_trail() -> None:
    taken = [snapshot(10 * k, [[2.0 * k, 0.0]], [[[k, 0]] * (k > 0)]) for k in range(3)]
    taken[0] = snapshot(0, [[0.0, 0.0]], np.zeros((1, 0, 2)))
    found = learning_cells.trails(taken, uniform_episodes=0)
    assert found["converged"] == [20]
    assert found["trails"] == [[[1.0, 0.0], [2.0, 0.0]]]


def test_a_cell_of_the_differential_game_is_small_and_whole() -> None:
    cell = figure2.method_cell("MADDPG", 2, 0)
    short = Cell(cell.name, cell.settings | {"updates": 60})
    value = json.loads(json.dumps(learning_cells.run(short, silent)))
    assert np.shape(value["actions"]) == (61, 2, 2, 1)
    assert value["updates"][-1] == 60
    assert len(value["converged"]) == len(value["areas"]) == len(value["trails"]) == 2
    assert all(area >= 0 for area in value["areas"])


# ---- settings ----


def test_deterministic_methods_have_every_sigma_and_all_have_both_warm_ups() -> None:
    configs = {s: c.settings["config"] for s, c in zip(figure2.settings(), figure2.cells(20), strict=True)}
    assert {(name, warm_up) for name, warm_up, _ in configs} == {
        (name, warm_up) for name in figure2.METHODS for warm_up in (0, 64)
    }
    for (name, warm_up, sigma), config in configs.items():
        assert config["uniform_episodes"] == warm_up
        if name in figure2.DETERMINISTIC:
            assert config["noise"] == sigma
    assert {sigma for name, _, sigma in configs if name == "DOP"} == {1.0, 2.0, 3.0, 5.0}
    main = [cell for (_, _, sigma), cell in zip(configs, figure2.cells(20), strict=True) if sigma == 2.0]
    assert {c.settings["updates"] for c in main if c.settings["algorithm"] != "fop"} == {10_000}
    assert len({config["reward_scale"] for config in configs.values()}) == 1


def test_schedules_are_the_papers_formulas() -> None:
    """Each step does to alpha what the schedule's name says."""
    steps = {
        "log alpha - 1e-3": lambda a: a * math.exp(-1e-3),
        "log alpha - 5e-4": lambda a: a * math.exp(-5e-4),
        "alpha - 1e-4": lambda a: a - 1e-4,
        "alpha - 5e-5": lambda a: a - 5e-5,
    }
    for schedule in settings.SCHEDULES:
        for k in (0, 1, 1000, 3000):
            now, then = (schedule.alpha(Clock(updates=k + i)) for i in (0, 1))
            assert then == pytest.approx(steps[schedule.name](now), rel=1e-6)
        assert schedule.alpha(Clock(updates=schedule.updates)) == 0.01


def test_figure_3_has_the_same_temperatures_with_either_decomposition() -> None:
    configs = [cell.settings["config"] for cell in figure3.cells(20)]
    for fop, dop in zip(configs[:5], configs[5:10], strict=True):
        assert dop == fop | {"decomposition": "dop"}
    assert [config["alpha"]["kind"] for config in configs[:5]] == [
        "exponential",
        "exponential",
        "linear",
        "linear",
        "automatic",
    ]
    assert configs[10]["alpha"]["start"] == configs[10]["alpha"]["end"] == 0.0


def test_settings_that_entries_share_are_the_same_cells() -> None:
    of_table_2 = {cell.key for cell in table2.cells(20)}
    of_figure_3 = {cell.key for cell in figure3.cells(20)}
    shared = {cell.key for cell in temperature_rules.cells(20)}
    assert len(shared & of_table_2) == 1
    assert len(shared & of_figure_3) == 3
    assert {cell.key for cell in figure2.cells(20)} & of_figure_3 == {figure3.cells(20)[4].key}


def test_the_matrix_games_default_is_among_the_temperatures() -> None:
    assert GAMES.alpha == settings.MATRIX_ALPHA


# ---- verdicts ----


def figure_2(**hits: int) -> list[Result]:
    """FOP 20 of 20, MASQL 14, the others none, unless said otherwise; MADDPG's trails are the narrowest."""
    counts = {"FOP": 20, "MASQL": 14} | hits
    return [
        ended(cell, counts.get(name, 0), area=30.0 if name == "MADDPG" else 60.0)
        for (name, _, _), cell in zip(figure2.settings(), figure2.cells(20), strict=True)
    ]


def test_figure_2_as_the_paper_has_it() -> None:
    judged = verdict(figure2.checks(figure_2()))
    assert judged.agreement == "reproduced under a condition"
    assert "sigma 2" in judged.why


@pytest.mark.parametrize(("method", "hits"), [("FOP", 17), ("DOP", 3), ("MAAC", 20), ("MASQL", 4)])
def test_figure_2_fails_where_one_method_does(method: str, hits: int) -> None:
    failed = [check.what for check in figure2.checks(figure_2(**{method: hits})) if not check.holds]
    assert {what.split(",")[0] for what in failed} == {method}


def test_figure_2_counts_both_optima() -> None:
    (table,) = figure2.tables(figure_2(DOP=2))
    rows = {tuple(row[:3]): row[3:] for row in table.rows[1:]}
    assert rows["DOP", "0", "2"][1:3] == ["18", "0"]
    assert rows["FOP", "64", "own"][0].startswith("20 of 20")


def figure_3(soft: int = 20, dop: int = 0, greedy: int = 0) -> list[Result]:
    counts = [soft] * 5 + [dop] * 5 + [greedy]
    pace = [3000, 6000, 9000, 15000, 12000] * 2 + [1000]
    return [
        ended(cell, hits, converged=steps)
        for cell, hits, steps in zip(figure3.cells(20), counts, pace, strict=True)
    ]


@pytest.mark.parametrize(
    ("counts", "failures"),
    [({}, 0), ({"soft": 17}, 5), ({"dop": 3}, 5), ({"greedy": 3}, 1), ({"soft": 18, "dop": 2}, 0)],
)
def test_figure_3_needs_fop_at_the_optimum_and_the_ablations_elsewhere(
    counts: dict[str, int], failures: int
) -> None:
    checks = figure3.checks(figure_3(**counts))
    assert sum(not check.holds for check in checks) == failures


def test_figure_3_needs_the_faster_schedule_to_be_faster() -> None:
    results = figure_3()
    results[0], results[1] = results[1], results[0]
    failed = [check.what for check in figure3.checks(results) if not check.holds]
    assert failed == ["(a) learning steps to the optimum, log alpha - 1e-3 and log alpha - 5e-4"]


def test_temperatures_name_the_setting_that_fails() -> None:
    results = [
        Result(cell, {"returns": [[8.0] * 20]}, 1.0) if cell.settings["game"] == "matrix" else ended(cell, 20)
        for cell in temperature_rules.cells(20)
    ]
    assert all(check.holds for check in temperature_rules.checks(results))
    results[-1] = ended(results[-1].cell, 17)
    failed = [check.what for check in temperature_rules.checks(results) if not check.holds]
    assert failed == ["differential game, alpha automatic, alpha_i down the gradient of J(alpha_i)"]


# ---- theory ----


@pytest.fixture(scope="module")
def few_games() -> list[Result]:
    return [
        Result(
            cell,
            json.loads(json.dumps(theory_statements.run(Cell(cell.name, cell.settings | {"n": 12}), silent))),
            1.0,
        )
        for cell in theory_statements.cells(1)
    ]


def test_what_the_proofs_use_is_what_decides(few_games: list[Result]) -> None:
    """All holds where q_tot is additive; elsewhere (15), Lemma 2 and Theorem 1 don't, and the rest does."""
    assert verdict(theory_statements.checks(few_games)).agreement == "reproduced under a condition"
    *_, anything = few_games
    for name in theory_statements.ALWAYS:
        assert max(anything.value[name]) <= theory_statements.ROUNDING
    assert min(anything.value["eq15"]) > 0.01
    assert max(anything.value["lemma2"]) > 0.01


def test_no_word_breaks_a_table(few_games: list[Result]) -> None:
    assert not any("|" in check.what + check.ours for check in theory_statements.checks(few_games))


def test_a_statement_that_fails_once_is_not_reproduced(few_games: list[Result]) -> None:
    broken = [Result(r.cell, r.value | {"a1": [*r.value["a1"][:-1], 1e-3]}, 1.0) for r in few_games]
    judged = verdict(theory_statements.checks(broken))
    assert judged.agreement == "not reproduced"
    assert "A.1" in judged.why


# ---- figures ----


@pytest.mark.parametrize(
    ("entry", "results", "panels"),
    [
        (figure2.FIGURE_2, figure_2(), 12),
        (figure3.FIGURE_3, figure_3(), 3),
    ],
)
def test_figures_draw_every_panel(entry: PaperEntry, results: list[Result], panels: int) -> None:
    assert entry.figure is not None
    figure = entry.figure(results)
    assert len(figure.axes) == panels
    assert all(axis.lines for axis in figure.axes)
    figure.draw_without_rendering()
    pyplot().close(figure)


def test_the_theorys_figure_has_a_line_for_each_kind_of_game(few_games: list[Result]) -> None:
    figure = theory_statements.figure(few_games)
    assert [len(axis.lines) for axis in figure.axes] == [3, 3]
    pyplot().close(figure)
