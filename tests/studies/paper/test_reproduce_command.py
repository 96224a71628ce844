"""`fop-bench reproduce`: what is run, kept and written, and the page."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fop_bench import cli
from fop_bench.jobs.blocks import Tell
from fop_bench.records.json_files import LineWriter
from fop_bench.studies.paper import cell_records, claims, entries, entry_output, reproducing_page, table4
from fop_bench.studies.paper.entry import Cell, PaperEntry, Result
from fop_bench.studies.paper.table4 import TABLE_4
from fop_core.errors import FopError

# ---- running and resuming ----


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reproduce") / "out"
    assert cli.main(["reproduce", "maps", "--out", str(path), "--workers", "1"]) == 0
    return path


def test_what_is_written_says_the_same_everywhere(
    folder: Path,
    ran: Callable[[PaperEntry], list[Result]],
    rows_of: Callable[[str], list[list[str]]],
) -> None:
    data = json.loads((folder / "table4.json").read_text())
    header, _, *rows = rows_of((folder / "table4.md").read_text())
    assert [dict(zip(header, row, strict=True)) for row in rows] == data["rows"]
    assert data["rows"] == [check.row for check in table4.checks(ran(TABLE_4))]
    assert data["verdict"] == "reproduced under a condition"
    assert data["why"] in (folder / "table4.md").read_text()
    assert [cell["settings"]["map"] for cell in data["cells"]] == list(claims.TABLE_4)
    assert (folder / "figures" / "figure6.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (folder / "figures" / "figure6.svg").read_text()
    assert "figures/figure6.png" in (folder / "figure6.md").read_text()


def test_what_is_on_record_is_not_run_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / cell_records.CELLS
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
    writer = LineWriter(folder / cell_records.CELLS, keep_bytes=None)
    assert cli.main(["reproduce", "table4", "--out", str(folder)]) == 1
    writer.close()
    assert "is being written by another process" in capsys.readouterr().err


def with_chance(seeds: int) -> list[Cell]:
    return [Cell("dice", {"seeds": seeds})]


def throw(cell: Cell, tell: Tell) -> int:
    return int(cell.settings["seeds"])


def test_results_are_those_of_the_seeds_asked_for(folder: Path) -> None:
    entry = replace(TABLE_4, cells=with_chance, run=throw)
    done = next(iter(cell_records.read_cells(folder).values()))
    found = {with_chance(5)[0].key: done}
    assert cell_records.results_of(entry, 20, found) is None
    (result,) = cell_records.results_of(entry, 5, found) or []
    assert (result.cell, result.value) == (with_chance(5)[0], done.result)
    assert entry_output.command_of(entry, 5) == "fop-bench reproduce table4 --seeds 5"


# ---- the page ----


def test_the_page_is_whole(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "docs" / "reproducing.md"
    written = reproducing_page.write_page(folder, out, 20)
    text = out.read_text()
    assert written == [
        out,
        out.parent / "reproducing" / "table4.md",
        out.parent / "reproducing" / "figure6.md",
        out.parent / "figures" / "reproduce" / "figure6.png",
    ]
    assert all(path.exists() for path in written)
    assert (
        "| [Table 4](reproducing/table4.md) | reproduced under a condition | `fop-bench reproduce table4` |"
        in text
    )
    assert written[1].read_text().startswith("# Table 4\n")
    assert "Not here yet: Table 1, Table 2, Table 3, Figure 2, Figure 3, Figure 5, Temperatures, " in text
    assert "](../figures/reproduce/figure6.png)" in written[2].read_text()
    assert "{" not in text, "every blank of the template is filled"


def test_a_page_leaves_out_what_is_not_complete(folder: Path) -> None:
    done = {key: value for key, value in cell_records.read_cells(folder).items() if key.startswith("armies")}
    pages = reproducing_page.pages(done, 20)
    assert list(pages) == ["reproducing.md", "reproducing/table4.md"]
    assert "Figure 5, Figure 6, " in pages["reproducing.md"]


def test_a_folder_without_results_is_told(tmp_path: Path) -> None:
    with pytest.raises(FopError, match=r"has no entry with all its cells of 20 seeds in cells\.jsonl"):
        reproducing_page.write_page(tmp_path, tmp_path / "page.md", 20)
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
    for name, entry in entries.ENTRIES.items():
        assert re.search(rf"^  {name} +{re.escape(entry.summary)}$", printed, re.MULTILINE)
    for name, group in entries.GROUPS.items():
        assert re.search(rf"^  {name} +{re.escape(group.summary)}$", printed, re.MULTILINE)


def test_without_an_entry_it_says_what_there_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["reproduce"]) == 2
    printed = capsys.readouterr()
    assert printed.err == ""
    for name in (*entries.ENTRIES, *entries.GROUPS):
        assert f"\n  {name} " in printed.out
    assert not list(tmp_path.iterdir())
