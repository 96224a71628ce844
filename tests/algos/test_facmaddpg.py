"""FacMADDPG: straight-through draws, its targets from plain loops, its actor's gradient from differences."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from fop_algos.algorithms.facmaddpg import GAMES, FacMaddpg, FacMaddpgConfig, mixed_value
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.exploration import straight_through
from fop_algos.networks.mixers.base import Utilities
from fop_algos.training.train import train
from fop_core.types import TaskSpec

SPEC = TaskSpec("t", n_agents=2, n_actions=3, obs_dim=4, state_dim=5, episode_limit=6)


def test_straight_through_is_one_hot_forward_and_the_softmax_backward() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 4, generator=generator, dtype=torch.float64).requires_grad_()
    uniform = torch.rand(200, 4, generator=generator, dtype=torch.float64)
    available = torch.rand(200, 4, generator=generator) < 0.7
    available[:, 2] = True
    weights = torch.randn(200, 4, generator=generator, dtype=torch.float64)

    drawn = straight_through(logits, available, uniform)
    assert torch.allclose(drawn, drawn.round(), atol=1e-12)
    assert (drawn.round().sum(-1) == 1).all()
    assert (drawn.round() <= available).all()
    noisy = (logits - (-uniform.log()).log()).masked_fill(~available, -torch.inf)
    assert torch.equal(drawn.argmax(-1), noisy.argmax(-1))
    (mine,) = torch.autograd.grad((weights * drawn).sum(), logits)
    (softmax,) = torch.autograd.grad((weights * noisy.softmax(-1)).sum(), logits)
    assert torch.allclose(mine, softmax, atol=1e-12)
    assert mine.abs().max() > 0.1


def test_straight_through_draws_follow_the_softmax() -> None:
    n = 40_000
    logits = torch.tensor([0.5, -1.0, 2.0, 0.0, 1.0])
    available = torch.tensor([True, True, False, True, True])
    uniform = torch.rand(n, 5, generator=torch.Generator().manual_seed(3))
    counts = straight_through(logits.expand(n, 5), available.expand(n, 5), uniform).sum(0).round()
    expected = n * logits.masked_fill(~available, -torch.inf).softmax(-1)
    assert counts[2] == 0
    chi_square = ((counts - expected).square() / expected)[available].sum().item()
    assert chi_square < 21.1  # 3 degrees of freedom: beyond it once in 10,000 seeds


def test_straight_through_at_its_edges() -> None:
    """Uniform numbers at both ends, one action left, none left (padding): nothing unavailable, no NaN."""
    logits = torch.zeros(4, 3, requires_grad=True)
    uniform = torch.tensor([[0.0] * 3, [1 - 2**-24] * 3, [0.0, 0.5, 0.5], [0.3, 0.5, 0.0]])
    available = torch.tensor([[False, True, True], [False, True, True], [True, False, False], [False] * 3])
    drawn = straight_through(logits, available, uniform)
    (gradient,) = torch.autograd.grad((drawn * torch.tensor([1.0, 2.0, 4.0])).sum(), logits)
    assert drawn.argmax(-1).tolist() == [1, 1, 0, 0]
    assert gradient.isfinite().all()
    assert not gradient[2:].any()


def one_step(obs: Tensor, state: Tensor) -> EpisodeBatch:
    """`[B, N, O]` and `[B, S]`; what an actor's update reads of episodes of one step."""
    n = len(obs)
    true = torch.ones(n, 1, dtype=torch.bool)
    return EpisodeBatch(
        obs=obs.unsqueeze(1).expand(-1, 2, -1, -1),
        state=state.unsqueeze(1).expand(-1, 2, -1),
        available=torch.ones(n, 2, 2, 3, dtype=torch.bool),
        actions=torch.zeros(n, 1, 2, dtype=torch.int64),
        reward=torch.zeros(n, 1),
        terminated=true,
        mask=true,
        label=torch.zeros(n, dtype=torch.int64),
    )


def test_the_actors_gradient_is_that_of_the_mixed_value() -> None:
    """Central differences in every entry of all agents' action vectors, then the chain through the softmax.

    The last biases of an agent's net are its logits: their gradient is the logits', summed over episodes.
    """
    facmaddpg = FacMaddpg("facmaddpg", SPEC, GAMES, 0)
    facmaddpg.modules.double()
    generator = torch.Generator().manual_seed(1)
    obs = torch.randn(3, 2, 4, generator=generator, dtype=torch.float64)
    state = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    uniform = torch.rand(3, 1, 2, 3, generator=generator, dtype=torch.float64)
    batch = one_step(obs, state)
    logits = facmaddpg.actor.unroll(batch.obs[:, :1], batch.last_onehot[:, :1])
    actions = straight_through(logits, batch.available[:, :1], uniform)
    loss = facmaddpg.policy_loss(batch, actions)
    (mine,) = torch.autograd.grad(loss, facmaddpg.actor.biases[-1])

    start, h = actions.detach().squeeze(1), 1e-6
    slopes = torch.zeros(3, 2, 3, dtype=torch.float64)
    for b, i, a in itertools.product(range(3), range(2), range(3)):
        change = torch.zeros_like(start)
        change[b, i, a] = h
        above, below = (
            mixed_value(facmaddpg.critic, facmaddpg.mixer, obs, state, start + sign * change)[b].item()
            for sign in (1, -1)
        )
        slopes[b, i, a] = (above - below) / (2 * h)
    relaxed = (logits - (-uniform.log()).log()).detach().squeeze(1).softmax(-1)
    jacobian = torch.diag_embed(relaxed) - relaxed.unsqueeze(-1) * relaxed.unsqueeze(-2)
    by_logit = (jacobian @ slopes.unsqueeze(-1)).squeeze(-1)  # [B, N, A]
    assert torch.allclose(mine.squeeze(1), -by_logit.mean(0), atol=1e-8)
    assert mine.abs().min() > 1e-6


@pytest.mark.parametrize("kind", ["separate_mlp", "shared_mlp"])
def test_targets_step_by_step(new_batch, kind: str) -> None:
    """The frozen actor chooses among available actions, frozen critic and mixer value them: plain loops."""
    config = FacMaddpgConfig(critic=kind)
    torch.manual_seed(0)
    facmaddpg = FacMaddpg("facmaddpg", SPEC, config, 0)
    batch = new_batch([3, 5], [True, False])
    logits = facmaddpg.target_actor.unroll(batch.obs, batch.last_onehot)
    for name in ("actor", "critic", "mixer"):
        for parameter in facmaddpg.modules[name].parameters():
            parameter.data += torch.randn_like(parameter)  # the live nets differ
    target = facmaddpg.target(batch)
    for b, length in enumerate([3, 5]):
        follow = None
        for t in reversed(range(length)):
            actions = []
            for i in range(2):
                allowed = [a for a in range(3) if batch.available[b, t + 1, i, a]]
                actions.append(max(allowed, key=lambda a, b=b, t=t, i=i: logits[b, t + 1, i, a].item()))
            u = onehot(torch.tensor(actions), 3)
            q = facmaddpg.target_critic.forward(batch.obs[b, t + 1].unsqueeze(0), u.unsqueeze(0))
            value = facmaddpg.target_mixer.forward(Utilities(q, q, u), batch.state[b, t + 1]).item()
            ahead = value if follow is None else 0.2 * value + 0.8 * follow
            follow = batch.reward[b, t].item() + (0.0 if batch.terminated[b, t] else 0.99 * ahead)
            assert target[b, t].item() == pytest.approx(follow, abs=1e-5)
    assert not target[0, 3:].any()


def test_the_actor_climbs(new_run) -> None:
    """Repeated actor steps against a critic that says `action 2` make action 2 likeliest for both agents."""
    state, env = new_run("facmaddpg", "matrix", learning_rate=0.01, critic_learning_rate=1e-12)
    algorithm = state.algorithm
    with torch.no_grad():
        for parameter in algorithm.critic.parameters():
            parameter.zero_()
        first, second, last = algorithm.critic.net.weights
        first[:, 3, 0] = second[:, 0, 0] = last[:, 0, 0] = 1.0  # input 3 is the last action
    for _ in train(state, env, updates=100):
        pass
    logits, _ = algorithm.actor.step(torch.ones(1, 2, 1), algorithm.start(1))
    assert logits[0].softmax(-1)[:, 2].min() > 0.9
