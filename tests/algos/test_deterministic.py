"""MADDPG, FacMADDPG and deterministic DOP: whose actions an actor climbs with, by finite differences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithms.deterministic import DeterministicActors, DeterministicConfig, FactoredCritic
from fop_algos.batch import EpisodeBatch
from fop_algos.networks.mixers.dop import DopMixer
from fop_core.types import Clock, TaskSpec

SPEC = TaskSpec("reach", 3, 0, 4, 5, 6, "continuous", 1, -10.0, 10.0)
NAMES = ("maddpg", "facmaddpg", "dop")
KINDS = {"maddpg": "central", "facmaddpg": "qmix", "dop": "dop"}


def build(name: str, spec: TaskSpec = SPEC, **fields: Any) -> DeterministicActors:
    algorithm = DeterministicActors(
        name, spec, DeterministicConfig(critic=KINDS[name], hidden=16, **fields), 3
    )
    algorithm.modules.double()
    return algorithm


def moment(rows: int = 5) -> tuple[Tensor, Tensor, Tensor]:
    """Observations, states, and the replay's scaled actions."""
    torch.manual_seed(1)
    return (
        torch.randn(rows, 3, 4, dtype=torch.float64),
        torch.randn(rows, 5, dtype=torch.float64),
        torch.rand(rows, 3, 1, dtype=torch.float64) * 2 - 1,
    )


@pytest.mark.parametrize("name", NAMES)
def test_actors_climb_what_their_papers_say(name: str) -> None:
    """The derivative along each agent's own net, from values of whole joint actions alone."""
    algorithm = build(name)
    obs, state, actions = moment()
    algorithm.critic.objective(obs, state, actions, algorithm.actor(obs)).sum().backward()
    weights = algorithm.actor.net.weights[-1]  # [N, hidden, 1], agent by agent
    assert weights.grad is not None

    def climbed(agent: int) -> float:
        """What `agent` can move: its own critic, or the team's."""
        with torch.no_grad():
            own, joint = algorithm.actor(obs), actions.clone()
            if name == "maddpg":
                joint[:, agent] = own[:, agent]  # the others as the replay has them
                return algorithm.values(obs, state, joint)[:, agent].sum().item()
            return algorithm.values(obs, state, own).sum().item()  # all as the policies have them

    for agent in range(3):
        for k in (0, 7, 15):
            step = 1e-6
            with torch.no_grad():
                weights[agent, k, 0] += step
                above = climbed(agent)
                weights[agent, k, 0] -= 2 * step
                below = climbed(agent)
                weights[agent, k, 0] += step
            slope = (above - below) / (2 * step)
            assert weights.grad[agent, k, 0].item() == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_whose_actions_matter_to_an_actor() -> None:
    """MADDPG's gradient follows the replay's actions of the others; FacMADDPG's and DOP's don't see them."""
    obs, state, actions = moment()
    others = actions.clone()
    others[:, 1:] *= -0.5
    for name in NAMES:
        algorithm = build(name)
        own = algorithm.actor(obs).detach().requires_grad_()
        slopes = [
            torch.autograd.grad(algorithm.critic.objective(obs, state, replayed, own).sum(), own)[0][:, 0]
            for replayed in (actions, others)
        ]
        assert torch.equal(slopes[0], slopes[1]) is (name != "maddpg")
        moved = own.detach().clone()
        moved[:, 1:] += 0.3  # the others' policies
        moved.requires_grad_()
        after = torch.autograd.grad(algorithm.critic.objective(obs, state, actions, moved).sum(), moved)[0][
            :, 0
        ]
        assert torch.allclose(after, slopes[0], rtol=1e-12) is (name != "facmaddpg")


def test_dops_actor_follows_its_own_value_times_its_weight() -> None:
    algorithm = build("dop")
    critic = algorithm.critic
    assert isinstance(critic, FactoredCritic)
    assert isinstance(critic.mixer, DopMixer)
    obs, state, actions = moment()
    own = algorithm.actor(obs).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic.objective(obs, state, actions, own).sum(), own)
    (q_slope,) = torch.autograd.grad(critic.q(obs, own).sum(), own)
    k = critic.mixer.k(state).abs()
    assert (k > 0).all()
    assert torch.allclose(slope, k.unsqueeze(-1) * q_slope)


def test_central_critics_belong_to_their_agents() -> None:
    algorithm = build("maddpg")
    obs, state, actions = moment()
    before = algorithm.values(obs, state, actions)
    with torch.no_grad():
        algorithm.critic.net.weights[0][1] += 0.1
    after = algorithm.values(obs, state, actions)
    assert torch.equal(before[:, [0, 2]], after[:, [0, 2]])
    assert (before[:, 1] != after[:, 1]).all()
    moved = actions.clone()
    moved[:, 2] += 0.1
    assert (algorithm.values(obs, state, moved) != after).all()  # each reads everybody's action


@pytest.mark.parametrize("name", NAMES)
def test_targets_step_by_step(name: str, new_continuous_batch) -> None:
    """`c r + gamma q` of the frozen nets at the next step; nothing after a true end; padding is free."""
    algorithm = build(name, reward_scale=0.25, gamma=0.9)
    for net in (algorithm.actor, algorithm.critic):
        for parameter in net.parameters():
            parameter.data += 0.1
    batch: EpisodeBatch = new_continuous_batch([2, 4], [True, False])
    target = algorithm.target(batch)
    assert target.shape == (2, 4, 3 if name == "maddpg" else 1)
    for b, length in enumerate([2, 4]):
        for t in range(length):
            obs, state = batch.obs[b, t + 1][None], batch.state[b, t + 1][None]
            value = algorithm.target_critic.values(obs, state, algorithm.target_actor(obs))[0]
            live = 0.0 if (b, t) == (0, 1) else 0.9
            assert torch.allclose(target[b, t], 0.25 * batch.reward[b, t] + live * value)


@pytest.mark.parametrize("name", NAMES)
def test_a_scaled_critic_moves_actors_the_same_way(name: str) -> None:
    """Deterministic actors don't ask in which units the reward comes: gradients scale, directions don't."""
    algorithm = build(name)
    obs, state, actions = moment()
    gradients = []
    for scale in (1.0, 7.0):
        algorithm.actor.zero_grad()
        (scale * algorithm.critic.objective(obs, state, actions, algorithm.actor(obs))).sum().backward()
        gradients.append([p.grad.clone() for p in algorithm.actor.parameters() if p.grad is not None])
    assert all(torch.allclose(7 * g, h) for g, h in zip(*gradients, strict=True))


def test_noise_is_in_units_of_the_action_and_clipped() -> None:
    spec = fop_envs.make("differential").spec
    algorithm = DeterministicActors("maddpg", spec, DeterministicConfig(noise=2.0), 0)
    rows = 100_000
    obs, available = torch.ones(rows, 2, 1), torch.ones(rows, 2, 0, dtype=torch.bool)
    uniform = torch.rand(rows, 2, 2, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        mean, _ = algorithm.act(obs, available, algorithm.start(rows), uniform, Clock(), False)
        played, _ = algorithm.act(obs, available, algorithm.start(rows), uniform, Clock(), True)
    assert mean.abs().max().item() < 1, "policies start near (0, 0)"
    assert (played - mean).std(0).flatten().tolist() == pytest.approx([2, 2], rel=0.02)
    assert (played - mean).mean(0).flatten().tolist() == pytest.approx([0, 0], abs=0.03)
    wild = DeterministicActors("maddpg", spec, DeterministicConfig(noise=50.0), 0)
    with torch.inference_mode():
        clipped, _ = wild.act(obs, available, wild.start(rows), uniform, Clock(), True)
    assert clipped.min().item() == -10
    assert clipped.max().item() == 10


def test_what_does_not_fit_is_said() -> None:
    wide = TaskSpec("wide", 2, 0, 1, 1, 1, "continuous", 2, -1.0, 1.0)
    with pytest.raises(ValueError, match="maddpg chooses actions of 1 component; wide has 2"):
        catalogue.build("maddpg", wide)
    with pytest.raises(ValueError, match=r"noise is -1.0; at least 0 is needed"):
        DeterministicConfig(noise=-1.0)
    with pytest.raises(ValueError, match=r"reward_scale is 0.0; at least 1e-12 is needed"):
        DeterministicConfig(reward_scale=0.0)
