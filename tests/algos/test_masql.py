"""MASQL: Stein's direction by hand, the density that samples should have, soft values by quadrature."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import fop_envs
from fop_algos.algorithm import Draws
from fop_algos.algorithms.masql import Masql, MasqlConfig, soft_value_of_samples, stein_direction
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.schedules import Temperature
from fop_core.types import Clock, TaskSpec

SPEC = TaskSpec("reach", 3, 0, 4, 5, 6, "continuous", 1, -10.0, 10.0)
GAME = fop_envs.make("differential").spec


def build(spec: TaskSpec = SPEC, **fields: Any) -> Masql:
    algorithm = Masql("masql", spec, MasqlConfig(hidden=16, **fields), 3)
    algorithm.modules.double()
    return algorithm


def test_stein_direction_of_two_particles_by_hand() -> None:
    """Squared distance 4, so `h = 4 / log 3` and the kernel between them is 1/3."""
    z, slope = torch.tensor([[0.0], [2.0]]).double(), torch.tensor([[3.0], [-1.0]]).double()
    push = 1 / 3 * 2 * 2 * math.log(3) / 4  # k (2 / h) |z_1 - z_2|
    expected = [(3 - 1 / 3 - push) / 2, (1 - 1 + push) / 2]
    assert stein_direction(z, slope).flatten().tolist() == pytest.approx(expected)


def test_stein_direction_of_three_particles_by_hand() -> None:
    """In the plane, squared distances 1, 4 and 5: the median is 4, `h = 4 / log 4`."""
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]).double()
    slope = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, -1.0]]).double()
    h = 4 / math.log(4)
    k01, k02, k12 = (math.exp(-d / h) for d in (1, 4, 5))
    expected = [
        [(1 - k02 - k01 * 2 / h) / 3, (2 * k01 - k02 - k02 * 4 / h) / 3],
        [(k01 - k12 + k01 * 2 / h + k12 * 2 / h) / 3, (2 - k12 - k12 * 4 / h) / 3],
        [(k02 - 1 - k12 * 2 / h) / 3, (2 * k12 - 1 + k02 * 4 / h + k12 * 4 / h) / 3],
    ]
    assert torch.allclose(stein_direction(z, slope), torch.tensor(expected).double())
    both = stein_direction(torch.stack((z, z + 5)), torch.stack((slope, slope)))
    assert torch.allclose(both[0], both[1])  # rows don't see each other, and places don't matter


def test_particles_on_one_spot_stay_finite() -> None:
    assert torch.isfinite(stein_direction(torch.zeros(4, 2), torch.ones(4, 2))).all()


def test_following_stein_reaches_the_distribution() -> None:
    """Particles that start together end with mean and spread of a normal distribution."""
    z = torch.randn(60, 1, generator=torch.Generator().manual_seed(0)).double() * 0.1 - 3
    for _ in range(3000):
        z = z + 0.1 * stein_direction(z, -(z - 1.5) / 0.64)
    assert z.mean().item() == pytest.approx(1.5, abs=0.02)
    assert z.std().item() == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("sampler", ["joint", "own"])
def test_samples_should_be_distributed_like_the_exponential_of_q(sampler: str) -> None:
    """Finite differences of `q / alpha + log |d tanh|`, joint action by joint action."""
    algorithm = build(sampler=sampler, particles=2)
    torch.manual_seed(0)
    state, alpha = torch.randn(1, 5).double(), 0.2
    z = torch.randn(1, 2, 3, 3 if sampler == "joint" else 1).double()
    slope = algorithm.log_density_slope(z.clone(), state, alpha)

    def log_density(z: torch.Tensor, particle: int, agent: int) -> float:
        row = z[0, particle, agent] if sampler == "joint" else z[0, particle, :, 0]
        mine = row if sampler == "joint" else row[agent]
        q = algorithm.critic(state[0], torch.tanh(row).unsqueeze(-1))
        return (q / alpha + torch.log(1 - torch.tanh(mine) ** 2).sum()).item()

    with torch.no_grad():
        for particle in range(2):
            for agent in range(3):
                for k in range(z.shape[-1]):
                    above, below = z.clone(), z.clone()
                    above[0, particle, agent, k] += 1e-6
                    below[0, particle, agent, k] -= 1e-6
                    difference = log_density(above, particle, agent) - log_density(below, particle, agent)
                    expected = pytest.approx(difference / 2e-6, rel=1e-4, abs=1e-6)
                    assert slope[0, particle, agent, k].item() == expected


def test_an_agent_plays_its_own_part_of_what_it_drew() -> None:
    joint = build()
    z = torch.atanh(torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])).double()
    assert joint.own_part(z[None]).flatten().tolist() == pytest.approx([0.1, 0.5, 0.9])
    assert build(sampler="own").own_part(z[None, :, :1]).flatten().tolist() == pytest.approx([0.1, 0.4, 0.7])


def test_samplers_read_two_independent_normal_numbers() -> None:
    algorithm = Masql("masql", GAME, MasqlConfig(), 0)
    seen = []
    algorithm.actor.forward = lambda obs, noise: seen.append(noise) or torch.zeros(*noise.shape[:-1], 2)
    uniform = torch.rand(100_000, 2, 2, generator=torch.Generator().manual_seed(0))
    algorithm.explore(torch.ones(100_000, 2, 1), uniform)
    covariance = torch.cov(seen[0].flatten(1).T)
    assert torch.allclose(covariance, torch.eye(4), atol=0.02)


def test_soft_values_by_quadrature() -> None:
    """`alpha log integral exp(q / alpha) du` over [-1, 1]^2; and a constant `q` gives `q + alpha log 4`."""
    q = torch.full((50,), 0.7).double()
    assert soft_value_of_samples(q, 0.3, -2 * math.log(2)).item() == pytest.approx(0.7 + 0.3 * math.log(4))
    points = (torch.arange(400).double() + 0.5) / 200 - 1
    grid = torch.cartesian_prod(points, points)
    surface = torch.sin(3 * grid[:, 0]) * grid[:, 1]
    exact = 0.3 * torch.log((surface / 0.3).exp().mean() * 4)
    samples = torch.rand(200_000, 2, generator=torch.Generator().manual_seed(0)).double() * 2 - 1
    drawn = soft_value_of_samples(torch.sin(3 * samples[:, 0]) * samples[:, 1], 0.3, -2 * math.log(2))
    assert drawn.item() == pytest.approx(exact.item(), abs=3e-3)
    hot = soft_value_of_samples(surface, 1e-3, 0.0).item()
    assert hot == pytest.approx(surface.max().item(), abs=0.02)  # cold: the largest value


def test_soft_targets_step_by_step(new_continuous_batch) -> None:
    algorithm = build(reward_scale=0.25, gamma=0.9, value_samples=7)
    batch: EpisodeBatch = new_continuous_batch([2, 4], [True, False])

    class Doubles(Draws):
        def uniform(self, shape):
            return super().uniform(shape).double()

    target = algorithm.target(batch, 0.5, Doubles(0, None, Clock()))
    actions = 2 * Doubles(0, None, Clock()).uniform((2, 4, 7, 3, 1)) - 1
    for b, length in enumerate([2, 4]):
        for t in range(length):
            q = [algorithm.target_critic(batch.state[b, t + 1], u).item() for u in actions[b, t]]
            value = 0.5 * math.log(8 * sum(math.exp(x / 0.5) for x in q) / 7)
            live = 0.0 if (b, t) == (0, 1) else 0.9
            expected = 0.25 * batch.reward[b, t].item() + live * value
            assert target[b, t].item() == pytest.approx(expected)


def test_only_the_ratio_of_reward_and_temperature_matters() -> None:
    algorithm = build()
    state, z = torch.randn(2, 5).double(), torch.randn(2, 4, 3, 3).double()
    slope = algorithm.log_density_slope(z.clone(), state, 0.2)
    with torch.no_grad():
        last = algorithm.critic.net[-1]
        last.weight.mul_(7)
        last.bias.mul_(7)
    assert torch.allclose(algorithm.log_density_slope(z.clone(), state, 1.4), slope)
    assert not torch.allclose(algorithm.log_density_slope(z.clone(), state, 0.2), slope, rtol=0.1)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match=r"particles is 1; at least 2 is needed"):
        MasqlConfig(particles=1)
    with pytest.raises(ValueError, match=r"alpha.end is 0.0; it must be from 0.001"):
        MasqlConfig(alpha=Temperature(1.0, 0.0))
    with pytest.raises(ValueError, match=r"alpha.kind is automatic; it must be linear or exponential"):
        MasqlConfig(alpha=Temperature(1.0, 0.1, kind="automatic"))
