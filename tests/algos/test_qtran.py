"""QTRAN: its losses where its conditions hold and where they don't, counterfactuals, gradients, targets."""

from __future__ import annotations

import itertools

import pytest
import torch

from fop_algos import catalogue
from fop_algos.algorithms.qtran import (
    JointValue,
    Qtran,
    QtranConfig,
    nopt_loss,
    nopt_min_loss,
    opt_loss,
    unroll,
)
from fop_algos.batch import onehot
from fop_algos.training.train import train
from fop_core.types import TaskSpec

SPEC = TaskSpec("t", n_agents=2, n_actions=3, obs_dim=4, state_dim=5, episode_limit=6)
PAYOFF = torch.tensor([[8.0, -12.0, -12.0], [-12.0, 0.0, 0.0], [-12.0, 0.0, 0.0]])
JOINT = torch.tensor(list(itertools.product(range(3), repeat=2)))


def losses(q: torch.Tensor, table: torch.Tensor, v: float = 0.0) -> tuple[float, float, float]:
    """`opt`, `nopt`, `nopt_min` of tables `[2, 3]` and `[3, 3]`, all nine joint actions taken once."""
    q = q.to(torch.float32)
    chosen = q.gather(1, JOINT.T).T.unsqueeze(1)  # [9, 1, 2]
    rows = torch.stack((table.T[JOINT[:, 1]], table[JOINT[:, 0]]), 1).unsqueeze(1)  # [9, 1, 2, 3]
    q_joint, mask = table.flatten().unsqueeze(1), torch.ones(9, 1, dtype=torch.bool)
    vs = torch.full((9, 1), v)
    best = q.amax(1).expand(9, 1, 2)
    at_best = table[q[0].argmax(), q[1].argmax()].expand(9, 1)
    available = torch.ones(9, 1, 2, 3, dtype=torch.bool)
    return (
        opt_loss(best, at_best, vs, mask).item(),
        nopt_loss(chosen, q_joint, vs, mask).item(),
        nopt_min_loss(q.expand(9, 1, 2, 3), chosen, rows, available, vs, mask).item(),
    )


def test_the_paper_game_has_values_without_loss() -> None:
    """4 and 4 for A, 0 else: the sum is 8 at (A, A), 16 too high beside it, 0 elsewhere."""
    q = torch.tensor([[4.0, 0.0, 0.0], [4.0, 0.0, 0.0]])
    assert losses(q, PAYOFF) == (0.0, 0.0, 0.0)
    assert losses(q - 1.5, PAYOFF, v=3.0) == (0.0, 0.0, 0.0)  # what the agents lose, V makes up for
    assert losses(q, PAYOFF, v=1.0) == (1.0, 0.0, 1.0)  # the sum may be too high for base, not for alt


def test_values_that_violate_a_condition_have_a_loss() -> None:
    # Agent 0 thinks 1 less of B: (B, B) and (B, C) are short by 1. For alt agent 0's worst gap is -1 beside B
    # and C (6 of 9), agent 1's -1 where agent 0 plays B (3 of 9), 9 of 18 in all.
    low = torch.tensor([[4.0, -1.0, 0.0], [4.0, 0.0, 0.0]])
    assert losses(low, PAYOFF) == pytest.approx((0.0, 2 / 9, 9 / 18))
    # One unit too much for B and C: never too low, but not tight: gaps of 2 for alt beside B and C.
    loose = torch.tensor([[4.0, 1.0, 1.0], [4.0, 1.0, 1.0]])
    assert losses(loose, PAYOFF) == pytest.approx((0.0, 0.0, 12 / 18 * 4))
    # The greedy joint action is (B, B): 2 too high there, and (A, A) is worth 8 but summed as 0.
    wrong = torch.tensor([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    opt, nopt, nopt_min = losses(wrong, PAYOFF)
    assert (opt, nopt) == pytest.approx((4.0, 64 / 9))
    assert nopt_min > 0


def test_conditions_that_hold_give_consistent_optima() -> None:
    """Theorem 1: no loss means that the joint argmax is the individual ones', whatever the tables."""
    torch.manual_seed(0)
    for _ in range(50):
        q, v = 3 * torch.randn(2, 3), torch.randn(()).item()
        best = q.argmax(1)
        slack = 5 * torch.rand(3, 3)
        slack[best[0], best[1]] = 0.0
        table = q[0].unsqueeze(1) + q[1] + v - slack
        opt, nopt, _ = losses(q, table, v)
        assert max(opt, nopt) < 1e-9
        assert divmod(int(table.argmax()), 3) == (int(best[0]), int(best[1]))


def test_unavailable_actions_and_padding_do_not_count() -> None:
    q = torch.zeros(1, 2, 2, 3, requires_grad=True)
    rows = torch.tensor([[5.0, 1.0, 2.0], [3.0, 1.0, 9.0]]).expand(1, 2, 2, 3).clone().requires_grad_()
    available = torch.tensor([[[False, True, True], [True, True, False]], [[False] * 3] * 2]).unsqueeze(0)
    mask = torch.tensor([[True, False]])
    chosen = torch.zeros(1, 2, 2)
    loss = nopt_min_loss(q, chosen, rows, available, torch.zeros(1, 2), mask)
    loss.backward()
    assert loss.item() == (2.0**2 + 3.0**2) / 2  # not 5 and 9
    assert rows.grad is None
    assert q.grad is not None
    assert torch.isfinite(q.grad).all()
    assert q.grad[0, 0].tolist() == [[0.0, 0.0, -2.0], [-3.0, 0.0, 0.0]]
    assert (q.grad[0, 1] == 0).all()


@pytest.mark.parametrize("history", [0, 6])
def test_counterfactuals_are_the_joint_value_with_one_action_replaced(history: int) -> None:
    torch.manual_seed(1)
    net = JointValue(SPEC, 16, history)
    state, histories = torch.randn(3, 4, 5), torch.randn(3, 4, 2, history)
    actions = torch.randint(3, (3, 4, 2))
    rows = net.counterfactuals(state, histories, onehot(actions, 3))
    assert rows.shape == (3, 4, 2, 3)
    for i, a in itertools.product(range(2), range(3)):
        other = actions.clone()
        other[..., i] = a
        value = net.forward(state, histories, onehot(other, 3))
        assert torch.allclose(rows[..., i, a], value, atol=1e-5)
    assert rows.std(-1).min() > 1e-5


@pytest.mark.parametrize("name", ["qtran_base", "qtran_alt"])
def test_gradients_go_where_the_paper_sends_them(new_batch, name: str) -> None:
    """The joint value learns from temporal differences alone, the agents and V from the conditions."""
    batch = new_batch([3, 5], [True, False])

    def gradients(opt: float, nopt: float, joint_input: str) -> dict[str, torch.Tensor]:
        config = QtranConfig(
            variant="alt" if name.endswith("alt") else "base",
            joint_input=joint_input,
            opt_weight=opt,
            nopt_weight=nopt,
            learning_rate=1e-12,
            max_gradient_norm=1e9,
            batch_episodes=2,
            burn_in_episodes=2,
        )
        algorithm = Qtran(name, SPEC, config, 0)
        algorithm.update(_Replay(batch), _clock())
        return {
            key: torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])
            if any(p.grad is not None for p in net.parameters())
            else torch.zeros(1)
            for key, net in algorithm.modules.items()
        }

    for joint_input in ("actions", "histories"):
        td, both = gradients(0.0, 0.0, joint_input), gradients(1.0, 1.0, joint_input)
        assert torch.equal(td["joint"], both["joint"])
        assert both["joint"].abs().sum() > 0
        assert (td["v"] == 0).all()
        assert both["v"].abs().sum() > 0
        assert both["agent"].abs().sum() > 0
        # PyMARL lets the joint value shape the histories that it reads.
        assert bool((td["agent"] == 0).all()) == (joint_input == "actions")


def test_targets_are_the_frozen_joint_value_of_the_live_choice(new_batch) -> None:
    algorithm = catalogue.build("qtran_base", SPEC)
    assert isinstance(algorithm, Qtran)
    batch = new_batch([3, 5], [True, False])
    torch.manual_seed(0)
    for parameter in [*algorithm.agent.parameters(), *algorithm.joint.parameters()]:
        parameter.data += 0.3 * torch.randn_like(parameter)
    q = algorithm.agent.unroll(batch.obs, batch.last_onehot).detach()
    _, frozen = unroll(algorithm.target_agent, batch)
    target = algorithm.target(batch, q)
    for b, length in enumerate([3, 5]):
        for t in range(length):
            best = []
            for i in range(2):
                allowed = [a for a in range(3) if batch.available[b, t + 1, i, a]]
                best.append(max(allowed, key=lambda a, b=b, t=t, i=i: q[b, t + 1, i, a].item()))
            value = algorithm.target_joint.forward(
                batch.state[b, t + 1], frozen[b, t + 1], onehot(torch.tensor(best), 3)
            ).item()
            live = 0.0 if batch.terminated[b, t] else 0.99
            assert target[b, t].item() == pytest.approx(batch.reward[b, t].item() + live * value, abs=1e-5)


@pytest.mark.parametrize("name", ["qtran_base", "qtran_alt"])
@pytest.mark.parametrize("task", ["matrix", "dummy"])
def test_the_loss_is_the_weighted_sum(new_run, name: str, task: str) -> None:
    state, env = new_run(name, task, opt_weight=2.0, nopt_weight=0.5)
    seen = [m for e in train(state, env, updates=3) if (m := getattr(e, "metrics", None))]
    assert len(seen) == 3
    for m in seen:
        assert m["loss"] == pytest.approx(m["td_loss"] + 2 * m["opt_loss"] + 0.5 * m["nopt_loss"], rel=1e-5)
        assert min(m["td_loss"], m["opt_loss"]) > 0
    assert max(m["nopt_loss"] for m in seen) > 0


def test_padding_does_not_matter(new_batch) -> None:
    batch = new_batch([2, 5], [True, False])
    batch.available[0, 3:] = False
    ends = []
    for padding in (0.0, 50.0):
        batch.state[0, 3:] = padding
        batch.reward[0, 2:] = padding
        algorithm = Qtran("qtran_alt", SPEC, QtranConfig(variant="alt"), 0)
        ends.append((algorithm.update(_Replay(batch), _clock()), algorithm.modules.state_dict()))
    assert ends[0][0] == ends[1][0]
    assert all(torch.equal(value, ends[1][1][key]) for key, value in ends[0][1].items())


def test_histories_need_a_recurrent_net() -> None:
    with pytest.raises(ValueError, match=r"agent is shared_mlp.*use agent=shared_gru or joint_input=actions"):
        QtranConfig(agent="shared_mlp")


class _Replay:
    """Gives the same batch each time."""

    def __init__(self, batch: object) -> None:
        self.batch = batch

    def sample(self, n: int) -> object:
        return _Episodes(self.batch)


class _Episodes:
    """An `EpisodeBatch` read as arrays."""

    def __init__(self, batch: object) -> None:
        self.batch = batch

    def __getattr__(self, name: str) -> object:
        return getattr(self.batch, name).numpy()


def _clock() -> object:
    from fop_core.types import Clock

    return Clock()
