from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from fop_algos.algorithms.fop import GAMES, Fop
from fop_algos.functional.schedules import Temperature
from fop_algos.functional.temperatures import Temperatures
from fop_algos.training.snapshots import snapshots
from fop_algos.training.stack import stacked
from fop_algos.training.train import TrainState
from fop_core.types import Clock
from fop_envs.games.matrix import MatrixGame


def temperatures(individual: str = "tied", rate: float = 0.5, **schedule: Any) -> Temperatures:
    return Temperatures(Temperature(1.0, 0.01, **schedule), individual, rate, n_agents=2)


def test_exponential_annealing_falls_by_the_same_factor() -> None:
    alpha = Temperature(1.0, 0.01, 100, "updates", kind="exponential")
    assert [alpha(Clock(updates=u)) for u in (0, 50, 100, 1000)] == pytest.approx([1, 0.1, 0.01, 0.01])
    with pytest.raises(ValueError, match="needs 0 < end"):
        Temperature(1.0, 0.0, 100, kind="exponential")


def test_automatic_cools_above_the_target_and_warms_below() -> None:
    """`J(alpha) = alpha (H - target)`; its gradient in `log alpha` is `alpha (H - target)`."""
    learned = temperatures(kind="automatic", target_entropy=0.5)
    for entropy, slope in ((0.9, 0.4), (0.1, -0.4)):
        (gradient,) = torch.autograd.grad(learned.loss(torch.tensor(entropy)), learned.log_alpha)
        assert gradient.item() == pytest.approx(slope)
    with torch.no_grad():
        learned.log_alpha.fill_(-20.0)
    learned.clamp_alpha()
    assert learned.of_team(Clock()).item() == pytest.approx(0.01)


def test_equation_17_by_hand() -> None:
    """Agent 0: (1 + 3) / 2 = 2 over (0.5 * 2 + 1.5 * 2) / 2 = 2: ratio 1. Agent 1: 3 over 1.5: ratio 2."""
    average = temperatures("average")
    advantage = torch.tensor([[[1.0, 3.0], [3.0, 3.0], [math.nan, math.nan]]])
    lam = torch.tensor([[[0.5, 0.5], [1.5, 0.5], [9.0, 9.0]]])
    sampled = torch.tensor([[[2.0, 3.0], [2.0, 3.0], [9.0, 9.0]]])
    average.update_ratios(advantage, lam, sampled, torch.tensor([[True, True, False]]))
    assert average.ratio.tolist() == pytest.approx([1.0, 1.5])  # half way from 1
    assert average.of_agents(0.2).flatten().tolist() == pytest.approx([0.2, 0.3])


def test_constant_weights_give_the_ratio_back() -> None:
    """`lambda_i = alpha / alpha_i` is a fixed point of (17) and of `J(alpha_i)`."""
    ratio = torch.tensor([0.5, 4.0])
    gain = torch.randn(3, 2, 2, generator=torch.Generator().manual_seed(0))
    for kind in ("average", "objective"):
        own = temperatures(kind, rate=0.25)
        for _ in range(60):
            own.update_ratios(gain, (1 / ratio).expand_as(gain), gain, torch.ones(3, 2, dtype=torch.bool))
        torch.testing.assert_close(own.ratio.data, ratio)


def test_objective_steps_down_its_gradient() -> None:
    own = temperatures("objective", rate=0.1)
    lam = torch.tensor([[[0.5, 2.0], [1.0, 0.25]]])
    expected = own.ratio.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad((expected - 1 / lam).square().mean((0, 1)).sum(), expected)
    before = own.ratio.detach().clone()
    own.update_ratios(lam, lam, lam, torch.ones(1, 2, dtype=torch.bool))
    torch.testing.assert_close(own.ratio.detach(), before - 0.1 * gradient)


@pytest.mark.parametrize("alpha_i", ["tied", "average", "objective"])
@pytest.mark.parametrize("kind", ["linear", "automatic"])
def test_every_choice_trains_and_saves_what_it_learns(alpha_i: Any, kind: Any) -> None:
    from dataclasses import replace

    alpha = Temperature(1.0, 0.01, 100, "updates", kind=kind, target_entropy=0.5)
    config = replace(GAMES, alpha=alpha, alpha_i=alpha_i, alpha_i_rate=0.1, learning_rate=0.01)
    spec = MatrixGame().spec
    fop = stacked(lambda seed: Fop("fop", spec, config, seed), (0, 1))
    *_, last = snapshots(TrainState.of(fop), MatrixGame(n_envs=2), updates=60)
    learns = kind == "automatic" or alpha_i != "tied"
    assert ("temperatures" in fop.modules) == learns
    if kind == "automatic":  # the policies start uniform, above the target
        assert all(0.3 < value < 0.9 for value in last.metrics["alpha"])
    if alpha_i != "tied":
        ratios = fop.modules["temperatures"].ratio
        assert ratios.shape == (2, 2)
        assert (ratios != 1).all()
