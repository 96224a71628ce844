"""VDN, QMIX, QPLEX, Qatten, IQL: double-Q targets worked out anew, and their nets."""

from __future__ import annotations

import pytest
import torch

from fop_algos import catalogue
from fop_algos.algorithms.iql import IndependentQ, IqlConfig
from fop_algos.algorithms.value_decomposition import ValueDecomposition, ValueDecompositionConfig
from fop_algos.bases.value_mixing import utilities
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.networks.mixers.base import Utilities
from fop_algos.training.train import train
from fop_core.errors import NotFinite
from fop_core.types import TaskSpec

SPEC = TaskSpec("t", 2, 3, 4, 5, 6)


def test_double_q_targets(new_batch) -> None:
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


def shaken(algorithm: ValueDecomposition | IndependentQ) -> None:
    """Live nets that differ from the frozen ones."""
    torch.manual_seed(0)
    for name, net in algorithm.modules.items():
        for parameter in net.parameters() if not name.startswith("target_") else ():
            parameter.data += 0.3 * torch.randn_like(parameter)


def choices(batch: EpisodeBatch, q: torch.Tensor, b: int, t: int) -> list[int]:
    allowed = [[a for a in range(3) if batch.available[b, t, i, a]] for i in range(2)]
    return [max(own, key=lambda a, i=i: q[b, t, i, a].item()) for i, own in enumerate(allowed)]


def test_iql_is_a_loss_for_each_agent(new_batch) -> None:
    iql = IndependentQ("iql", SPEC, IqlConfig(), 0)
    batch = new_batch([3, 5], [True, False])
    shaken(iql)
    q = iql.agent.unroll(batch.obs, batch.last_onehot)
    frozen = iql.target_agent.unroll(batch.obs, batch.last_onehot)
    loss, _ = iql.loss(batch)
    squares = []
    for b, length in enumerate([3, 5]):
        for t in range(length):
            best = choices(batch, q, b, t + 1)
            live = 0.0 if batch.terminated[b, t] else 0.99
            for i in range(2):
                y = batch.reward[b, t].item() + live * frozen[b, t + 1, i, best[i]].item()
                squares.append((q[b, t, i, batch.actions[b, t, i]].item() - y) ** 2)
    assert len(squares) == 16
    assert loss.item() == pytest.approx(sum(squares) / 16, rel=1e-5)


def test_qplex_targets_compare_with_the_frozen_best(new_batch) -> None:
    """The live net's action isn't always the frozen net's best: then the target has an advantage too."""
    qplex = ValueDecomposition("qplex", SPEC, ValueDecompositionConfig(mixer="qplex"), 0)
    batch = new_batch([3, 5], [True, False])
    shaken(qplex)
    q = qplex.agent.unroll(batch.obs, batch.last_onehot).detach()
    frozen = qplex.target_agent.unroll(batch.obs, batch.last_onehot)
    target = qplex.target(batch, q)
    differ = 0
    for b, length in enumerate([3, 5]):
        for t in range(length):
            best, frozen_best = choices(batch, q, b, t + 1), choices(batch, frozen, b, t + 1)
            differ += best != frozen_best and not batch.terminated[b, t]
            chosen = torch.stack([frozen[b, t + 1, i, best[i]] for i in range(2)])
            most = torch.stack([frozen[b, t + 1, i, frozen_best[i]] for i in range(2)])
            u = Utilities(chosen, most, onehot(torch.tensor(best), 3))
            value = qplex.target_mixer.forward(u, batch.state[b, t + 1]).item()
            live = 0.0 if batch.terminated[b, t] else 0.99
            assert target[b, t].item() == pytest.approx(batch.reward[b, t].item() + live * value, abs=1e-5)
    assert differ


def test_baselines_are_the_best_available_values() -> None:
    q = torch.tensor([[[3.0, 1.0, 2.0], [5.0, 4.0, 6.0], [9.0, 8.0, 7.0]]], requires_grad=True)
    available = torch.tensor([[[False, True, True], [True, True, False], [False, False, False]]])
    u = utilities(q, torch.tensor([[1, 0, 0]]), torch.zeros(1, 3, 3), available)
    assert u.chosen.tolist() == [[1.0, 5.0, 9.0]]
    assert u.baseline.tolist() == [[2.0, 5.0, 9.0]]  # the last row is padding: finite, no advantage
    assert not u.baseline.requires_grad


@pytest.mark.parametrize("name", ["qplex", "qatten", "iql"])
def test_padding_does_not_matter(new_batch, name: str) -> None:
    algorithm = catalogue.build(name, SPEC)
    assert isinstance(algorithm, ValueDecomposition | IndependentQ)
    batch = new_batch([2, 5], [True, False])
    gradients = []
    for padding in (0.0, 50.0):
        batch.state[0, 3:] = padding
        batch.reward[0, 2:] = padding
        batch.available[0, 3:] = False
        loss, _ = algorithm.loss(batch)
        algorithm.optimiser.zero_grad()
        loss.backward()
        gradients.append([p.grad.clone() for p in algorithm.agent.parameters() if p.grad is not None])
    assert any((g != 0).any() for g in gradients[0])
    for one, other in zip(*gradients, strict=True):
        assert torch.isfinite(one).all()
        assert torch.equal(one, other)


def test_the_loss_of_qatten_holds_its_penalty(new_run) -> None:
    """With attention logits that are the same, only the weight of their squares differs."""
    losses = []
    for weight in (0.0, 100.0):
        state, env = new_run("qatten", "matrix", logit_penalty=weight)
        for event in train(state, env, updates=1):
            metrics = getattr(event, "metrics", {})
        losses.append(metrics["td_loss"])
    fresh, _ = new_run("qatten", "matrix", logit_penalty=100.0)
    assert losses[1] - losses[0] == pytest.approx(
        fresh.algorithm.mixer.penalty(torch.ones(1)).item(), rel=1e-4
    )


def test_a_mixer_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="mixer is vdn; iql has none"):
        IqlConfig(mixer="vdn")
    with pytest.raises(ValueError, match="mixer is none, which only iql takes"):
        ValueDecomposition("vdn", SPEC, ValueDecompositionConfig(mixer="none"), 0)
    with pytest.raises(ValueError, match="weight_layers is 2; it must be 1 or 3"):
        ValueDecompositionConfig(weight_layers=2)


@pytest.mark.parametrize("kind", ["shared_gru", "shared_mlp", "separate_mlp"])
def test_unrolling_equals_stepping(new_batch, kind: str) -> None:
    config = ValueDecompositionConfig(agent=kind)
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
        agent = ValueDecomposition("vdn", spec, ValueDecompositionConfig(agent=kind), 0)
        q, _ = agent.agent.step(torch.ones(1, 2, 4), agent.start(1))
        assert (q[0, 0] != q[0, 1]).all()


def test_target_nets_are_copied_after_so_many_episodes(new_run) -> None:
    state, env = new_run("qmix", "dummy", target_update_episodes=6)
    modules = state.algorithm.modules
    copied = []
    for event in train(state, env, updates=12):
        same = torch.equal(modules["agent"].output.weight, modules["target_agent"].output.weight)
        copied += [event.clock.episodes] if same and event.metrics else []
    assert copied == [6, 12]


def test_nan_stops(new_run) -> None:
    state, env = new_run("vdn", "dummy")
    for _ in train(state, env, updates=1):
        pass
    state.algorithm.modules["agent"].output.bias.data[0] = float("inf")
    with pytest.raises(NotFinite, match=r"td_loss is (nan|inf) at update 2"):
        state.algorithm.update(state.replay, state.clock)
