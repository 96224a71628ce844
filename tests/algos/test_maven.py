"""MAVEN: its two losses against enumerated cases, its latents from the draw to the replay, its utilities."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithms.maven import (
    GAMES,
    Maven,
    MavenConfig,
    RecurrentDiscriminator,
    StepDiscriminator,
    information_bound,
    reinforce_loss,
)
from fop_algos.batch import onehot
from fop_algos.functional.exploration import draw, rescaled_uniform
from fop_algos.training import checkpoint
from fop_algos.training.rollout import Collector
from fop_algos.training.stack import stacked
from fop_algos.training.train import Trained, train
from fop_core.errors import FopError
from fop_core.rng import Purpose, uniform
from fop_core.types import Clock, Episodes, TaskSpec

SPEC = TaskSpec("t", 2, 3, 4, 5, 6)
SMALL = MavenConfig(latents=4, hidden=8, latent_hidden=8)
KINDS = ("shared_gru", "shared_mlp", "separate_mlp")


# --- The hierarchical policy


def test_the_reinforce_gradient_is_that_of_the_expected_return() -> None:
    """Eight episodes in which each latent comes as often as its chance says: the estimate is exact."""
    chance = torch.tensor([0.5, 0.25, 0.25], dtype=torch.float64)
    latent = torch.tensor([0, 1, 0, 2, 0, 1, 2, 0])
    pays = torch.tensor([1.0, -12.0, 8.0], dtype=torch.float64)

    def objective(logits: Tensor) -> float:
        policy = logits.softmax(-1)
        return (policy * pays).sum().item() - 0.7 * (policy * policy.log()).sum().item()

    logits = chance.log().requires_grad_()
    loss = reinforce_loss(logits.log_softmax(-1).expand(8, -1), latent, pays[latent], 0.7)
    (gradient,) = torch.autograd.grad(loss, logits)
    for k in range(3):
        up, down = (logits.detach() + s * 1e-5 * torch.eye(3, dtype=torch.float64)[k] for s in (1, -1))
        assert -gradient[k].item() == pytest.approx((objective(up) - objective(down)) / 2e-5, abs=1e-6)


def test_the_latent_that_pays_becomes_the_likely_one(new_batch) -> None:
    maven = Maven("maven", SPEC, replace(SMALL, optimiser="adam", learning_rate=1e-2), 0)
    rng = torch.Generator().manual_seed(0)
    batch = new_batch([2] * 32, [True] * 32)
    batch.obs[:] = batch.obs[:1].clone()
    for update in range(60):
        policy = maven.log_latent_policy(batch.obs[:, 0]).exp().detach()
        batch.label[:] = draw(policy, torch.rand(32, generator=rng))
        batch.reward[:] = (batch.label == 2).float().unsqueeze(-1)
        maven.learn_latents(batch, Clock(updates=update))
    assert maven.log_latent_policy(batch.obs[0, 0])[2].exp() > 0.9


def test_every_episode_teaches_the_latents_once_and_under_the_policy_that_drew_it(new_run) -> None:
    state, env = new_run("maven", "dummy", n_envs=2, updates_per_round=2)
    learned: list[tuple[int, int]] = []
    stored: list[Episodes] = []
    learn, add = state.algorithm.learn_latents, state.replay.add

    def spy(batch: Any, clock: Clock) -> None:
        newest = np.concatenate([e.reward.sum(1) for e in stored])[-len(batch.label) :]
        assert torch.allclose(batch.reward.sum(-1), torch.from_numpy(newest))
        learned.append((clock.episodes - len(batch.label), clock.episodes))
        learn(batch, clock)

    def keep(episodes: Episodes) -> None:
        stored.append(copied(episodes))
        add(episodes)

    state.algorithm.learn_latents, state.replay.add = spy, keep
    for _ in train(state, env, updates=18):
        pass
    assert learned == [(0, 4), (4, 8), (8, 12)]


# --- The discriminator


def plays() -> tuple[Tensor, Tensor, float]:
    """Ten equally likely pairs of latent (of 3) and play (of 4), and their mutual information."""
    pairs = [(0, 0), (0, 0), (0, 1), (0, 2), (1, 1), (1, 1), (1, 3), (2, 3), (2, 3), (2, 0)]
    information = 0.0
    for z, x in set(pairs):
        both = pairs.count((z, x)) / 10
        alone = sum(p[0] == z for p in pairs) / 10 * sum(p[1] == x for p in pairs) / 10
        information += both * math.log(both / alone)
    latent, play = torch.tensor(pairs, dtype=torch.int64).T
    return latent, play, information


def test_the_bound_is_never_above_the_mutual_information() -> None:
    latent, play, information = plays()
    counts = onehot(play, 4).T @ onehot(latent, 3)
    rng = torch.Generator().manual_seed(0)
    gaps = []
    for scale in (0.01, 0.1, 1.0, 10.0):  # from close to the posterior to far away
        for _ in range(200):
            noise = scale * torch.randn(4, 3, generator=rng)
            log_q = ((counts + 1e-3).log() + noise).log_softmax(-1)[play]
            gaps.append(information - information_bound(log_q, latent).item())
    assert min(gaps) > 0
    assert min(gaps) < 0.01
    assert max(gaps) > 1


def test_the_bound_is_the_mutual_information_for_the_posterior() -> None:
    latent, play, information = plays()
    counts = onehot(play, 4).T @ onehot(latent, 3)
    posterior = counts / counts.sum(-1, keepdim=True)
    bound = information_bound(posterior.log()[play], latent)
    assert bound.item() == pytest.approx(information, abs=1e-6)
    perfect = information_bound(onehot(latent, 3).log(), latent)  # plays that give the latent away
    assert perfect.item() == pytest.approx(-(0.4 * math.log(0.4) + 2 * 0.3 * math.log(0.3)), abs=1e-6)


@pytest.mark.parametrize("kind", [StepDiscriminator, RecurrentDiscriminator])
def test_a_discriminator_reads_real_steps_only(kind: type) -> None:
    torch.manual_seed(0)
    net = kind(SPEC, 8, 4)
    policies = torch.rand(2, 5, 2, 3).softmax(-1)
    mask = torch.arange(5) < torch.tensor([[3], [5]])
    log_q = net(policies, mask)
    assert log_q.shape == (2, 4)
    alone = net(policies[:1, :3], mask[:1, :3])
    torch.testing.assert_close(log_q[:1], alone)
    each = torch.stack([net(policies[:1, t : t + 1], mask[:1, :1]) for t in range(3)]).mean(0)
    assert torch.allclose(alone, each, atol=1e-6) == (kind is StepDiscriminator)  # the other has a memory


def test_the_bound_comes_off_the_loss_and_moves_utilities_and_discriminator(new_batch) -> None:
    batch = new_batch([3, 5, 2, 4], [True, False, True, True])
    batch.label[:] = torch.tensor([0, 3, 1, 3])
    losses, bounds, moved = [], [], []
    for weight in (0.0, 50.0):
        maven = Maven("maven", SPEC, replace(SMALL, information_weight=weight), 0)
        loss, means = maven.loss(batch)
        losses.append(loss.item())
        bounds.append(means["information"].item())
        nets = (maven.discriminator, maven.agent.of_latent, maven.agent.trunk)
        gradients = [torch.autograd.grad(loss, list(net.parameters()), retain_graph=True) for net in nets]
        moved.append(gradients)
    assert bounds[0] == bounds[1]
    assert losses[0] - losses[1] == pytest.approx(50 * bounds[0], rel=1e-4)
    assert not any(g.any() for g in moved[0][0])
    for without, given in zip(moved[0], moved[1], strict=True):
        assert any(not torch.allclose(g, h) for g, h in zip(without, given, strict=True))


@pytest.mark.parametrize("discriminator", ["recurrent", "steps"])
def test_padding_does_not_matter(new_batch, discriminator: str) -> None:
    maven = Maven("maven", SPEC, replace(SMALL, discriminator=discriminator), 0)
    batch = new_batch([2, 5], [True, False])
    batch.label[:] = torch.tensor([2, 1])
    gradients = []
    for padding in (0.0, 50.0):
        batch.obs[0, 3:] = padding
        batch.state[0, 3:] = padding
        batch.reward[0, 2:] = padding
        loss, _ = maven.loss(batch)
        maven.optimiser.zero_grad()
        loss.backward()
        gradients.append([p.grad.clone() for g in maven.optimiser.param_groups for p in g["params"]])
        maven.learn_latents(batch, Clock())
        maven = Maven("maven", SPEC, maven.config, 0)
    assert all(g.any() for g in gradients[0][-2:])  # the discriminator's
    for one, other in zip(*gradients, strict=True):
        assert torch.isfinite(one).all()
        assert torch.equal(one, other)


# --- The utilities


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_layer_is_made_from_latent_and_agent(new_batch, kind: str) -> None:
    maven = Maven("maven", SPEC, replace(SMALL, agent=kind), 0)
    agent, batch = maven.agent, new_batch([4, 4], [True, True])
    batch.label[:] = torch.tensor([3, 1])
    q = agent.unroll(batch.obs, maven.beside_obs(batch))
    features = agent.trunk.unroll(batch.obs, batch.last_onehot)
    assert features.shape == (2, 5, 2, 8)
    for b, z in enumerate((3, 1)):
        of_latent = agent.of_latent.weight[:, z].view(8, 3)
        for i in range(2):
            weight = of_latent + agent.of_agent.weights[0][i]
            expected = features[b, :, i] @ weight + agent.of_agent.biases[0][i]
            torch.testing.assert_close(q[b, :, i], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_unrolling_equals_stepping(new_batch, kind: str) -> None:
    maven = Maven("maven", SPEC, replace(SMALL, agent=kind), 0)
    batch = new_batch([4, 4], [True, True])
    batch.label[:] = torch.tensor([3, 1])
    unrolled = maven.agent.unroll(batch.obs, maven.beside_obs(batch))
    memory = maven.start(2)
    memory[..., -4:] = onehot(batch.label, 4).unsqueeze(1)
    for t in range(4):
        q, hidden = maven.agent.step(batch.obs[:, t], memory)
        assert torch.allclose(q, unrolled[:, t], atol=1e-5)
        memory = maven.agent.remember(hidden, batch.actions[:, t])


@pytest.mark.parametrize("kind", KINDS)
def test_the_joint_value_is_monotone_in_every_utility_given_a_latent(kind: str) -> None:
    """Raising one action of one agent by its bias never lowers a joint value, and raises some."""
    maven = Maven("maven", SPEC, replace(SMALL, agent=kind), 0)
    torch.manual_seed(1)
    obs, state = torch.randn(9, 2, 4), torch.randn(9, 5)
    joint = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    available = torch.ones(9, 2, 3, dtype=torch.bool)
    seen = set()
    for z in range(4):
        last = maven.latent_policy[-1]
        last.weight.data.zero_()
        last.bias.data = 9 * torch.eye(4)[z]
        before = maven.joint_value(obs, state, available, joint, Clock())
        seen.add(tuple(before.tolist()))
        for i in range(2):
            for a in range(3):
                maven.agent.of_agent.biases[0].data[i, 0, a] += 1.0
                change = maven.joint_value(obs, state, available, joint, Clock()) - before
                maven.agent.of_agent.biases[0].data[i, 0, a] -= 1.0
                assert (change[joint[:, i] == a] > 0).all()
                assert change[joint[:, i] != a].abs().max() < 1e-5
    assert len(seen) == 4  # each latent has a joint value of its own


# --- The latent of an episode


def copied(episodes: Episodes) -> Episodes:
    return Episodes(**{name: value.copy() for name, value in vars(episodes).items()})


def maven_on_dummy(**fields: Any) -> Maven:
    spec = fop_envs.make("dummy").spec
    config = replace(MavenConfig(burn_in_episodes=4, batch_episodes=4), **fields)
    algorithm = catalogue.build("maven", spec, config, 3)
    assert isinstance(algorithm, Maven)
    return algorithm


@pytest.mark.parametrize("n_envs", [1, 5])
def test_a_latent_is_drawn_at_the_first_step_and_kept(n_envs: int) -> None:
    """Through the collector, in two blocks: the label is what agent 0's first coin draws from the policy."""
    maven, env = maven_on_dummy(), fop_envs.make("dummy", n_envs=n_envs, seed=3)
    played: list[tuple[Tensor, Tensor]] = []
    step = maven.agent.step

    def spy(obs: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        played.append((obs.clone(), memory[..., -16:].clone()))
        return step(obs, memory)

    maven.agent.step = spy
    clock = Clock(env_steps=25_000)
    episodes = Collector(env, 40).collect(maven, clock, first_episode=7, explore=True).episodes
    coins = torch.from_numpy(uniform(maven.seed, Purpose.ACTION_NOISE, 7 + np.arange(40), 0, 4))[:, 0]
    policy = maven.log_latent_policy(torch.from_numpy(episodes.obs[:, 0])).exp()
    expected = draw(policy, rescaled_uniform(coins, maven.epsilon(clock)))
    assert episodes.label.tolist() == expected.tolist()
    assert len(set(episodes.label.tolist())) > 8
    # Every step of every episode was played with the latent it is labelled with.
    latents = {}
    for obs, latent in played:
        assert (latent.sum(-1) == 1).all()
        assert (latent == latent[:, :1]).all()  # all agents of a team have the same
        for row, z in zip(obs, latent[:, 0].argmax(-1).tolist(), strict=True):
            latents.setdefault(row.numpy().tobytes(), set()).add(z)
    for k, length in enumerate(episodes.lengths):
        for t in range(length):
            assert episodes.label[k] in latents[episodes.obs[k, t].tobytes()]


def test_act_keeps_a_latent_and_draws_only_where_there_is_none() -> None:
    maven = maven_on_dummy()
    rng = torch.Generator().manual_seed(0)
    memory = maven.start(6)
    memory[:3, :, -16:] = onehot(torch.tensor([4, 5, 6]), 16).unsqueeze(1)
    available, labels = torch.ones(6, 2, 3, dtype=torch.bool), []
    for _ in range(5):
        obs, noise = torch.rand(6, 2, 3, generator=rng), torch.rand(6, 2, 2, generator=rng)
        _, memory = maven.act(obs, available, memory, noise, Clock(), explore=True)
        labels.append(maven.label(memory).tolist())
    assert labels == [labels[0]] * 5
    assert labels[0][:3] == [4, 5, 6]


def test_the_draw_does_not_depend_on_the_verdict_of_the_coin() -> None:
    coin = (torch.arange(60_000, dtype=torch.float64) + 0.5) / 60_000
    policy = torch.tensor([0.5, 0.2, 0.0, 0.3], dtype=torch.float64).expand(60_000, 4)
    for epsilon in (1.0, 0.3, 0.01, 0.0):
        drawn = draw(policy, rescaled_uniform(coin, epsilon))
        for verdict in (coin < epsilon, coin >= epsilon):
            if verdict.any():
                shares = onehot(drawn[verdict], 4).mean(0).tolist()
                assert shares == pytest.approx([0.5, 0.2, 0.0, 0.3], abs=2e-3)
    edge = torch.tensor([0.0, 0.3, 1 - 2**-24]).float()
    assert ((rescaled_uniform(edge, 0.3) >= 0) & (rescaled_uniform(edge, 0.3) <= 1)).all()


def test_tests_play_the_most_probable_latent() -> None:
    maven = maven_on_dummy()
    torch.manual_seed(0)
    maven.latent_policy[-1].weight.data *= 20  # observations differ in their best latent
    obs, available = torch.randn(30, 2, 3), torch.ones(30, 2, 3, dtype=torch.bool)
    noise = torch.rand(30, 2, 2)
    actions, memory = maven.act(obs, available, maven.start(30), noise, Clock(), explore=False)
    best = maven.log_latent_policy(obs).argmax(-1)
    assert maven.label(memory).tolist() == best.tolist()
    assert len(set(best.tolist())) > 3
    q = maven.individual_values(obs, torch.zeros(30, 4))
    assert torch.equal(q.argmax(-1), actions)


def test_a_label_stays_with_its_episode(new_run, tmp_path: Path) -> None:
    """In a ring that was overwritten, in samples, and after a checkpoint was loaded."""
    state, env = new_run("maven", "dummy", n_envs=3, episodes_per_round=3, buffer_episodes=10)
    labels: dict[bytes, int] = {}
    add = state.replay.add

    def keep(episodes: Episodes) -> None:
        for k, length in enumerate(episodes.lengths):
            labels[episodes.obs[k, : length + 1].tobytes()] = episodes.label[k]
        add(episodes)

    state.replay.add = keep
    for event in train(state, env, updates=12):
        assert isinstance(event, Trained)
    checkpoint.save(tmp_path / "c", state)
    resumed, env = new_run("maven", "dummy", n_envs=3, episodes_per_round=3, buffer_episodes=10)
    checkpoint.load(tmp_path / "c", resumed)
    assert len(labels) > 25
    for replay in (state.replay, resumed.replay):
        for batch in (replay.latest(10), replay.sample(6), replay.sample(6)):
            stored = [batch.obs[k, : length + 1].tobytes() for k, length in enumerate(batch.lengths)]
            assert [labels[episode] for episode in stored] == batch.label.tolist()
            assert len(set(batch.label.tolist())) > 1


def test_algorithms_without_labels_store_zeros(new_run) -> None:
    state, env = new_run("qmix", "dummy", n_envs=2)
    for _ in train(state, env, updates=2):
        pass
    batch = state.replay.latest(len(state.replay))
    assert batch.label.dtype == np.int64
    assert not batch.label.any()


# --- Settings


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="latents is 0; at least 1 is needed"):
        MavenConfig(latents=0)
    with pytest.raises(ValueError, match=r"information_weight is -1"):
        MavenConfig(information_weight=-1)
    spec = fop_envs.make("matrix").spec
    recurrent = replace(GAMES, discriminator="recurrent")
    with pytest.raises(FopError, match=r"recurrent nets.*discriminator=steps"):
        stacked(lambda seed: catalogue.build("maven", spec, recurrent, seed), (0, 1))
