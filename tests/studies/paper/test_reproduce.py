"""The paper's tables and figures beside ours: registry, cells, verdicts, output, on results made by hand."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fop_bench import cli
from fop_bench.jobs.blocks import Tell
from fop_bench.studies.paper import figure6, output, page, paper, records, registry, table4
from fop_bench.studies.paper.entry import Cell, Check, Entry, Result, Table, verdict
from fop_bench.studies.paper.figure6 import FIGURE_6
from fop_bench.studies.paper.table4 import TABLE_4
from fop_core.errors import FopError, UnknownName


def silent(fraction: float, phase: str = "") -> None:
    pass


def ran(entry: Entry) -> list[Result]:
    """The entry's cells, run here and now, as JSON gives their results back."""
    return [Result(cell, json.loads(json.dumps(entry.run(cell, silent))), 0.1) for cell in entry.cells(20)]


@pytest.fixture(scope="module")
def armies() -> list[Result]:
    return ran(TABLE_4)


@pytest.fixture(scope="module")
def starts() -> list[Result]:
    return ran(FIGURE_6)


# ---- the paper's data ----


def test_table_3_is_consistent_with_itself_and_with_the_claim() -> None:
    for row in range(3):
        for column in range(3):
            vdn = paper.TABLE_3["VDN"]
            assert vdn.q_tot[row][column] == pytest.approx(vdn.q_1[row] + vdn.q_2[column], abs=0.11)
    optimal = {
        name: (values.q_1.index(max(values.q_1)), values.q_2.index(max(values.q_2))) == (0, 0)
        for name, values in paper.TABLE_3.items()
    }
    assert optimal == {"VDN": False, "QMIX": False, "QTRAN-alt": True, "QPLEX": True}


def test_only_one_army_of_table_4_is_not_as_large_as_smac_says() -> None:
    wrong = [
        (name, side)
        for name, armies in paper.TABLE_4.items()
        for side, army in enumerate(armies)
        if sum(army.values()) != paper.SMAC_UNITS[name][side]
    ]
    assert wrong == [("MMM2", 1)]


# ---- registry and cells ----


def test_every_entry_has_its_claim_and_cells_of_its_own() -> None:
    for name, entry in registry.ENTRIES.items():
        keys = [cell.key for cell in entry.cells(20)]
        assert len(keys) == len(set(keys)) > 0
        assert name == entry.name
        assert (entry.claim is paper.CLAIMS.get(name)) is (entry.group != "beyond")
        assert (entry.checks is None) is (entry.group == "beyond")
    assert set(paper.CLAIMS) <= set(registry.ENTRIES)


def test_entries_are_chosen_by_name_and_by_group_each_once() -> None:
    assert registry.choose(["figure6", "table4", "figure6"]) == [FIGURE_6, TABLE_4]
    assert registry.choose(["figure6", "maps"]) == [FIGURE_6, TABLE_4]
    assert registry.choose(["all"]) == list(registry.ENTRIES.values())
    assert {entry.group for entry in registry.choose(["games"])} == {"games", "maps"}
    assert registry.choose(["maps"]) == [TABLE_4, FIGURE_6]
    with pytest.raises(
        UnknownName,
        match="unknown entry 'xyz'; known: table1, table2, table3, table4, ",
    ):
        registry.choose(["table4", "xyz"])


def test_a_changed_setting_is_another_cell() -> None:
    cell = Cell("FOP", {"alpha": 0.01, "seeds": 20})
    assert cell.key == Cell("FOP", {"seeds": 20, "alpha": 0.01}).key
    assert cell.key.startswith("FOP ")
    others = [Cell("FOP", {"alpha": 0.1, "seeds": 20}), Cell("FOP", {"alpha": 0.01, "seeds": 19})]
    assert len({cell.key, *(other.key for other in others)}) == 3


# ---- verdicts ----

AGREES = Check("greedy action", "(A, A)", "(A, A)", True, 20)
FAILS = Check("optimum found", "always", "13 of 20", False, 20)
BENT = Check("reward", "10", "9.9", True, 20, condition="with rewards divided by 10")


@pytest.mark.parametrize(
    ("checks", "outcome", "why"),
    [
        ([AGREES, AGREES], "reproduced", "2 of 2 checks agree."),
        ([AGREES, BENT, BENT], "reproduced under a condition", "with rewards divided by 10."),
        ([BENT, FAILS, AGREES], "not reproduced", "optimum found: 13 of 20 instead of always."),
    ],
)
def test_one_failure_outweighs_everything_and_a_condition_is_never_lost(
    checks: list[Check], outcome: str, why: str
) -> None:
    assert (verdict(checks).outcome, verdict(checks).why) == (outcome, why)


def test_nothing_checked_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="nothing was checked"):
        verdict([])


@pytest.mark.parametrize(("check", "agrees"), [(AGREES, "yes"), (BENT, "under the condition"), (FAILS, "no")])
def test_a_row_says_whether_it_agrees(check: Check, agrees: str) -> None:
    assert check.row["agrees"] == agrees
    assert check.row["seeds"] == "20"


def test_a_question_that_the_paper_leaves_open_has_a_table_and_no_verdict() -> None:
    table = Table("Seeds at the optimum:", [["game", "FOP"], ["climbing", "20 of 20"]], frozenset({"game"}))
    entry = Entry(
        "wider",
        "beyond",
        paper.Claim("Wider games", "Who finds the optimum of other games?", ""),
        cells=lambda seeds: [],
        run=silent,
        tables=lambda results: [table],
    )
    found = output.document(entry, [], 20)
    assert (found["verdict"], found["rows"], found["paper"]["source"]) == ("not in the paper", [], None)
    written = output.markdown(found)
    assert "The paper" not in written
    assert "Who finds the optimum of other games?" in written
    assert rows_of(written) == [["game", "FOP"], [":--", "--:"], ["climbing", "20 of 20"]]
    assert "climbing  20 of 20" in output.text(found)


# ---- Table 4 ----


def changed(results: Sequence[Result], place: int, change: Callable[[Any], Any]) -> list[Result]:
    """`results` with the value at `place` changed."""
    value = json.loads(json.dumps(results[place].value))
    change(value)
    return [replace(r, value=value) if k == place else r for k, r in enumerate(results)]


def test_the_engines_armies_are_table_4s_but_for_the_row_that_cannot_be(armies: list[Result]) -> None:
    checks = table4.checks(armies)
    assert [check.what for check in checks if check.condition] == ["MMM2, enemies"]
    assert all(check.ours == check.paper for check in checks if not check.condition)
    judged = verdict(checks)
    assert judged.outcome == "reproduced under a condition"
    assert "it adds up to 11 units, while SMAC's list of maps says 12; ours has 12" in judged.why


def test_another_army_is_not_reproduced(armies: list[Result]) -> None:
    more = changed(armies, 2, lambda value: value[1].update(Marine=8))
    judged = verdict(table4.checks(more))
    assert judged.outcome == "not reproduced"
    assert judged.why == (
        "MMM, enemies: 1 Medivac, 2 Marauder, 8 Marine instead of 1 Medivac, 2 Marauder, 7 Marine; "
        "maps whose sides differ: 2c_vs_64zg, 3s_vs_3z, MMM, MMM2 instead of 2c_vs_64zg, 3s_vs_3z, MMM2."
    )
    # The paper's impossible row excuses no other one that is impossible too.
    worse = changed(armies, 3, lambda value: value[1].update(Marauder=4))
    assert verdict(table4.checks(worse)).outcome == "not reproduced"


# ---- Figure 6 ----


def test_figure_6_shows_every_body_on_its_ground(starts: list[Result]) -> None:
    checks = figure6.checks(starts)
    assert all(check.holds and check.condition for check in checks)
    assert checks[3].ours == "10 agents, 12 enemies, all on the ground"
    bodies = starts[1].value["bodies"]  # 3s_vs_3z: the first of each side stands at the map's point
    assert [0, "Stalker", 9.0, 16.0, 0.625] in bodies
    assert [1, "Zealot", 23.0, 16.0, 0.375] in bodies
    heights = starts[0].value["heights"]
    assert heights[16][16] == pytest.approx(10, abs=0.05), "the Colossi stand on high ground"
    assert heights[9][16] == pytest.approx(8, abs=0.05), "and the Zerglings two cells lower"


def test_a_body_in_the_void_or_missing_is_not_reproduced(starts: list[Result]) -> None:
    def buried(value: Any) -> None:
        value["bodies"][0][2:4] = [16.5, 1.0]

    checks = figure6.checks(changed(starts, 1, buried))
    assert [check.holds for check in checks] == [True, False, True, True]
    assert "off the ground: Stalker at (16.5, 1)" in verdict(checks).why
    flying = next(k for k, body in enumerate(starts[2].value["bodies"]) if body[1] == "Medivac")

    def over_the_void(value: Any) -> None:
        value["bodies"][flying][2:4] = [16.5, 1.0]

    assert figure6.checks(changed(starts, 2, over_the_void))[2].holds
    assert not figure6.checks(changed(starts, 2, lambda value: value["bodies"].pop()))[2].holds


def test_figure_6_has_a_circle_for_each_body_and_one_scale(starts: list[Result]) -> None:
    from matplotlib.patches import Circle

    from fop_bench.report.plots import pyplot

    figure = figure6.figure(starts)
    panels = [axis for axis in figure.axes if axis.get_title(loc="left")]
    assert [axis.get_title(loc="left")[4:] for axis in panels] == list(paper.TABLE_4)
    assert [sum(isinstance(p, Circle) for p in axis.patches) for axis in panels] == [66, 6, 20, 22]
    figure.draw_without_rendering()
    scales = {round(axis.get_window_extent().width / 30, 2) for axis in panels}
    assert len(scales) == 1
    pyplot().close(figure)


# ---- running and resuming ----


def rows_of(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reproduce") / "out"
    assert cli.main(["reproduce", "maps", "--out", str(path), "--workers", "1"]) == 0
    return path


def test_what_is_written_says_the_same_everywhere(folder: Path, armies: list[Result]) -> None:
    data = json.loads((folder / "table4.json").read_text())
    header, _, *rows = rows_of((folder / "table4.md").read_text())
    assert [dict(zip(header, row, strict=True)) for row in rows] == data["rows"]
    assert data["rows"] == [check.row for check in table4.checks(armies)]
    assert data["verdict"] == "reproduced under a condition"
    assert data["why"] in (folder / "table4.md").read_text()
    assert [cell["settings"]["map"] for cell in data["cells"]] == list(paper.TABLE_4)
    assert (folder / "figures" / "figure6.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "figures" / "figure6.svg").read_text()
    assert "figures/figure6.png" in (folder / "figure6.md").read_text()


def test_what_is_on_record_is_not_run_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / records.CELLS
    whole = path.read_bytes()
    assert whole.count(b"\n") == 8
    assert cli.main(["reproduce", "maps", "--out", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "(8 done before)" in printed
    assert "finished" not in printed
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-20])  # the last line is torn
    assert cli.main(["reproduce", "maps", "--out", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "(7 done before)" in printed
    assert printed.count("finished") == 1
    before, after = ([json.loads(line) for line in text.splitlines()] for text in (whole, path.read_bytes()))
    assert [(r["key"], r["result"]) for r in after] == [(r["key"], r["result"]) for r in before]


def test_one_process_writes_at_a_time(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from fop_bench.run.records import Writer

    writer = Writer(folder / records.CELLS, keep_bytes=None)
    assert cli.main(["reproduce", "table4", "--out", str(folder)]) == 1
    writer.close()
    assert "is being written by another process" in capsys.readouterr().err


def with_chance(seeds: int) -> list[Cell]:
    return [Cell("dice", {"seeds": seeds})]


def throw(cell: Cell, tell: Tell) -> int:
    return int(cell.settings["seeds"])


def test_results_are_those_of_the_seeds_asked_for(folder: Path) -> None:
    entry = replace(TABLE_4, cells=with_chance, run=throw)
    done = next(iter(records.read(folder).values()))
    found = {with_chance(5)[0].key: done}
    assert records.results(entry, 20, found) is None
    (result,) = records.results(entry, 5, found) or []
    assert (result.cell, result.value) == (with_chance(5)[0], done.result)
    assert output.command(entry, 5) == "fop-bench reproduce table4 --seeds 5"


# ---- the page ----


def test_the_page_is_whole(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "docs" / "reproducing.md"
    written = page.write_page(folder, out, 20)
    text = out.read_text()
    assert written == [out, out.parent / "figures" / "reproduce" / "figure6.png"]
    assert all(path.exists() for path in written)
    assert "| [Table 4](#table-4) | reproduced under a condition | `fop-bench reproduce table4` |" in text
    assert "\n## Table 4\n" in text
    assert "Not here yet: Table 1, Table 2, Table 3, Figure 2, Figure 3, Figure 5, Temperatures, " in text
    assert "](figures/reproduce/figure6.png)" in text
    assert "{" not in text, "every blank of the template is filled"


def test_a_page_leaves_out_what_is_not_complete(folder: Path) -> None:
    done = {key: value for key, value in records.read(folder).items() if key.startswith("armies")}
    text = page.page(done, 20)
    assert "## Table 4" in text
    assert "## Figure 6" not in text
    assert "Figure 5, Figure 6, " in text


def test_a_folder_without_results_is_told(tmp_path: Path) -> None:
    with pytest.raises(FopError, match=r"has no entry with all its cells of 20 seeds in cells\.jsonl"):
        page.write_page(tmp_path, tmp_path / "page.md", 20)
    assert not (tmp_path / "page.md").exists()


# ---- mistakes ----


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tabel4"], "unknown entry 'tabel4'; did you mean table4"),
        (
            ["xyz"],
            "unknown entry 'xyz'; known: table1, table2, table3, table4, ",
        ),
        ([], "the following arguments are required: ENTRY"),
        (["table4", "--seeds", "0"], "argument --seeds: '0' is not a positive whole number"),
        (["table4", "--resume"], "unknown option '--resume'"),
        (["page"], "the following arguments are required: folder"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["reproduce", *words, "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"fop-bench: {message}")
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        cli.main(["reproduce", "--help"])
    assert leaving.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: fop-bench reproduce [-h]")
    assert "fop-bench reproduce page runs/reproduce" in printed
