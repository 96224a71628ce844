import json
import subprocess
import sys
from pathlib import Path

import pytest

from fop_bench.records.json_files import LineWriter, write_json
from fop_bench.records.plan import Budget
from fop_bench.records.run_records import MANIFEST, RECORDS, End, Manifest, Test
from fop_bench.report.learning_curves import curve, draw_curves
from fop_bench.report.result_files import write
from fop_bench.report.result_table import WORDS, caption, table
from fop_bench.report.runs import load
from fop_bench.report.text_tables import as_markdown, as_text
from fop_core.errors import FopError


def make_run(
    folder: Path, seed: int, wins: list[int], algorithm: str = "fop", outcome: str = "finished"
) -> None:
    """A run with one test for each entry of `wins` (won episodes of 4), the last of them final."""
    folder = folder / "3m" / algorithm / f"seed-{seed}"
    folder.mkdir(parents=True)
    manifest = Manifest(
        suite="smac",
        task="3m",
        algorithm=algorithm,
        seed=seed,
        engine="skirmish-1",
        config={},
        budget=Budget(env_steps=100),
        test_every=50,
        test_episodes=4,
        n_envs=1,
        preset="quick",
        command=["fop-bench", "smac"],
        versions={},
        machine={},
        git_commit=None,
        created="2026-01-01T00:00:00+00:00",
    )
    write_json(folder / MANIFEST, manifest)
    writer = LineWriter(folder / RECORDS)
    for k, won in enumerate(wins):
        writer.write(
            Test(
                env_steps=50 * k,
                episodes=k,
                updates=10 * k,
                elapsed=5.0 * k,
                returns=[20.0] * won + [0.0] * (4 - won),
                lengths=[30] * 4,
                won=[True] * won + [False] * (4 - won),
                final=k == len(wins) - 1,
            )
        )
    if outcome:
        last = len(wins) - 1
        writer.write(
            End(outcome=outcome, env_steps=50 * last, episodes=last, updates=10 * last, elapsed=5.0 * last)
        )
    writer.close()


def cells(folder: Path) -> list[dict[str, str]]:
    header, *rows = table(load(folder))
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_the_table_of_one_seed(tmp_path: Path) -> None:
    make_run(tmp_path, 0, [0, 1, 3])
    (row,) = cells(tmp_path)
    assert row == {
        "task": "3m",
        "algorithm": "fop",
        "seeds": "1",
        "win rate": "0.75",
        "interval": "0.30-0.95",  # Wilson, 3 of 4
        "return": "15.00",
        "length": "30.0",
        "steps": "100",
        "updates": "20",
        "steps/s": "10",
    }


def test_three_seeds_give_the_median_over_seeds(tmp_path: Path) -> None:
    for seed, won in enumerate([0, 1, 4]):
        make_run(tmp_path, seed, [0, won])
    (row,) = cells(tmp_path)
    assert (row["seeds"], row["win rate"], row["interval"]) == ("3", "0.25", "0.00-1.00")
    assert "median over seeds" in caption(load(tmp_path))


def test_runs_that_did_not_finish_are_said_so(tmp_path: Path) -> None:
    make_run(tmp_path, 0, [0, 1])
    make_run(tmp_path, 1, [0, 1], outcome="")
    make_run(tmp_path, 0, [0], algorithm="vdn", outcome="failed")
    fop, vdn = cells(tmp_path)
    assert fop["status"] == "1 finished, 1 stopped"
    assert vdn["status"] == "failed"


def make_game_run(folder: Path, task: str, algorithm: str, seed: int, greedy: str, optimum: float) -> None:
    """A run of a game whose last greedy joint action is `greedy`; AA is the only optimum."""
    make_run(folder, seed, [0], algorithm)
    made = folder / "3m" / algorithm / f"seed-{seed}"
    run = folder / task / algorithm / f"seed-{seed}"
    run.parent.mkdir(parents=True, exist_ok=True)
    made.rename(run)
    manifest = json.loads((run / MANIFEST).read_text())
    manifest |= {"suite": "matrix", "task": task, "engine": f"matrix game ({task} payoff)"}
    (run / MANIFEST).write_text(json.dumps(manifest))
    test, end = map(json.loads, (run / RECORDS).read_text().splitlines())
    test |= {"won": None}
    test["extra"] = {"joint_action": greedy, "is_optimal": greedy == "AA", "optimum": optimum}
    (run / RECORDS).write_text(f"{json.dumps(test)}\n{json.dumps(end)}\n")


def test_games_show_the_share_of_seeds_at_the_optimum(tmp_path: Path) -> None:
    for seed, greedy in enumerate(["AA", "BB", "AA"]):
        make_game_run(tmp_path, "climbing", "fop", seed, greedy, 11)
    for seed, greedy in enumerate(["BA", "BB", "CC", "BB", "CB", "BC"]):
        make_game_run(tmp_path, "climbing", "vdn", seed, greedy, 11)
    make_game_run(tmp_path, "my_game", "fop", 0, "AA", 0.5)
    fop, vdn, mine = cells(tmp_path)
    assert (fop["task"], fop["algorithm"], fop["greedy"]) == ("climbing", "fop", "AA x2 BB x1")
    assert (fop["at optimum"], fop["interval"], fop["optimum"]) == (
        "2/3",
        "0.21-0.94",
        "11",
    )  # Wilson by hand
    assert (vdn["at optimum"], vdn["interval"]) == ("0/6", "0.00-0.39")
    assert vdn["greedy"] == "BB x2 BA x1 CC x1 CB x1 +1 more"
    assert (mine["task"], mine["at optimum"], mine["optimum"]) == ("my_game", "1/1", "0.5")
    told = caption(load(tmp_path))
    assert told.startswith("matrix game (climbing payoff) and 1 more; ")
    assert "at optimum: seeds whose greedy joint action earns the largest payoff, 95% Wilson" in told


def test_what_counts_as_the_optimum_is_said_in_the_records_words(tmp_path: Path) -> None:
    make_game_run(tmp_path, "matrix", "fop", 0, "AA", 10)
    run = tmp_path / "matrix" / "fop" / "seed-0"

    def told(engine: str, **extra: str) -> str:
        manifest = json.loads((run / MANIFEST).read_text()) | {"engine": engine}
        (run / MANIFEST).write_text(json.dumps(manifest))
        test, end = map(json.loads, (run / RECORDS).read_text().splitlines())
        test["extra"] |= extra
        (run / RECORDS).write_text(f"{json.dumps(test)}\n{json.dumps(end)}\n")
        return caption(load(tmp_path))

    # Records without these words: older than they are.
    old = "seeds whose greedy joint action earns more than 9 of 10, 95% Wilson interval"
    assert old in told("differential game (max of two quadratics)")
    assert "joint action lands on the beach, 95%" in told("a game", success="lands on the beach")


def test_text_and_markdown_say_the_same(tmp_path: Path) -> None:
    make_run(tmp_path, 0, [0, 1])
    rows = table(load(tmp_path))
    text, markdown = as_text(rows, WORDS).splitlines(), as_markdown(rows, WORDS).splitlines()
    assert text[2].split() == rows[1]
    assert [cell.strip() for cell in markdown[2].strip("|").split("|")] == rows[1]
    assert len({len(line) for line in text}) == 1, "columns are aligned"


def test_marl_eval_layout(tmp_path: Path) -> None:
    make_run(tmp_path, 2, [0, 2])
    write(tmp_path, load(tmp_path))
    tree = json.loads((tmp_path / "marl-eval.json").read_text())
    seed = tree["smac"]["3m"]["fop"]["seed_2"]
    assert seed["step_1"] == {
        "step_count": 50,
        "elapsed_time": 5.0,
        "episode_return": [20.0, 20.0, 0.0, 0.0],
        "episode_length": [30.0] * 4,
        "win_rate": [0.5],
    }
    assert seed["absolute_metrics"]["win_rate"] == [0.5]


def test_the_curve_is_the_median_and_the_quartiles(tmp_path: Path) -> None:
    for seed, won in enumerate([0, 1, 2, 3, 4]):
        make_run(tmp_path, seed, [0, won])
    steps, middle, low, high = curve(load(tmp_path), wins=True)
    assert steps == [0, 50]
    assert (middle, low, high) == ([0, 0.5], [0, 0.25], [0, 0.75])


def test_figures_are_made_for_each_task(tmp_path: Path) -> None:
    make_run(tmp_path, 0, [0, 1])
    paths = draw_curves(load(tmp_path), tmp_path / "figures")
    assert [path.name for path in paths] == ["3m.png", "3m.svg"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    svg = paths[1].read_text()  # letters are drawn as shapes; what they say stands before them
    for words in ("3m", "environment steps", "test win rate", "fop", "band: 95% Wilson interval of the test"):
        assert f"<!-- {words}" in svg


def test_tasks_where_nothing_can_be_won_show_returns(tmp_path: Path) -> None:
    for seed, greedy in enumerate(["AA", "BB", "AA"]):
        make_game_run(tmp_path, "climbing", "fop", seed, greedy, 11)
    make_game_run(tmp_path, "my_game", "fop", 0, "AA", 0.5)
    paths = draw_curves(load(tmp_path), tmp_path / "figures")
    assert sorted(path.stem for path in paths if path.suffix == ".svg") == [
        "climbing",
        "learning_curves",
        "my_game",
    ]
    svg = next(path for path in paths if path.name == "climbing.svg").read_text()
    assert "<!-- test return" in svg
    assert "win rate" not in svg
    assert "<!-- line: median over seeds; band: 25th to 75th percentile" in svg


def test_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(FopError, match="no runs in"):
        load(tmp_path)


def test_reports_need_no_torch(tmp_path: Path) -> None:
    make_run(tmp_path, 0, [0, 1])
    code = (
        "import sys; from fop_bench.cli import main; "
        f"status = main(['report', {str(tmp_path)!r}]); sys.exit(9 if 'torch' in sys.modules else status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0.25" in done.stdout
    assert (tmp_path / "figures" / "3m.png").exists()
