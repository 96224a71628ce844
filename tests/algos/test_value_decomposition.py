"""VDN and QMIX: double-Q targets worked out anew, and their nets."""

from __future__ import annotations

import pytest
import torch

from fop_algos.algorithms.value_decomposition import ValueDecomposition, ValueDecompositionConfig
from fop_algos.train import train
from fop_core.errors import NotFinite
from fop_core.types import TaskSpec


def test_double_q_targets(new_batch) -> None:  # type: ignore[no-untyped-def]
    """The live net chooses among available actions, the frozen net values: step by step, in plain loops."""
    vdn = ValueDecomposition("vdn", TaskSpec("t", 2, 3, 4, 5, 6), ValueDecompositionConfig(mixer="vdn"), 0)
    batch = new_batch([3, 5], [True, False])
    for parameter in vdn.agent.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)  # the frozen net differs from the live one
    q = vdn.agent.unroll(batch.obs, batch.last_onehot).detach()
    frozen = vdn.target_agent.unroll(batch.obs, batch.last_onehot)
    target = vdn.target(batch, q)
    for b, length in enumerate([3, 5]):
        for t in range(length):
            value = 0.0
            for i in range(2):
                allowed = [a for a in range(3) if batch.available[b, t + 1, i, a]]
                best = max(allowed, key=lambda a, b=b, t=t, i=i: q[b, t + 1, i, a].item())
                value += frozen[b, t + 1, i, best].item()
            live = 0.0 if batch.terminated[b, t] else 1.0
            expected = batch.reward[b, t].item() + 0.99 * live * value
            assert target[b, t].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", ["shared_gru", "shared_mlp", "separate_mlp"])
def test_unrolling_equals_stepping(new_batch, kind: str) -> None:  # type: ignore[no-untyped-def]
    config = ValueDecompositionConfig(agent=kind)  # type: ignore[arg-type]
    agent = ValueDecomposition("qmix", TaskSpec("t", 2, 3, 4, 5, 6), config, 0)
    batch = new_batch([4, 4], [True, True])
    unrolled = agent.agent.unroll(batch.obs, batch.last_onehot)
    memory = agent.start(2)
    for t in range(4):
        q, hidden = agent.agent.step(batch.obs[:, t], memory)
        assert torch.allclose(q, unrolled[:, t], atol=1e-5)
        memory = agent.agent.remember(hidden, batch.actions[:, t])


def test_agents_are_told_apart() -> None:
    """Shared nets read the agent's number; separate nets have weights of their own."""
    spec = TaskSpec("t", 2, 3, 4, 5, 6)
    for kind in ("shared_gru", "shared_mlp", "separate_mlp"):
        agent = ValueDecomposition("vdn", spec, ValueDecompositionConfig(agent=kind), 0)  # type: ignore[arg-type]
        q, _ = agent.agent.step(torch.ones(1, 2, 4), agent.start(1))
        assert (q[0, 0] != q[0, 1]).all()


def test_target_nets_are_copied_after_so_many_episodes(new_run) -> None:  # type: ignore[no-untyped-def]
    state, env = new_run("qmix", "dummy", target_update_episodes=6)
    modules = state.algorithm.modules
    copied = []
    for event in train(state, env, updates=12):
        same = torch.equal(modules["agent"].output.weight, modules["target_agent"].output.weight)
        copied += [event.clock.episodes] if same and event.metrics else []
    assert copied == [6, 12]


def test_nan_stops(new_run) -> None:  # type: ignore[no-untyped-def]
    state, env = new_run("vdn", "dummy")
    for _ in train(state, env, updates=1):
        pass
    state.algorithm.modules["agent"].output.bias.data[0] = float("inf")
    with pytest.raises(NotFinite, match=r"td_loss is (nan|inf) at update 2"):
        state.algorithm.update(state.replay, state.clock)
