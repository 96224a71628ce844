"""The catalogue: how it comes about, names, variants."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from dataclasses import fields, replace

import pytest

import fop_envs
from fop_algos import algorithms, catalogue
from fop_algos.algorithms.fmq import FORMS
from fop_core.errors import FopError, UnknownName


def test_every_file_of_the_folder_is_in_it() -> None:
    found = {
        form.make.__module__.rpartition(".")[-1]
        for entry in catalogue.CATALOGUE.values()
        for form in entry.forms.values()
    }
    assert found == {module.name for module in pkgutil.iter_modules(algorithms.__path__)}
    assert list(catalogue.CATALOGUE) == sorted(catalogue.CATALOGUE)


def test_forms_of_one_name_make_one_entry() -> None:
    (fmq,) = FORMS
    both = catalogue.collect([replace(fmq, action_kind="continuous", summary="other"), fmq])
    assert list(both) == ["fmq"]
    assert both["fmq"].action_kinds == ("discrete", "continuous")
    assert both["fmq"].summary == fmq.summary


@pytest.mark.parametrize("name", ["a-b", "a_b"])
def test_a_name_twice_is_an_error(name: str) -> None:
    (fmq,) = FORMS
    with pytest.raises(ValueError, match=f"{name} with discrete actions is in the catalogue twice"):
        catalogue.collect([replace(fmq, name="a-b"), replace(fmq, name=name)])


def test_either_stroke_finds_a_name() -> None:
    assert catalogue.entry("fop_published").name == "fop-published"
    assert catalogue.entry("qtran-base").name == "qtran_base"
    spec = fop_envs.make("matrix").spec
    assert catalogue.build("qtran-base", spec).name == "qtran_base"
    with pytest.raises(UnknownName, match="unknown algorithm 'fop-publishd'; did you mean fop-published"):
        catalogue.entry("fop-publishd")


def test_the_form_that_plays_one_step_is_named() -> None:
    spec = replace(fop_envs.make("differential").spec, episode_limit=5)
    with pytest.raises(FopError, match="fop with continuous actions plays games of one step only"):
        catalogue.check_plays("fop", spec)
    assert catalogue.entry("maddpg").plays(spec)


def test_variants_have_all_fields_of_what_they_vary_and_its_settings() -> None:
    variants = [entry for entry in catalogue.CATALOGUE.values() if entry.variant_of]
    assert [entry.name for entry in variants] == ["fop-published", "fop-variant"]
    for entry in variants:
        for kind, form in entry.forms.items():
            of = catalogue.entry(str(entry.variant_of)).form(kind)
            added = {f.name for f in fields(form.games)} - {f.name for f in fields(of.games)}
            assert added <= set(form.former_fields)
            assert vars(of.games).items() <= vars(form.games).items()


def test_looking_at_the_module_imports_no_torch() -> None:
    code = "import sys, fop_algos.catalogue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
