"""FMQ: its heuristic by hand, its exploration, and what it is for: the climbing game."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithms.fmq import Fmq, FmqConfig, Table
from fop_algos.training import checkpoint
from fop_algos.training.snapshots import snapshots
from fop_algos.training.stack import stacked
from fop_algos.training.train import TrainState, train
from fop_core.errors import FopError
from fop_core.replay import EpisodeReplay
from fop_core.types import Clock

SPEC = fop_envs.make("matrix").spec
CLIMBING = np.array([[11.0, -30.0, 0.0], [-30.0, 7.0, 6.0], [0.0, 0.0, 5.0]])


def test_expected_values_by_hand() -> None:
    table = Table(SPEC)
    for actions, reward in (([0, 1], -2.0), ([0, 0], 6.0), ([0, 2], 6.0), ([0, 1], -4.0)):
        table.learn(torch.tensor(actions), torch.tensor(reward), learning_rate=0.5)
    # Agent 0, action 0: -1, 2.5, 4.25, 0.125; best 6 in 2 of 4 plays. Agent 1, action 1: -1, -2.5; best -2.
    assert table.q.tolist() == [[0.125, 0.0, 0.0], [3.0, -2.5, 3.0]]
    assert table.best.tolist() == [[6.0, 0.0, 0.0], [6.0, -2.0, 6.0]]
    assert table.best_plays.tolist() == [[2.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    assert table.plays.tolist() == [[4.0, 0.0, 0.0], [1.0, 2.0, 1.0]]
    # 0.125 + 10 (2/4) 6; never played: 0; 3 + 10 (1/1) 6; -2.5 + 10 (1/2) (-2)
    assert table.values(10.0).tolist() == [[30.125, 0.0, 0.0], [63.0, -12.5, 63.0]]


def test_a_first_reward_below_zero_is_the_best_so_far() -> None:
    table = Table(SPEC)
    table.learn(torch.tensor([0, 0]), torch.tensor(-12.0), learning_rate=0.9)
    assert table.best[0, 0] == -12.0
    assert table.values(10.0)[0, 0].item() == pytest.approx(-10.8 - 120)


def test_temperature() -> None:
    config = FmqConfig()
    assert config.temperature(0) == 501.0
    assert config.temperature(1000) == pytest.approx(1 + 500 * math.exp(-6))


def built(**fields: Any) -> Fmq:
    algorithm = catalogue.build("fmq", SPEC, replace(FmqConfig(), **fields), 0)
    assert isinstance(algorithm, Fmq)
    return algorithm


def shares(algorithm: Fmq, clock: Clock, available: torch.Tensor) -> list[float]:
    """How often agent 0 plays each action, over evenly spread draws."""
    n = 3000
    uniform = ((torch.arange(n) + 0.5) / n).view(n, 1, 1).expand(n, 2, 2)
    actions, _ = algorithm.act(
        torch.ones(n, 2, 1), available.expand(n, 2, 3), algorithm.start(n), uniform, clock, True
    )
    return [(actions[:, 0] == a).float().mean().item() for a in range(3)]


def test_exploration_is_boltzmann_over_expected_values() -> None:
    algorithm = built(highest_temperature=1.0, temperature_decay=0.0)  # T = 2
    algorithm.table.q.data = torch.tensor([[0.0, 2 * math.log(3), 2 * math.log(6)]] * 2)
    everything = torch.ones(1, 2, 3, dtype=torch.bool)
    assert shares(algorithm, Clock(), everything) == pytest.approx([0.1, 0.3, 0.6], abs=1e-3)
    but_the_best = torch.tensor([True, True, False])
    assert shares(algorithm, Clock(), but_the_best) == pytest.approx([0.25, 0.75, 0.0], abs=1e-3)
    uniformly = built(uniform_episodes=5)
    uniformly.table.q.data = algorithm.table.q.data * 1e4
    assert shares(uniformly, Clock(), everything) == pytest.approx([1 / 3] * 3, abs=1e-3)
    assert shares(uniformly, Clock(episodes=5), everything) == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(("rounds", "updates"), [((1, 1), 12), ((4, 1), 3), ((4, 3), 9)])
def test_every_play_is_learned_from_once(rounds: tuple[int, int], updates: int) -> None:
    env = fop_envs.make("matrix", n_envs=2)
    algorithm = built(episodes_per_round=rounds[0], updates_per_round=rounds[1])
    state = TrainState(algorithm, EpisodeReplay(SPEC, 50, 0))
    for _ in train(state, env, updates=updates):
        pass
    assert algorithm.table.plays.sum(-1).tolist() == [12.0, 12.0]


def test_a_checkpoint_holds_the_table(tmp_path: Path) -> None:
    def run(updates: int, state: TrainState) -> TrainState:
        for _ in train(state, fop_envs.make("matrix"), updates=updates):
            pass
        return state

    def fresh() -> TrainState:
        return TrainState(built(), EpisodeReplay(SPEC, 50, 0))

    whole, half = run(40, fresh()), run(15, fresh())
    checkpoint.save(tmp_path / "it", half)
    resumed = fresh()
    checkpoint.load(tmp_path / "it", resumed)
    run(40, resumed)
    for key, value in whole.algorithm.modules.state_dict().items():
        assert torch.equal(resumed.algorithm.modules.state_dict()[key], value)
    assert whole.algorithm.modules["table"].plays.sum() == 80  # two agents


def ends(payoff: np.ndarray, **fields: Any) -> list[tuple[int, ...]]:
    """Greedy joint actions of 20 seeds after the paper's 1000 plays."""
    env = fop_envs.make("matrix", n_envs=20, payoff=payoff)
    config = replace(FmqConfig(), **fields)
    algorithm = stacked(lambda seed: catalogue.build("fmq", env.spec, config, seed), range(20))
    *_, last = snapshots(TrainState.of(algorithm), env, updates=1000)
    return [tuple(actions) for actions in last.actions.tolist()]


def test_it_climbs_and_without_the_heuristic_it_does_not() -> None:
    """The optimum lies at the last actions: ties go to the first."""
    turned = CLIMBING[::-1, ::-1]
    assert ends(turned).count((2, 2)) >= 19
    assert ends(turned, frequency_weight=0.0).count((2, 2)) <= 5


def test_games_of_many_steps_are_refused() -> None:
    with pytest.raises(FopError, match="fmq plays games of one step only; an episode of dummy has up to"):
        catalogue.build("fmq", fop_envs.make("dummy").spec)
