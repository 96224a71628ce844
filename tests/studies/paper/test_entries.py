"""What the paper says, which entries there are, cells and verdicts."""

from collections.abc import Callable

import pytest

from fop_bench.studies.paper import claims, entries, entry_output
from fop_bench.studies.paper.entry import Cell, Check, MeasuredTable, PaperEntry, verdict
from fop_bench.studies.paper.figure6 import FIGURE_6
from fop_bench.studies.paper.table4 import TABLE_4
from fop_core.errors import UnknownName

# ---- the paper's data ----


def test_table_3_is_consistent_with_itself_and_with_the_claim() -> None:
    for row in range(3):
        for column in range(3):
            vdn = claims.TABLE_3["VDN"]
            assert vdn.q_tot[row][column] == pytest.approx(vdn.q_1[row] + vdn.q_2[column], abs=0.11)
    optimal = {
        name: (values.q_1.index(max(values.q_1)), values.q_2.index(max(values.q_2))) == (0, 0)
        for name, values in claims.TABLE_3.items()
    }
    assert optimal == {"VDN": False, "QMIX": False, "QTRAN-alt": True, "QPLEX": True}


def test_only_one_army_of_table_4_is_not_as_large_as_smac_says() -> None:
    wrong = [
        (name, side)
        for name, armies in claims.TABLE_4.items()
        for side, army in enumerate(armies)
        if sum(army.values()) != claims.SMAC_UNITS[name][side]
    ]
    assert wrong == [("MMM2", 1)]


# ---- registry and cells ----


def test_every_entry_has_its_claim_and_cells_of_its_own() -> None:
    for name, entry in entries.ENTRIES.items():
        keys = [cell.key for cell in entry.cells(20)]
        assert len(keys) == len(set(keys)) > 0
        assert name == entry.name
        assert (entry.claim is claims.CLAIMS.get(name)) is (entry.group != "beyond")
        assert (entry.checks is None) is (entry.group == "beyond")
    assert set(claims.CLAIMS) <= set(entries.ENTRIES)


def test_entries_are_chosen_by_name_and_by_group_each_once() -> None:
    assert entries.choose(["figure6", "table4", "figure6"]) == [FIGURE_6, TABLE_4]
    assert entries.choose(["figure6", "maps"]) == [FIGURE_6, TABLE_4]
    assert entries.choose(["all"]) == list(entries.ENTRIES.values())
    assert {entry.group for entry in entries.choose(["games"])} == {"games", "maps"}
    assert entries.choose(["maps"]) == [TABLE_4, FIGURE_6]
    with pytest.raises(
        UnknownName,
        match="unknown entry 'xyz'; known: table1, table2, table3, table4, ",
    ):
        entries.choose(["table4", "xyz"])


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
    assert (verdict(checks).agreement, verdict(checks).why) == (outcome, why)


def test_nothing_checked_is_no_verdict() -> None:
    with pytest.raises(ValueError, match="nothing was checked"):
        verdict([])


@pytest.mark.parametrize(("check", "agrees"), [(AGREES, "yes"), (BENT, "under the condition"), (FAILS, "no")])
def test_a_row_says_whether_it_agrees(check: Check, agrees: str) -> None:
    assert check.row["agrees"] == agrees
    assert check.row["seeds"] == "20"


def test_a_question_that_the_paper_leaves_open_has_a_table_and_no_verdict(
    rows_of: Callable[[str], list[list[str]]],
) -> None:
    table = MeasuredTable(
        "Seeds at the optimum:", [["game", "FOP"], ["climbing", "20 of 20"]], frozenset({"game"})
    )
    entry = PaperEntry(
        "wider",
        "beyond",
        "other games",
        claims.Claim("Wider games", "Who finds the optimum of other games?", ""),
        cells=lambda seeds: [],
        run=lambda cell, tell: None,
        tables=lambda results: [table],
    )
    found = entry_output.document(entry, [], 20)
    assert (found["verdict"], found["rows"], found["paper"]["source"]) == ("not in the paper", [], None)
    written = entry_output.markdown(found)
    assert "The paper" not in written
    assert "Who finds the optimum of other games?" in written
    assert rows_of(written) == [["game", "FOP"], [":--", "--:"], ["climbing", "20 of 20"]]
    assert "climbing  20 of 20" in entry_output.text(found)


def test_every_entry_and_group_has_one_line() -> None:
    lines = [entry.summary for entry in entries.ENTRIES.values()]
    lines += [group.summary for group in entries.GROUPS.values()]
    assert len(set(lines)) == len(lines)
    assert all(0 < len(line) <= 100 and not line.endswith(".") for line in lines)
    assert set(entries.GROUPS) == {"maps", "games", "beyond", "all"}
    assert not set(entries.GROUPS) & set(entries.ENTRIES)
