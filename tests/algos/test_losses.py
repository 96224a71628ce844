"""Losses, targets, schedules, exploration: worked by hand or from another statement of the same maths."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fop_algos.algorithms import value_decomposition as vd
from fop_algos.functional.exploration import draw, epsilon_greedy, epsilon_mixture, greedy
from fop_algos.functional.losses import masked_mean, policy_loss, td_loss
from fop_algos.functional.returns import td_lambda_target
from fop_algos.functional.schedules import LinearSchedule, Temperature
from fop_algos.native_ops import soft_value
from fop_core.types import Clock, TaskSpec


def test_td_loss_by_hand_ignores_padding() -> None:
    q_tot = torch.tensor([[1.0, 2.0], [3.0, math.nan]], requires_grad=True)
    target = torch.tensor([[0.0, 4.0], [3.5, math.inf]])
    mask = torch.tensor([[True, True], [True, False]])
    loss = td_loss(q_tot, target, mask)
    assert loss.item() == pytest.approx((1 + 4 + 0.25) / 3)
    loss.backward()
    assert q_tot.grad is not None
    assert q_tot.grad[0].tolist() == pytest.approx([2 / 3, -4 / 3])


def test_masked_mean_is_over_real_steps_only() -> None:
    assert masked_mean(torch.tensor([[2.0, 9.0]]), torch.tensor([[True, False]])).item() == 2.0


def test_policy_loss_by_hand() -> None:
    # pi = (1/4, 3/4), q = (1, 2), alpha = 0.5: 0.5 (1/4 ln 1/4 + 3/4 ln 3/4) - (1/4 + 6/4)
    logits = torch.log(torch.tensor([0.25, 0.75])).view(1, 1, 1, 2)
    pi = soft_value(logits, None, 1.0)
    loss = policy_loss(pi, torch.tensor([1.0, 2.0]).view(1, 1, 1, 2), 0.5, torch.ones(1, 1, dtype=torch.bool))
    expected = 0.5 * (0.25 * math.log(0.25) + 0.75 * math.log(0.75)) - 1.75
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_policy_loss_is_least_at_the_boltzmann_policy() -> None:
    q = torch.tensor([1.0, -2.0, 0.5]).view(1, 1, 1, 3)
    available = torch.tensor([True, False, True]).view(1, 1, 1, 3)
    mask = torch.ones(1, 1, dtype=torch.bool)
    logits = (q / 0.7).clone().requires_grad_()
    loss = policy_loss(soft_value(logits, available, 1.0), q, 0.7, mask)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-6  # stationary, and
    for k in range(20):  # nothing near it is better
        nudged = logits.detach() + torch.randn(3, generator=torch.Generator().manual_seed(k))
        assert policy_loss(soft_value(nudged, available, 1.0), q, 0.7, mask) > loss.detach()


def test_padding_gives_finite_policy_gradients() -> None:
    logits = torch.zeros(1, 2, 1, 3, requires_grad=True)
    available = torch.tensor([[True, True, False], [False, False, False]]).view(1, 2, 1, 3)
    loss = policy_loss(
        soft_value(logits, available, 1.0), torch.ones(1, 2, 1, 3), 0.1, torch.tensor([[True, False]])
    )
    loss.backward()
    assert logits.grad is not None
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[0, 1] == 0).all()


def test_targets_terminated_truncated_padded(new_batch) -> None:
    batch = new_batch([3, 2], [True, False])
    values = torch.tensor([[1.0, 2.0, 50.0], [3.0, 4.0, 60.0]])
    r = batch.reward.double().numpy()
    one_step = td_lambda_target(batch, values, 0.9, 0.0)
    assert one_step[0].tolist() == pytest.approx(
        [r[0, 0] + 0.9, r[0, 1] + 1.8, r[0, 2]]
    )  # ended: no bootstrap
    assert one_step[1].tolist() == pytest.approx([r[1, 0] + 2.7, r[1, 1] + 3.6, 0.0])  # cut off: bootstraps
    monte_carlo = td_lambda_target(batch, values, 0.9, 1.0)
    assert monte_carlo[0, 0].item() == pytest.approx((r[0, 0] + 0.9 * r[0, 1] + 0.81 * r[0, 2]), abs=1e-6)
    assert monte_carlo[1, 0].item() == pytest.approx((r[1, 0] + 0.9 * r[1, 1] + 0.81 * 4.0), abs=1e-6)
    half = td_lambda_target(batch, values, 0.9, 0.5)
    last = r[1, 1] + 0.9 * 4.0
    assert half[1, 0].item() == pytest.approx((r[1, 0] + 0.9 * (0.5 * 3.0 + 0.5 * last)), abs=1e-6)


def test_schedule_at_start_middle_end() -> None:
    alpha = Temperature(0.5, 0.05, 200_000)
    at = [alpha(Clock(env_steps=t)) for t in (0, 100_000, 200_000, 10**9)]
    assert at == pytest.approx([0.5, 0.275, 0.05, 0.05])
    assert LinearSchedule(1.0, 0.0, 10, "updates")(Clock(env_steps=99, episodes=99, updates=5)) == 0.5
    assert LinearSchedule(0.3, 0.2)(Clock()) == 0.2


def test_target_copies_are_counted_in_episodes() -> None:
    learner = vd.ValueDecomposition("any", TaskSpec("task", 1, 1, 1, 1, 1), vd.ValueDecompositionConfig(), 0)

    def copied(episodes: int) -> bool:
        own, target = (next(learner.modules[name].parameters()) for name in ("agent", "target_agent"))
        torch.nn.init.uniform_(own)
        learner.copy_targets(Clock(episodes=episodes), 200)
        return torch.equal(own, target)

    assert [copied(episodes) for episodes in (199, 200, 399, 400)] == [False, True, False, True]


@given(
    st.lists(st.sampled_from([0.0, 1e-8, 0.1, 1.0, 3.0]), min_size=1, max_size=8).filter(any),
    st.integers(0, 2**24 - 1),
)
def test_draw_never_takes_an_impossible_action(weights: list[float], k: int) -> None:
    assert weights[int(draw(torch.tensor(weights), torch.tensor(k / 2**24)))] > 0


def test_draw_follows_the_probabilities() -> None:
    u = (torch.arange(1000) + 0.5) / 1000
    counts = torch.bincount(draw(torch.tensor([1.0, 0.0, 3.0]).expand(1000, 3), u), minlength=3)
    assert counts.tolist() == [250, 0, 750]


def test_epsilon_greedy_by_hand() -> None:
    q, available = torch.tensor([5.0, 1.0, 2.0]), torch.tensor([False, True, True])
    assert greedy(q, available).item() == 2
    explored = [
        epsilon_greedy(q, available, 0.3, torch.tensor(u)).item()
        for u in ([0.2, 0.1], [0.2, 0.9], [0.3, 0.1])
    ]
    assert explored == [1, 2, 2]


def test_epsilon_mixture_sums_to_one_and_respects_the_mask() -> None:
    pi, available = (
        torch.tensor([[0.25, 0.0, 0.75], [0.0, 0.0, 0.0]]),
        torch.tensor([[1, 0, 1], [0, 0, 0]]).bool(),
    )
    mixed = epsilon_mixture(pi, available, 0.2)
    assert mixed[0].tolist() == pytest.approx([0.3, 0.0, 0.7])
    assert mixed[1].tolist() == [0.0, 0.0, 0.0]
