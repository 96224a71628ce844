"""MAAC: its gradients by quadrature, what attention is for two agents and for three, soft targets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithm import Draws
from fop_algos.algorithms.maac import AttentionCritic, Maac, MaacConfig
from fop_algos.batch import EpisodeBatch
from fop_algos.networks.policies import SquashedGaussian
from fop_core.types import Clock, TaskSpec

SPEC = TaskSpec("reach", 3, 0, 4, 5, 6, "continuous", 1, -10.0, 10.0)
GAME = fop_envs.make("differential").spec
ALPHA = 0.3


def build(spec: TaskSpec = GAME, **fields: Any) -> Maac:
    algorithm = Maac("maac", spec, MaacConfig(hidden=16, **fields), 3)
    algorithm.modules.double()
    with torch.no_grad():  # away from the symmetric start
        for parameter in algorithm.actor.parameters():
            parameter += (
                0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)).double()
            )
    return algorithm


def normal_nodes(n: int = 24) -> tuple[Tensor, Tensor]:
    """Points and weights of Gauss-Hermite quadrature for a standard normal number."""
    points, weights = np.polynomial.hermite_e.hermegauss(n)
    return torch.from_numpy(points), torch.from_numpy(weights / math.sqrt(2 * math.pi))


def grid(n: int = 24) -> tuple[Tensor, Tensor]:
    """Both agents' randomness `[n^2, 2, 1]` with weights `[n^2]`."""
    points, weights = normal_nodes(n)
    return torch.cartesian_prod(points, points).unsqueeze(-1), torch.outer(weights, weights).flatten()


def policies(parameters: Tensor, rows: int) -> SquashedGaussian:
    """From `[2 agents, (mean, log_std)]`."""
    wide = parameters.unsqueeze(0).expand(rows, 2, 2)
    return SquashedGaussian(wide[..., :1], wide[..., 1:])


def objective(algorithm: Maac, parameters: Tensor, agent: int) -> float:
    """`E[q_i(u) - alpha log pi_i(u_i)]` by quadrature: what agent `i` should climb."""
    normal, weights = grid()
    with torch.no_grad():
        action, log_pi = policies(parameters, len(normal)).sample_with_log(normal)
        q = algorithm.critic(torch.ones_like(action), action)
        return (weights * (q - ALPHA * log_pi)[:, agent]).sum().item()


PARAMETERS = torch.tensor([[0.4, -1.0], [-0.3, -0.7]], dtype=torch.float64)


def slopes(algorithm: Maac) -> Tensor:
    """Finite differences of each agent's objective along its own mean and spread."""
    found, step = torch.zeros(2, 2, dtype=torch.float64), 1e-5
    for agent in range(2):
        for k in range(2):
            above, below = PARAMETERS.clone(), PARAMETERS.clone()
            above[agent, k] += step
            below[agent, k] -= step
            difference = objective(algorithm, above, agent) - objective(algorithm, below, agent)
            found[agent, k] = difference / (2 * step)
    return found


def smooth(algorithm: Maac) -> Maac:
    """With ReLU replaced by what quadrature integrates well: critics linear in a sine of the actions."""

    class Smooth(torch.nn.Module):
        def forward(self, obs: Tensor, actions: Tensor, own_only: bool = False) -> Tensor:
            u1, u2 = actions[..., 0, 0], actions[..., 1, 0]
            v1, v2 = (u1.detach(), u2.detach()) if own_only else (u1, u2)  # as the other sees them
            return torch.stack((torch.sin(2 * u1 - v2) + v2, torch.cos(v1 + 2 * u2) * v1), -1)

    algorithm.critic = Smooth()
    return algorithm


def test_the_pathwise_gradient_is_that_of_the_objective() -> None:
    algorithm = smooth(build())
    normal, weights = grid()
    parameters = PARAMETERS.clone().requires_grad_()
    loss, _ = algorithm.pathwise(policies(parameters, len(normal)), torch.ones_like(normal), normal, ALPHA)
    (weights.unsqueeze(-1) * loss).sum().backward()
    assert parameters.grad is not None
    assert torch.allclose(-parameters.grad, slopes(algorithm), atol=1e-6)


@pytest.mark.parametrize("again", [0.0, -1.3, 2.0])
def test_the_baseline_leaves_the_score_gradient_unbiased(again: float) -> None:
    """Whatever own action the baseline is made of, the expectation over `u_i` is the objective's slope."""
    algorithm = smooth(build())
    normal, weights = grid(48)
    parameters = PARAMETERS.clone().requires_grad_()
    others = torch.full((len(normal), 1, 2, 1), again, dtype=torch.float64)
    loss, _ = algorithm.score(
        policies(parameters, len(normal)), torch.ones_like(normal), normal, others, ALPHA
    )
    (weights.unsqueeze(-1) * loss).sum().backward()
    assert parameters.grad is not None
    assert torch.allclose(-parameters.grad, slopes(algorithm), atol=1e-4)


def test_the_baseline_is_the_mean_over_own_actions() -> None:
    """By hand: `log pi_i (alpha log pi_i - q_i(u) + mean_k q_i(u_i^k, u_-i))`; and it lowers the variance."""
    algorithm = smooth(build(baseline_samples=3))
    rng = torch.Generator().manual_seed(0)
    normal, again = (torch.randn(shape, generator=rng).double() for shape in ((500, 2, 1), (500, 3, 2, 1)))
    policy = policies(PARAMETERS, 500)
    loss, log_pi = algorithm.score(policy, torch.ones_like(normal), normal, again, ALPHA)
    u, drawn = policy.sample(normal), torch.tanh(policy.mean[:, None] + policy.log_std[:, None].exp() * again)
    for agent in range(2):
        q = algorithm.critic(u, u)[:, agent]
        rows = []
        for k in range(3):
            mixed = u.clone()
            mixed[:, agent] = drawn[:, k, agent]
            rows.append(algorithm.critic(u, mixed)[:, agent])
        baseline = torch.stack(rows).mean(0)
        by_hand = log_pi[:, agent] * (ALPHA * log_pi[:, agent] - q + baseline)
        assert torch.allclose(loss[:, agent], by_hand)


def test_others_actions_get_no_gradient_from_an_actor() -> None:
    """Critics are those of the agents themselves: `d loss_i / d policy_j` is 0."""
    algorithm = build(SPEC)
    obs = torch.randn(6, 3, 4, dtype=torch.float64)
    policy = algorithm.actor(obs)
    mean = policy.mean.detach().requires_grad_()
    normal = torch.randn(6, 3, 1, dtype=torch.float64)
    loss, _ = algorithm.pathwise(SquashedGaussian(mean, policy.log_std.detach()), obs, normal, 0.0)
    (slope,) = torch.autograd.grad(loss[:, 1].sum(), mean)
    assert (slope[:, 1] != 0).all()
    assert (slope[:, [0, 2]] == 0).all()


def test_gradients_of_own_actions_are_those_of_critics_with_the_others_held() -> None:
    """`own_only` against joint actions in which all others are constants, row by row."""
    algorithm = build(SPEC)
    obs = torch.randn(6, 3, 4, dtype=torch.float64)
    u = (torch.rand(6, 3, 1, dtype=torch.float64) * 2 - 1).requires_grad_()
    q = algorithm.critic(obs, u, own_only=True)
    assert torch.equal(q, algorithm.critic(obs, u))
    (slope,) = torch.autograd.grad(q.sum(), u)
    for agent in range(3):
        held = u.detach().clone()
        held[:, agent] = u[:, agent]
        (expected,) = torch.autograd.grad(algorithm.critic(obs, held)[:, agent].sum(), u)
        assert torch.allclose(slope[:, agent], expected[:, agent])


def test_of_two_agents_the_one_other_gets_all_attention() -> None:
    """Queries and keys then change nothing: `q_i = f_i(g_i, value(g_j))`."""
    algorithm = build()
    obs, actions = torch.ones(5, 2, 1).double(), torch.rand(5, 2, 1).double() * 2 - 1
    critic = algorithm.critic
    q = critic(obs, actions)
    own = torch.einsum("bni,nio->bno", torch.cat((obs, actions), -1), critic.encoder.weight)
    own = (own + critic.encoder.bias).relu()
    joined = torch.cat((own, critic.value(own).relu().flip(-2)), -1)  # the other's value beside one's own
    by_hand = critic.output(critic.joined(joined).relu()).squeeze(-1)
    assert torch.allclose(q, by_hand)
    with torch.no_grad():
        critic.query.weight.mul_(-3)
        critic.key.weight.add_(1)
    assert torch.allclose(critic(obs, actions), q)
    assert (critic(obs, actions * torch.tensor([[1.0], [0.5]])) != q).all()  # both read both actions


def test_attention_of_three_agents_in_plain_loops() -> None:
    torch.manual_seed(0)
    critic = AttentionCritic(SPEC, 8, 2).double()
    obs, actions = torch.randn(3, 4).double(), torch.rand(3, 1).double()
    g = [
        (torch.cat((obs[i], actions[i])) @ critic.encoder.weight[i] + critic.encoder.bias[i]).relu()
        for i in range(3)
    ]
    for i in range(3):
        heads = []
        for h in range(2):
            part = slice(4 * h, 4 * h + 4)
            query = critic.query.weight[part] @ g[i]
            scores = {j: (query @ (critic.key.weight[part] @ g[j])).item() / 2 for j in range(3) if j != i}
            total = sum(math.exp(s) for s in scores.values())
            heads.append(
                sum(
                    math.exp(s) / total * (critic.value.weight[part] @ g[j] + critic.value.bias[part]).relu()
                    for j, s in scores.items()
                )
            )
        hidden = torch.cat((g[i], *heads)) @ critic.joined.weight[i] + critic.joined.bias[i]
        q = hidden.relu() @ critic.output.weight[i] + critic.output.bias[i]
        assert critic(obs[None], actions[None])[0, i].item() == pytest.approx(q.item(), rel=1e-9)


def test_soft_targets_step_by_step(new_continuous_batch) -> None:
    """`c r + gamma (q_i(s', u') - alpha log pi_i(u'_i))` of the frozen nets; nothing after a true end."""
    algorithm = build(SPEC, reward_scale=0.25, gamma=0.9)
    batch: EpisodeBatch = new_continuous_batch([2, 4], [True, False])

    class Doubles(Draws):
        def normal(self, shape):
            return super().normal(shape).double()

    def draws() -> Draws:
        return Doubles(0, None, Clock())

    target = algorithm.target(batch, 0.5, draws())
    normal = draws().normal(batch.actions.shape)
    for b, length in enumerate([2, 4]):
        for t in range(length):
            obs = batch.obs[b, t + 1][None]
            action, log_pi = algorithm.target_actor(obs).sample_with_log(normal[b, t][None])
            value = algorithm.target_critic(obs, action)[0] - 0.5 * log_pi[0]
            live = 0.0 if (b, t) == (0, 1) else 0.9
            assert torch.allclose(target[b, t], 0.25 * batch.reward[b, t] + live * value)


def test_only_the_ratio_of_reward_and_temperature_matters() -> None:
    """Unlike deterministic actors soft ones change with the reward's scale, unless alpha goes with it."""
    algorithm = smooth(build())
    normal, weights = grid()
    learned, gradients = algorithm.critic, []
    for scale, alpha in ((1.0, ALPHA), (7.0, 7 * ALPHA), (7.0, ALPHA)):
        algorithm.critic = lambda *args, scale=scale, **kw: scale * learned(*args, **kw)
        parameters = PARAMETERS.clone().requires_grad_()
        loss, _ = algorithm.pathwise(
            policies(parameters, len(normal)), torch.ones_like(normal), normal, alpha
        )
        (weights.unsqueeze(-1) * loss).sum().backward()
        assert parameters.grad is not None
        gradients.append(parameters.grad / scale)
    assert torch.allclose(gradients[0], gradients[1])
    assert not torch.allclose(gradients[0], gradients[2], rtol=0.1)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match=r"heads is 3; it must divide hidden \(64\)"):
        MaacConfig(heads=3)
    with pytest.raises(ValueError, match="maac needs 2 agents or more; alone has 1"):
        catalogue.build("maac", TaskSpec("alone", 1, 0, 1, 1, 1, "continuous", 1, -1.0, 1.0))
