"""DOP: its linear critic, its targets by hand, and its policy gradient against finite differences."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from fop_algos.algorithms.dop import GAMES, Dop, DopConfig
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.returns import td_lambda_target, tree_backup_target
from fop_algos.functional.schedules import LinearSchedule
from fop_algos.networks.mixers.base import Utilities
from fop_algos.networks.mixers.dop import DopMixer, ShareWeights, dop_mixer
from fop_algos.training.train import train
from fop_core.types import Clock, TaskSpec

SPEC = TaskSpec("t", n_agents=2, n_actions=3, obs_dim=4, state_dim=5, episode_limit=6)
SMAC = DopConfig(actor="separate_mlp")


def mix(mixer: DopMixer, q: Tensor, state: Tensor) -> Tensor:
    return mixer.forward(Utilities(q, q, q), state)


def steps(reward: list[list[float]], terminated: list[list[bool]], mask: list[list[bool]]) -> EpisodeBatch:
    """A batch of which only these three are read."""
    n, t = len(reward), len(reward[0])
    return EpisodeBatch(
        obs=torch.zeros(n, t + 1, 2, 4),
        state=torch.zeros(n, t + 1, 5),
        available=torch.ones(n, t + 1, 2, 3, dtype=torch.bool),
        actions=torch.zeros(n, t, 2, dtype=torch.int64),
        reward=torch.tensor(reward),
        terminated=torch.tensor(terminated),
        mask=torch.tensor(mask),
        label=torch.zeros(n, dtype=torch.int64),
    )


# --- The mixer


@pytest.mark.parametrize("kind", ["mlp", "shares"])
def test_the_critic_is_linear_in_individual_values(kind: str) -> None:
    torch.manual_seed(0)
    mixer, state = dop_mixer(kind, SPEC, 16), torch.randn(50, 5)
    slopes = []
    for q in (torch.randn(50, 2), 100 * torch.randn(50, 2)):
        q.requires_grad_()
        mix(mixer, q, state).sum().backward()
        slopes.append(q.grad)
    k = mixer.k(state)
    assert (k >= 0).all()
    assert k.std(0).min() > 0  # they depend on the state
    assert torch.equal(slopes[0], k)
    assert torch.equal(slopes[1], k)


def test_the_mixers_by_hand() -> None:
    mixer = dop_mixer("mlp", SPEC, 4)
    shares = ShareWeights(SPEC, 2)
    for parameter in itertools.chain(mixer.parameters(), shares.parameters()):
        torch.nn.init.zeros_(parameter)
    mixer.weights.net[-1].bias.data = torch.tensor([-2.0, 0.5])
    mixer.bias[-1].bias.data = torch.tensor([3.0])
    state = torch.zeros(1, 5)
    assert mix(mixer, torch.tensor([[1.0, -4.0]]), state).tolist() == [2 * 1 + 0.5 * -4 + 3]

    shares.of_agents.bias.data = torch.tensor([1.0, -2.0, 0.0, 3.0])  # |W|: agent 0 (1, 2), agent 1 (0, 3)
    shares.of_team.bias.data = torch.tensor([-1.0, 2.0])  # k before: 1 + 4 = 5 and 6
    assert shares.forward(state)[0].tolist() == pytest.approx([5 / 11, 6 / 11])
    assert mix(DopMixer(shares, None), torch.tensor([[11.0, 22.0]]), state).tolist() == pytest.approx([17.0])


# --- Targets


def test_tree_backup_by_hand() -> None:
    """An episode that ends after 3 of 4 steps, and one that is cut off after 2; padding holds NaN."""
    nan, gone = math.nan, False
    batch = steps(
        [[1.0, 0.0, 2.0, nan], [1.0, 1.0, nan, nan]],
        [[False, False, True, gone], [False, False, gone, gone]],
        [[True, True, True, gone], [True, True, gone, gone]],
    )
    q = torch.tensor([[0.5, 1.0, -1.0, nan], [0.0, 0.0, nan, nan]])
    next_v = torch.tensor([[2.0, 3.0, nan, nan], [1.0, 2.0, nan, nan]])  # nothing follows a termination
    pi = torch.tensor([[nan, 0.25, 0.5, nan], [nan, 0.5, nan, nan]])  # a step's own probability isn't read

    # Errors: 1 + 0.9 * 2 - 0.5 = 2.3, 0 + 0.9 * 3 - 1 = 1.7, 2 + 1 = 3; 1 + 0.9 = 1.9, 1 + 1.8 = 2.8.
    g = 0.9 * 0.5
    one = [[0.5 + 2.3, 1 + 1.7, -1 + 3], [1.9, 2.8]]
    two = [[one[0][0] + g * 0.25 * 1.7, one[0][1] + g * 0.5 * 3, one[0][2]], [1.9 + g * 0.5 * 2.8, 2.8]]
    three = [[two[0][0] + g * g * 0.25 * 0.5 * 3, *two[0][1:]], two[1]]
    for n, expected in ((1, one), (2, two), (3, three), (9, three)):
        target = tree_backup_target(batch, q, next_v, pi, 0.9, 0.5, n)
        assert target[0].tolist() == pytest.approx([*expected[0], 0.0])
        assert target[1].tolist() == pytest.approx([*expected[1], 0.0, 0.0])


def test_tree_backup_of_a_sure_policy_is_td_lambda() -> None:
    """Where the policy takes the same actions surely, values telescope: TD(lambda) from the same values."""
    generator = torch.Generator().manual_seed(0)
    batch = steps([[1.0, -1.0, 2.0, 0.5]], [[False, False, False, True]], [[True] * 4])
    q = torch.randn(1, 5, generator=generator)
    target = tree_backup_target(batch, q[:, :-1], q[:, 1:], torch.ones(1, 4), 0.9, 0.7, 4)
    assert torch.allclose(target, td_lambda_target(batch, q[:, 1:], 0.9, 0.7), atol=1e-6)


def test_the_expected_value_is_the_mean_over_joint_actions(new_batch) -> None:
    dop, batch = Dop("dop", SPEC, SMAC, 0), new_batch([3, 5], [True, False])
    for parameter in itertools.chain(dop.critic.parameters(), dop.mixer.parameters()):
        parameter.data += 1.0  # targets read the frozen nets, which differ
    pi = dop.policies(batch, batch, 0.1).pi.detach()
    mean = torch.zeros(2, 5)
    q = dop.target_critic.forward(batch.obs[:, 1:], batch.state[:, 1:])
    for joint in itertools.product(range(3), repeat=2):
        chosen = torch.stack([q[:, :, i, a] for i, a in enumerate(joint)], -1)
        probability = pi[:, 1:, 0, joint[0]] * pi[:, 1:, 1, joint[1]]
        mean += probability * mix(dop.target_mixer, chosen, batch.state[:, 1:])
    expected = dop.expected_q_tot(batch, pi)
    assert torch.allclose(torch.where(batch.mask, expected - mean, 0.0), torch.zeros(2, 5), atol=1e-6)


def test_targets_put_the_pieces_together(new_batch) -> None:
    """From plain loops over episodes: which policy, which nets, which step goes where."""
    dop, batch = Dop("dop", SPEC, SMAC, 0), new_batch([3, 5], [True, False])
    for parameter in itertools.chain(dop.critic.parameters(), dop.mixer.parameters()):
        parameter.data += 1.0
    epsilon, gamma, trace = 0.3, 0.99, 0.99 * 0.93
    tree, on_policy = dop.tree_backup_target(batch, epsilon), dop.on_policy_target(batch, epsilon)
    logits = dop.actor.unroll(batch.obs, batch.last_onehot).detach()
    q = dop.target_critic.forward(batch.obs, batch.state)
    k = dop.target_mixer.k(batch.state)
    for b, length in enumerate([3, 5]):

        def pi(t: int, i: int, b: int = b) -> Tensor:
            allowed = batch.available[b, t, i]
            soft = logits[b, t, i].masked_fill(~allowed, -math.inf).softmax(-1)
            return (1 - epsilon) * soft + epsilon * allowed / allowed.sum()

        def after(t: int, b: int = b) -> float:
            if batch.terminated[b, t]:
                return 0.0
            return sum((k[b, t + 1, i] * (pi(t + 1, i) * q[b, t + 1, i]).sum()).item() for i in range(2))

        actions = batch.actions[b].tolist()
        reward = batch.reward[b].tolist()
        now = [sum((k[b, t, i] * q[b, t, i, actions[t][i]]).item() for i in range(2)) for t in range(length)]
        delta = [reward[t] + gamma * after(t) - now[t] for t in range(length)]
        follow = None
        for t in reversed(range(length)):
            seen, weight = now[t], 1.0
            for j in range(t, min(t + 5, length)):
                weight *= (
                    1.0 if j == t else trace * math.prod(pi(j, i)[actions[j][i]].item() for i in range(2))
                )
                seen += weight * delta[j]
            assert tree[b, t].item() == pytest.approx(seen, abs=1e-5)
            ended = bool(batch.terminated[b, t])
            next_return = after(t) if follow is None else 0.2 * after(t) + 0.8 * follow
            follow = reward[t] + (0.0 if ended else gamma * next_return)
            assert on_policy[b, t].item() == pytest.approx(follow, abs=1e-5)


def test_a_critic_step_takes_one_time_index_of_both_parts(new_batch) -> None:
    dop = Dop("dop", SPEC, SMAC, 0)
    short, long = new_batch([2, 1], [True, True]), new_batch([4, 2, 3], [True, False, True])
    parts = [(batch, torch.randn(batch.mask.shape)) for batch in (short, long)]
    for t, rows in ((1, [(0, 0), (1, 0), (1, 1), (1, 2)]), (3, [(1, 0)])):
        expected = 0.0
        for part, b in rows:
            batch, target = parts[part]
            q_tot = dop.joint_value(batch.obs[:, t], batch.state[:, t], None, batch.actions[:, t], Clock())
            expected += (q_tot[b] - target[b, t]).item() ** 2 / len(rows)
        assert dop.td_loss(parts, t).item() == pytest.approx(expected, rel=1e-5)


# --- The policy


def chosen_once(
    dop: Dop, joint: tuple[int, ...], obs: Tensor, state: Tensor, allowed: Tensor
) -> EpisodeBatch:
    """An episode of one step with the joint action `joint`."""
    true = torch.ones(1, 1, dtype=torch.bool)
    return EpisodeBatch(
        obs=obs.expand(1, 2, -1, -1),
        state=state.expand(1, 2, -1),
        available=allowed.expand(1, 2, -1, -1),
        actions=torch.tensor(joint).view(1, 1, -1),
        reward=torch.zeros(1, 1),
        terminated=true,
        mask=true,
        label=torch.zeros(1, dtype=torch.int64),
    )


@pytest.mark.parametrize("epsilon", [0.0, 0.2])
@pytest.mark.parametrize("config", [replace(GAMES, hidden=3), replace(SMAC, hidden=3)])
def test_the_policy_gradient_is_that_of_the_expected_value(config: DopConfig, epsilon: float) -> None:
    """Exact means over joint actions; finite differences in float64 of every weight of the actor."""
    dop = Dop("dop", SPEC, config, 0)
    dop.modules.double()
    generator = torch.Generator().manual_seed(1)
    obs = torch.randn(2, 4, generator=generator, dtype=torch.float64)
    state = torch.randn(5, generator=generator, dtype=torch.float64)
    allowed = torch.tensor([[True, True, True], [True, False, True]])
    joints = [u for u in itertools.product(range(3), repeat=2) if u[1] != 1]
    q_tot = [dop.joint_value(obs[None], state[None], allowed, torch.tensor([u]), Clock()) for u in joints]

    def probabilities() -> list[Tensor]:
        logits = dop.actor.step(obs[None], dop.start(1))[0][0]
        soft = logits.masked_fill(~allowed, -math.inf).softmax(-1)
        pi = (1 - epsilon) * soft + epsilon * allowed / allowed.sum(-1, keepdim=True)
        return [pi[0, u[0]] * pi[1, u[1]] for u in joints]

    def expected_value() -> float:
        with torch.no_grad():
            return sum((p * q).item() for p, q in zip(probabilities(), q_tot, strict=True))

    loss = sum(
        p.detach() * dop.policy_loss(chosen_once(dop, u, obs, state, allowed), epsilon)
        for p, u in zip(probabilities(), joints, strict=True)
    )
    assert isinstance(loss, Tensor)
    gradients = torch.autograd.grad(loss, list(dop.actor.parameters()))
    largest, h = 0.0, 1e-5
    for parameter, gradient in zip(dop.actor.parameters(), gradients, strict=True):
        flat = parameter.data.view(-1)
        for j in range(flat.numel()):
            start = flat[j].item()
            flat[j] = start + h
            above = expected_value()
            flat[j] = start - h
            below = expected_value()
            flat[j] = start
            assert -gradient.reshape(-1)[j].item() == pytest.approx((above - below) / (2 * h), abs=1e-9)
        largest = max(largest, gradient.abs().max().item())
    assert largest > 1e-3  # there is something to compare


def test_the_policy_loss_subtracts_what_the_agent_expected(new_batch) -> None:
    """The baseline doesn't change the mean of the gradient, so the loss itself is held to plain loops."""
    dop, batch = Dop("dop", SPEC, SMAC, 0), new_batch([3, 5], [True, False])
    pi, log_pi = (x.detach() for x in dop.policies(batch, batch.now, 0.2))
    q, k = dop.critic.forward(batch.obs, batch.state), dop.mixer.k(batch.state)
    expected = 0.0
    for b, t in [(b, t) for b, length in enumerate((3, 5)) for t in range(length)]:
        for i in range(2):
            advantage = q[b, t, i, batch.actions[b, t, i]] - (pi[b, t, i] * q[b, t, i]).sum()
            expected -= (k[b, t, i] * advantage * log_pi[b, t, i]).item() / 8
    assert dop.policy_loss(batch, 0.2).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("epsilon", [0.0, 0.4])
def test_what_acts_is_what_learns(epsilon: float) -> None:
    """Shares of drawn actions are the policy that the losses read; its logarithm is the taken action's."""
    dop = Dop("dop", SPEC, replace(SMAC, epsilon=LinearSchedule(epsilon, epsilon)), 0)
    generator, rows = torch.Generator().manual_seed(2), 5000
    obs, state = 3 * torch.randn(2, 4, generator=generator), torch.zeros(5)
    allowed = torch.tensor([[True, True, True], [False, True, True]])
    grid = ((torch.arange(rows) + 0.5) / rows).view(rows, 1, 1).expand(rows, 2, 2)
    actions, _ = dop.act(
        obs.expand(rows, -1, -1), allowed.expand(rows, -1, -1), dop.start(rows), grid, Clock(), explore=True
    )
    shares = onehot(actions, 3).mean(0)
    once = chosen_once(dop, (0, 1), obs, state, allowed)
    pi, _ = dop.policies(once, once.now, epsilon)
    assert (shares - pi[0, 0]).abs().max() <= 1.5 / rows
    assert shares[1, 0] == 0.0
    for u in itertools.product(range(3), (1, 2)):
        once = chosen_once(dop, u, obs, state, allowed)
        log_pi = dop.policies(once, once.now, epsilon).log_pi
        assert log_pi[0, 0].exp().tolist() == pytest.approx(
            [pi[0, 0, 0, u[0]].item(), pi[0, 0, 1, u[1]].item()]
        )


def test_padding_does_not_teach(new_batch) -> None:
    dop = Dop("dop", SPEC, SMAC, 0)
    both, alone = new_batch([5, 2], [True, False]), new_batch([5, 2], [True, False])
    short = EpisodeBatch(
        **{name: getattr(alone, name)[1:, :3] for name in ("obs", "state", "available")},
        **{name: getattr(alone, name)[1:, :2] for name in ("actions", "reward", "terminated", "mask")},
        label=alone.label[1:],
    )
    padded = EpisodeBatch(
        **{name: tensor[1:] for name, tensor in vars(both).items() if isinstance(tensor, torch.Tensor)}
    )
    for epsilon in (0.0, 0.3):
        losses = [dop.policy_loss(batch, epsilon) for batch in (padded, short)]
        assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-6)
        gradients = [torch.autograd.grad(loss, list(dop.actor.parameters())) for loss in losses]
        assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(*gradients, strict=True))
        targets = [dop.tree_backup_target(batch, epsilon) for batch in (padded, short)]
        assert torch.allclose(targets[0][:, :2], targets[1], atol=1e-6)
        assert not targets[0][:, 2:].any()


def test_the_actor_learns_from_the_newest_episodes(new_run) -> None:
    state, env = new_run("dop", "dummy", on_policy_episodes=6, batch_episodes=4, burn_in_episodes=12)
    for _ in train(state, env, updates=1):
        pass
    asked: list[int] = []
    latest = state.replay.latest

    def spy(n: int):
        asked.append(n)
        return latest(n)

    state.replay.latest = spy
    dop = state.algorithm
    seen: list[EpisodeBatch] = []
    loss = dop.policy_loss
    dop.policy_loss = lambda batch, epsilon: (seen.append(batch), loss(batch, epsilon))[1]
    dop.update(state.replay, state.clock)
    assert asked == [6]
    assert torch.equal(seen[0].actions, torch.from_numpy(latest(6).actions))
