"""Policies for continuous actions, against quadrature and torch's own distributions."""

from __future__ import annotations

import pytest
import torch
from torch import distributions as dist

from fop_algos.functional.continuous_actions import from_scale, log_slope, to_normal, to_scale
from fop_algos.networks.policies import LOG_STD, SquashedGaussian
from fop_core.types import TaskSpec

SPEC = TaskSpec("t", 2, 0, 1, 1, 1, "continuous", 1, -3.0, 5.0)


def policy(mean: float, log_std: float) -> SquashedGaussian:
    return SquashedGaussian(
        torch.tensor([[mean]], dtype=torch.float64), torch.tensor([[log_std]], dtype=torch.float64)
    )


@pytest.mark.parametrize(("mean", "log_std"), [(0.0, 0.0), (1.5, -1.0), (-2.0, 0.5), (0.3, -3.0)])
def test_the_density_of_scaled_actions_integrates_to_one(mean: float, log_std: float) -> None:
    """Midpoint rule in the action itself, so that the tanh's slope has to be right."""
    n = 400_000
    u = (torch.arange(n, dtype=torch.float64) + 0.5) * (2 / n) - 1
    density = policy(mean, log_std).log_density(torch.atanh(u)[:, None, None]).exp()
    assert density.sum().item() * 2 / n == pytest.approx(1, abs=1e-4)


def test_log_densities_are_those_of_torch() -> None:
    torch.manual_seed(0)
    mean, log_std, normal = torch.randn(3, 7, 2, 1, dtype=torch.float64).unbind(0)
    ours = SquashedGaussian(mean, log_std)
    action, log_pi = ours.sample_with_log(normal)
    theirs = dist.TransformedDistribution(
        dist.Normal(mean, log_std.exp()), [dist.TanhTransform(cache_size=1)]
    )
    assert torch.allclose(log_pi, theirs.log_prob(action).sum(-1), atol=1e-8)
    assert torch.allclose(ours.log_density(mean + log_std.exp() * normal), log_pi, atol=1e-12)
    assert torch.equal(ours.sample(normal), action)


def test_far_out_the_slope_neither_overflows_nor_vanishes() -> None:
    z = torch.tensor([-60.0, 0.0, 60.0])
    assert log_slope(z).tolist() == pytest.approx(
        [-120 + 2 * 0.6931472 * 1, 0, -120 + 2 * 0.6931472], abs=1e-4
    )
    assert torch.log(1 - torch.tanh(z[2]) ** 2) == -torch.inf  # what the naive form makes of it
    assert LOG_STD[0] < 0 < LOG_STD[1]


def test_scaling_there_and_back() -> None:
    actions = torch.tensor([-3.0, 1.0, 5.0, 2.0])
    assert to_scale(actions, SPEC).tolist() == [-1, 0, 1, 0.25]
    assert torch.equal(from_scale(to_scale(actions, SPEC), SPEC), actions)
    assert from_scale(torch.tensor([-1.5, 1.0000001]), SPEC).tolist() == [-3, 5]


def test_two_uniforms_make_a_normal_number() -> None:
    uniform = torch.rand(200_000, 1, 2, generator=torch.Generator().manual_seed(0))
    z = to_normal(uniform).flatten()
    assert z.mean().item() == pytest.approx(0, abs=0.01)
    for edge in (-2.0, -1.0, 0.0, 0.5, 1.5):  # the normal distribution function
        share = dist.Normal(0.0, 1.0).cdf(torch.tensor(edge)).item()
        assert (z < edge).float().mean().item() == pytest.approx(share, abs=0.005)
    assert torch.isfinite(to_normal(torch.tensor([[0.0, 0.3], [1 - 2**-24, 0.0]]))).all()
