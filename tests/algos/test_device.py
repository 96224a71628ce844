"""An algorithm's tensors are where its device is: nothing of acting and of an update is made elsewhere.

Torch's `meta` device, which has shapes and no numbers, stands for a graphics processor: it is at hand
everywhere, and whatever mixes it with the CPU is seen here, operation by operation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithm import Algorithm, Draws, HasIndividualValues, HasJointValue
from fop_algos.batch import EpisodeBatch
from fop_algos.training.stack import stackable, stacked
from fop_algos.training.train import TrainState, train
from fop_core.types import Clock

CASES = [
    (name, task)
    for name, entry in catalogue.CATALOGUE.items()
    for task in ("matrix", "dummy", "differential")
    if entry.plays(fop_envs.make(task).spec)
]
aten = torch.ops.aten


class ElsewhereMode(TorchDispatchMode):
    """Lists operations that leave a tensor on the CPU, or mix one in; numbers that are read are invented."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.allowed = 0

    @contextlib.contextmanager
    def allow(self) -> Iterator[None]:
        """Random draws and the replay's batches are meant to be made on the CPU, and brought from there."""
        self.allowed += 1
        try:
            yield
        finally:
            self.allowed -= 1

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        meta = any(x.is_meta for x in given)
        if meta and op in (aten._local_scalar_dense.default, aten.item.default, aten.is_nonzero.default):
            return given[0].dtype is torch.bool or 0.5
        if meta and op is aten._to_copy.default and kwargs.get("device") == torch.device("cpu"):
            return torch.zeros(given[0].shape, dtype=kwargs.get("dtype") or given[0].dtype)
        transfer = op is aten._to_copy.default or op is aten.copy_.default
        if meta and any(not x.is_meta for x in given) and not transfer:
            self.found.append(f"{op} mixes devices")
        made = op(*args, **kwargs)
        if not self.allowed and any(isinstance(x, Tensor) and not x.is_meta for x in tree_leaves(made)):
            self.found.append(f"{op} on the CPU")
        return made


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> ElsewhereMode:
    mode = ElsewhereMode()

    drawn, batch_of = Draws._drawn, EpisodeBatch.of

    def brought(draws: Draws, *args: Any) -> Tensor:
        with mode.allow():
            found = drawn(draws, *args)
        assert found.is_meta
        return found

    def brought_batch(*args: Any) -> EpisodeBatch:
        with mode.allow():
            batch = batch_of(*args)
        assert all(x.is_meta for x in vars(batch).values() if isinstance(x, Tensor))
        return batch

    monkeypatch.setattr(Draws, "_drawn", brought)
    monkeypatch.setattr(EpisodeBatch, "of", brought_batch)
    for optimiser in (torch.optim.Adam, torch.optim.RMSprop):  # torch's own, which don't know `meta`
        monkeypatch.setattr(optimiser, "step", lambda self: None)
    return mode


def watched(algorithm: Algorithm, mode: ElsewhereMode, monkeypatch: pytest.MonkeyPatch) -> Algorithm:
    """Every call that the loop makes of the algorithm, under the mode."""

    def under(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with mode:
                return call(*args, **kwargs)

        return wrapped

    for name in ("start", "act", "label", "update"):
        monkeypatch.setattr(algorithm, name, under(getattr(algorithm, name)))
    act, label, update = algorithm.act, algorithm.label, algorithm.update

    def brought(*args: Any) -> tuple[Tensor, Tensor]:
        """What the loop reads is invented, for `meta` has no numbers: everybody plays the first action."""
        actions, memory = act(*args)
        assert actions.is_meta
        assert memory.is_meta
        return torch.zeros(actions.shape, dtype=actions.dtype), memory

    def read(*args: Any) -> dict[str, Any]:
        return dict.fromkeys(update(*args), 0.0)

    monkeypatch.setattr(algorithm, "update", read)
    monkeypatch.setattr(algorithm, "act", brought)
    monkeypatch.setattr(
        algorithm, "label", lambda memory: torch.zeros(label(memory).shape, dtype=torch.int64)
    )
    return algorithm


def small(name: str, spec: Any) -> Any:
    config: Any = catalogue.entry(name).config_for(spec)
    fields = {"burn_in_episodes": 2, "batch_episodes": 2, "buffer_episodes": 8, "target_update_episodes": 1}
    return replace(config, **{key: value for key, value in fields.items() if hasattr(config, key)})


def run(algorithm: Algorithm, task: str, slots: int) -> TrainState:
    state = TrainState.of(algorithm)
    test_env = fop_envs.make(task, n_envs=slots)
    for _ in train(state, fop_envs.make(task, n_envs=slots), updates=2, test_env=test_env, test_episodes=1):
        pass
    return state


@pytest.mark.parametrize(("name", "task"), CASES)
def test_nothing_of_acting_and_updating_is_elsewhere(
    name: str, task: str, elsewhere: ElsewhereMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = fop_envs.make(task).spec
    algorithm = catalogue.build(name, spec, small(name, spec), 0, device="meta")
    assert all(p.is_meta for p in algorithm.modules.parameters())
    run(watched(algorithm, elsewhere, monkeypatch), task, 1)
    obs = torch.empty(2, spec.n_agents, spec.obs_dim, device="meta")
    state = torch.empty(2, spec.state_dim, device="meta")
    available = torch.ones(2, spec.n_agents, spec.n_actions, dtype=torch.bool, device="meta")
    continuous = spec.action_kind == "continuous"
    shape = (2, spec.n_agents, spec.action_dim) if continuous else (2, spec.n_agents)
    actions = torch.zeros(shape, dtype=torch.float32 if continuous else torch.int64, device="meta")
    with elsewhere:
        if isinstance(algorithm, HasJointValue) and task != "dummy":
            assert algorithm.joint_value(obs, state, available, actions, Clock()).is_meta
        if isinstance(algorithm, HasIndividualValues) and task != "dummy":
            assert algorithm.individual_values(obs, state).is_meta
    assert elsewhere.found == []


@pytest.mark.parametrize(("name", "task"), [case for case in CASES if case[1] != "dummy"])
def test_nor_of_a_stacks(
    name: str, task: str, elsewhere: ElsewhereMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = fop_envs.make(task).spec
    config = small(name, spec)
    if not stackable(catalogue.build(name, spec, config)):
        pytest.skip(f"{name} has recurrent nets")
    algorithm = stacked(lambda seed: catalogue.build(name, spec, config, seed), (0, 1)).to("meta")
    run(watched(algorithm, elsewhere, monkeypatch), task, 2)
    assert elsewhere.found == []


@pytest.mark.parametrize("fault", ["made", "mixed"])
def test_what_is_elsewhere_is_found(
    fault: str, elsewhere: ElsewhereMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = fop_envs.make("matrix").spec
    algorithm = catalogue.build("vdn", spec, small("vdn", spec), 0, device="meta")
    act = algorithm.act
    before = torch.ones(3)

    def faulty(*args: Any) -> Any:
        if fault == "made":
            torch.ones(3)
        else:
            with contextlib.suppress(RuntimeError):
                args[0].sum() + before
        return act(*args)

    monkeypatch.setattr(algorithm, "act", faulty)
    run(watched(algorithm, elsewhere, monkeypatch), "matrix", 1)
    assert elsewhere.found


def test_the_cpu_shares_the_replays_memory() -> None:
    spec = fop_envs.make("dummy").spec
    state = run(catalogue.build("qmix", spec, small("qmix", spec), 0), "dummy", 1)
    episodes = state.replay.sample(2)
    assert EpisodeBatch.of(episodes).obs.data_ptr() == episodes.obs.ctypes.data
