"""FOP's update: through the kernels, on the right nets, in the right order; and its seam with the replay."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from fop_algos import native_ops
from fop_algos.algorithm import Draws
from fop_algos.algorithms.fop import GAMES, Fop, FopConfig
from fop_algos.batch import EpisodeBatch
from fop_algos.training.train import train
from fop_core import kernels
from fop_core.errors import NotFinite
from fop_core.types import Clock, TaskSpec


class Counted:
    """The kernels, counting what is called."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(kernels, name)


def test_the_losses_go_through_the_kernels(new_run, monkeypatch) -> None:
    state, env = new_run("fop", "dummy")
    for _ in train(state, env, updates=1):
        pass
    counted = Counted()
    monkeypatch.setattr(native_ops, "kernels", counted)
    state.algorithm.update(state.replay, state.clock)
    # Policies of loss and target, v_i of two critics and two target critics; one mix each; one TD(lambda).
    assert counted.calls == {
        "soft_value": 6,
        "soft_value_backward": 1,
        "routed_mix": 4,
        "routed_mix_backward": 2,
        "td_lambda": 1,
    }


def test_an_update_by_hand_on_one_step_games(new_run) -> None:
    """The first update's losses equal another statement of them: y = r, closed-form policy loss."""
    state, env = new_run("fop", "matrix", burn_in_episodes=8, batch_episodes=8)
    fop = state.algorithm
    events = train(state, env, updates=1)
    for _ in range(7):
        next(events)
    before = {name: value.clone() for name, value in fop.modules.state_dict().items()}
    metrics = next(events).metrics
    played = EpisodeBatch.of(state.replay.latest(8))
    fop.modules.load_state_dict(before)
    alpha = fop.config.alpha(Clock())
    obs = played.obs[:, 0]
    q = fop.critics[0].unroll(obs.unsqueeze(1), torch.zeros(8, 1, 2, 3)).squeeze(1)
    pi = fop.actor.unroll(obs.unsqueeze(1), torch.zeros(8, 1, 2, 3)).squeeze(1).softmax(-1)
    policy_loss = (pi * (alpha * pi.log() - q)).sum(-1).mean()
    assert metrics["policy_loss"] == pytest.approx(policy_loss.item(), rel=1e-4)
    v = alpha * (q / alpha).logsumexp(-1)
    onehot = torch.nn.functional.one_hot(played.actions[:, 0], 3).float()
    lam = fop.mixers[0].weights(played.state[:, 0], onehot)
    chosen = (q * onehot).sum(-1)
    q_tot = (lam * (chosen - v)).sum(-1) + fop.mixers[0].v(played.state[:, 0]).squeeze(-1) + v.sum(-1)
    td_loss = (q_tot - played.reward[:, 0]).square().mean()
    assert metrics["td_loss_0"] == pytest.approx(td_loss.item(), rel=1e-4)


def test_twins_take_the_smaller_value(new_batch) -> None:
    """One twin raised alone changes next to nothing, one lowered alone all: no mean, no larger one."""
    fop = Fop("fop", TaskSpec("t", 2, 3, 4, 5, 6), FopConfig(td_lambda=0.0, gamma=1.0), 0)
    batch = new_batch([3, 5], [False, True])
    goes_on = batch.mask & ~batch.terminated

    def change(*by: float) -> Tensor:
        before = fop.target(batch, 0.3, 0.0, Draws(0, None, Clock()))
        for mixer, amount in zip(fop.target_mixers, by, strict=True):
            mixer.v[-1].bias.data += amount
        after = fop.target(batch, 0.3, 0.0, Draws(0, None, Clock()))
        for mixer, amount in zip(fop.target_mixers, by, strict=True):
            mixer.v[-1].bias.data -= amount
        return (after - before)[goes_on]

    for one, other in ((100.0, 0.0), (0.0, 100.0)):
        assert change(one, other).abs().max() < 5
        assert (change(-one, -other) + 100).abs().max() < 5
    torch.testing.assert_close(change(100.0, 100.0), torch.full((int(goes_on.sum()),), 100.0))


def test_padding_changes_nothing(new_batch) -> None:
    """An episode's targets are the same alone and beside a longer one; no NaN from rows without actions."""
    fop = Fop("fop", TaskSpec("t", 2, 3, 4, 5, 9), FopConfig(td_lambda=0.8), 0)
    for terminated in (False, True):
        beside = new_batch([3, 7], [terminated, True])
        alone = EpisodeBatch(
            *(getattr(beside, name)[:1, :4] for name in ("obs", "state", "available")),
            *(getattr(beside, name)[:1, :3] for name in ("actions", "reward", "terminated", "mask")),
            beside.label[:1],
        )
        # The drawn actions differ with the shape, so draw greedily: logits so far apart that any draw agrees.
        fop.modules["actor"].output.weight.data *= 1e4
        fop.modules["actor"].output.bias.data = torch.tensor([0.0, 3e3, 6e3])
        together = fop.target(beside, 0.1, 0.0, Draws(0, None, Clock()))
        single = fop.target(alone, 0.1, 0.0, Draws(0, None, Clock()))
        assert torch.isfinite(together).all()
        assert (together[0, 3:] == 0).all()
        assert torch.allclose(together[:1, :3], single, atol=1e-5)


@pytest.mark.parametrize("part", ["critic", "actor"])
def test_nan_stops_before_anything_changes(new_run, part: str) -> None:
    """What a loss that is NaN would have moved stays: all nets, or after the actor's step all critics."""
    state, env = new_run("fop", "dummy")
    for _ in train(state, env, updates=2):
        pass
    fop = state.algorithm
    net = fop.actor if part == "actor" else fop.mixers[0].v
    next(net.parameters()).data[0] = float("nan")
    stay = ("actor", "critics", "mixers") if part == "actor" else ("critics", "mixers")
    before = {k: v.clone() for k, v in fop.modules.state_dict().items() if k.startswith(stay)}
    what = "policy_loss" if part == "actor" else "td_loss_0"
    with pytest.raises(NotFinite, match=rf"{what} is nan at update 3 \(\d+ steps\)"):
        fop.update(state.replay, state.clock)
    after = fop.modules.state_dict()
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=0, atol=0, equal_nan=True)


def test_every_net_moves_by_its_own_loss_alone(new_run) -> None:
    """The gradient of each loss, whoever optimises what; and no optimiser has another's nets."""
    state, env = new_run("fop", "dummy")
    for _ in train(state, env, updates=1):
        pass
    fop = state.algorithm
    reached: dict[str, set[str]] = {}
    step = fop.gradient_step

    def spy(name: str, loss: Tensor, *args: Any) -> Any:
        parameters = dict(fop.modules.named_parameters())
        learned = {key: p for key, p in parameters.items() if p.requires_grad}
        slopes = torch.autograd.grad(loss, list(learned.values()), retain_graph=True, allow_unused=True)
        reached[name] = {
            ".".join(key.split(".")[: 1 if key.startswith("actor") else 2])
            for key, slope in zip(learned, slopes, strict=True)
            if slope is not None and slope.any()
        }
        return step(name, loss, *args)

    fop.gradient_step = spy
    fop.update(state.replay, state.clock)
    assert reached == {
        "policy_loss": {"actor"},
        "td_loss_0": {"critics.0", "mixers.0"},
        "td_loss_1": {"critics.1", "mixers.1"},
    }
    owned = [
        {id(p) for group in optimiser.param_groups for p in group["params"]}
        for optimiser in fop.optimisers.values()
    ]
    online = {id(p) for name in ("actor", "critics", "mixers") for p in fop.modules[name].parameters()}
    assert sum(map(len, owned)) == len(set.union(*owned))
    assert set.union(*owned) == online


def test_alpha_must_stay_away_from_zero() -> None:
    with pytest.raises(ValueError, match=r"alpha\.end is 0\.0; it must be from 0\.001"):
        replace(GAMES, alpha=replace(GAMES.alpha, end=0.0))
