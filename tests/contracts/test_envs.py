"""Every environment of the catalogue keeps the protocol's promises."""

import pytest

import fop_envs


@pytest.mark.parametrize("name", list(fop_envs.CATALOGUE))
def test_environment_conforms(name):
    fop_envs.check_env(lambda n_envs, seed: fop_envs.make(name, n_envs, seed), n_envs=2, episodes=2)


@pytest.mark.parametrize("name", list(fop_envs.CATALOGUE))
def test_entry_says_in_one_line_what_it_is(name):
    entry = fop_envs.CATALOGUE[name]
    assert entry.summary
    assert "\n" not in entry.summary
    assert entry.group in ("game", "map", "template")
