"""What is on record is what is asked for: no cell of any entry would run anew, none is kept for nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import msgspec
import pytest

import fop_envs
from fop_algos.catalogue import former_fields
from fop_bench.studies.paper import cell_records, learning_cells
from fop_bench.studies.paper.entries import ENTRIES

RECORDS = Path(__file__).parents[3] / "docs" / "results" / "reproduce"
SEEDS = 20


def test_all_cells_of_all_entries_are_on_record() -> None:
    asked = {cell.key for entry in ENTRIES.values() for cell in entry.cells(SEEDS)}
    assert asked == cell_records.read_cells(RECORDS).keys()


def test_every_stored_config_can_still_be_run() -> None:
    """It becomes a config of an algorithm, with every value that is stored; FOP's variants are recognised."""
    names = set()
    for cell in (cell for entry in ENTRIES.values() for cell in entry.cells(1) if "config" in cell.settings):
        algorithm, stored = cell.settings["algorithm"], cell.settings["config"]
        spec = fop_envs.make(cell.settings["game"]).spec
        name, config = learning_cells.restored_config(algorithm, spec, stored)
        names.add(name)
        former = {field: value for field, value in stored.items() if not hasattr(config, field)}
        assert msgspec.to_builtins(asdict(config)) | former == stored
        assert name == "fop-variant" or former.keys() == former_fields(algorithm, spec.action_kind).keys()
    assert {"fop", "fop-variant", "qmix", "masql"} <= names
    assert "fop-published" not in names


@pytest.mark.parametrize(
    ("changes", "name"),
    [({}, "fop"), ({"compat": "official"}, "fop-published"), ({"baseline": "max"}, "fop-variant")],
)
def test_the_field_says_which_form(changes: dict[str, str], name: str) -> None:
    spec = fop_envs.make("matrix").spec
    stored = learning_cells.stored_config("fop", spec, changes)
    assert learning_cells.restored_config("fop", spec, stored)[0] == name
