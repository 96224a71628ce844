"""What every algorithm of the catalogue promises, on every small task it supports."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator

import numpy as np
import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.training.train import TrainState, train
from fop_core.replay import EpisodeReplay
from fop_core.types import ActionKind, Clock

TASKS = ("matrix", "dummy", "differential")
CASES = [
    (name, task)
    for name, entry in catalogue.CATALOGUE.items()
    for task in TASKS
    if entry.plays(fop_envs.make(task).spec)
]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def run(name: str, task: str, seed: int = 1) -> TrainState:
    env = fop_envs.make(task, n_envs=2, seed=seed)
    config = catalogue.entry(name).config_for(env.spec)
    config = dataclasses.replace(config, burn_in_episodes=4, batch_episodes=4, buffer_episodes=9)
    state = TrainState(
        catalogue.build(name, env.spec, config, seed), EpisodeReplay(env.spec, config.buffer_episodes, seed)
    )
    for event in train(state, env, updates=3):
        metrics = getattr(event, "metrics", {})
        assert all(np.isfinite(value) for value in metrics.values())
    assert metrics
    return state


@pytest.mark.parametrize(("name", "task"), CASES)
def test_it_trains_and_repeats(name: str, task: str) -> None:
    one, other = run(name, task), run(name, task)
    mine, theirs = one.algorithm.modules.state_dict(), other.algorithm.modules.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in mine.items())
    assert one.clock.updates == 3


@pytest.mark.parametrize(("name", "task"), CASES)
def test_another_seed_is_another_run(name: str, task: str) -> None:
    mine = run(name, task).algorithm.modules.state_dict()
    theirs = run(name, task, seed=2).algorithm.modules.state_dict()
    assert any(not torch.equal(value, theirs[key]) for key, value in mine.items())


@pytest.mark.parametrize(("name", "task"), CASES)
def test_it_learns_something_and_owns_its_state(name: str, task: str) -> None:
    env = fop_envs.make(task)
    config = catalogue.entry(name).config_for(env.spec)
    fresh = catalogue.build(
        name, env.spec, dataclasses.replace(config, batch_episodes=4, burn_in_episodes=4), 1
    )
    trained = run(name, task).algorithm
    before, after = fresh.modules.state_dict(), trained.modules.state_dict()
    changed = {key.split(".")[0] for key, value in after.items() if not torch.equal(value, before[key])}
    learning = {key.split(".")[0] for key in after if not key.startswith("target_")}
    assert changed == learning  # all that learns moved, target nets stand still until they are copied
    optimised = {
        id(p) for o in trained.optimisers.values() for group in o.param_groups for p in group["params"]
    }
    assert optimised <= {id(p) for p in trained.modules.parameters()}


@pytest.mark.parametrize(("name", "task"), CASES)
def test_actions_are_available_and_rows_do_not_matter_to_each_other(name: str, task: str) -> None:
    algorithm = run(name, task).algorithm
    spec, rng = algorithm.spec, torch.Generator().manual_seed(0)
    obs = torch.randn(16, spec.n_agents, spec.obs_dim, generator=rng)
    available = torch.rand(16, spec.n_agents, spec.n_actions, generator=rng) < 0.5
    available[..., -1:] = True
    uniform = torch.rand(16, spec.n_agents, 2, generator=rng)
    for explore in (True, False):
        arguments = (available, algorithm.start(16), uniform, Clock(), explore)
        actions, memory = algorithm.act(obs, *arguments)
        if spec.action_kind == "discrete":
            assert available.gather(-1, actions.unsqueeze(-1)).all()
        else:
            assert actions.shape == (16, spec.n_agents, spec.action_dim)
            assert ((spec.action_low <= actions) & (actions <= spec.action_high)).all()
        assert memory.shape == algorithm.start(16).shape
        other = obs.clone()
        other[8:] = 7.0
        assert torch.equal(algorithm.act(other, *arguments)[0][:8], actions[:8])


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name, e in catalogue.CATALOGUE.items() for kind in e.action_kinds]
)
def test_every_field_of_its_config_is_explained_and_frozen(name: str, kind: ActionKind) -> None:
    entry = catalogue.entry(name).form(kind)
    assert type(entry.games) is type(entry.smac)
    assert catalogue.entry(name).summary
    for config in type(entry.smac).__mro__[:-1]:
        lines = inspect.getsource(config).splitlines()
        for field in inspect.get_annotations(config):
            at = next(k for k, line in enumerate(lines) if line.startswith(f"    {field}:"))
            assert lines[at + 1].strip().startswith('"""'), f"{config.__name__}.{field} has no docstring"
    with pytest.raises(dataclasses.FrozenInstanceError):
        entry.smac.batch_episodes = 1
