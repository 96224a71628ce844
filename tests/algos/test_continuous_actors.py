"""What all baselines for continuous actions promise beside the contracts of every algorithm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import fop_envs
from fop_algos import catalogue
from fop_algos.bases.continuous_actors import own_replaced
from fop_algos.functional.schedules import Temperature
from fop_core.replay import EpisodeReplay
from fop_core.types import Clock, Episodes, TaskSpec

GAME = fop_envs.make("differential").spec
NAMES = ("maddpg", "facmaddpg", "dop", "maac", "masql")


def test_own_actions_among_the_others() -> None:
    own, others = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[-1.0], [-2.0], [-3.0]])
    assert own_replaced(own, others).squeeze(-1).tolist() == [[1, -2, -3], [-1, 2, -3], [-1, -2, 3]]


class FixedReplay:
    """Gives one batch, whatever is asked for."""

    def __init__(self, episodes: Episodes) -> None:
        self.sample = lambda n: episodes


def episodes(padding: float) -> Episodes:
    """Episodes of 3 and 1 steps, the longer one cut off; `padding` is what stands where nothing happened."""
    rng = np.random.default_rng(0)
    lengths = np.array([3, 1])
    mask = np.arange(3) < lengths[:, None]

    def filled(steps: int, *shape: int) -> Any:
        values = rng.normal(size=(2, steps, *shape)).astype(np.float32)
        values[1, 1 + steps - 3 :] = padding
        return values

    return Episodes(
        obs=filled(4, 2, 4),
        state=filled(4, 5),
        available=np.ones((2, 4, 2, 0), np.bool_),
        actions=filled(3, 2, 1),
        reward=filled(3),
        terminated=np.array([[False] * 3, [True, False, False]]),
        mask=mask,
        lengths=lengths,
        label=np.zeros(2, np.int64),
    )


@pytest.mark.parametrize("name", NAMES)
def test_padding_never_matters(name: str) -> None:
    """Tasks with a history: three updates from batches that differ in their padding alone."""
    spec = TaskSpec("reach", 2, 0, 4, 5, 3, "continuous", 1, -10.0, 10.0)
    config = replace(catalogue.entry(name).config_for(spec), batch_episodes=2, target_update_episodes=1)
    ends = []
    for padding in (0.0, 9.0):
        algorithm = catalogue.build(name, spec, config, 0)
        for update in range(3):
            metrics = algorithm.update(FixedReplay(episodes(padding)), Clock(0, update, update))
        ends.append((algorithm.modules.state_dict(), metrics))
    (nets, metrics), (others, again) = ends
    assert metrics == again
    assert all(torch.equal(value, others[key]) for key, value in nets.items())
    fresh = catalogue.build(name, spec, config, 0).modules.state_dict()
    assert any(not torch.equal(value, fresh[key]) for key, value in nets.items())


def hill(n: int) -> EpisodeReplay:
    """Uniform joint actions with rewards `-(u_1 - 3)^2 - (u_2 + 2)^2`."""
    actions = np.random.default_rng(0).uniform(-10, 10, size=(n, 1, 2, 1)).astype(np.float32)
    replay, ones = EpisodeReplay(GAME, n, 0), np.ones((n, 1), np.bool_)
    replay.add(
        Episodes(
            obs=np.ones((n, 2, 2, 1), np.float32),
            state=np.ones((n, 2, 1), np.float32),
            available=np.zeros((n, 2, 2, 0), np.bool_),
            actions=actions,
            reward=-((actions[:, :, 0, 0] - 3) ** 2) - (actions[:, :, 1, 0] + 2) ** 2,
            terminated=ones,
            mask=ones,
            lengths=np.ones(n, np.int64),
            label=np.zeros(n, np.int64),
        )
    )
    return replay


@pytest.mark.parametrize(
    ("name", "fields"),
    [*((name, {}) for name in NAMES), ("maac", {"gradient": "score"}), ("masql", {"sampler": "own"})],
)
def test_updates_go_uphill(name: str, fields: dict[str, str]) -> None:
    """Whole updates, critic and actor: the greedy joint action leaves (0, 0) towards (3, -2)."""
    config = replace(
        catalogue.entry(name).config_for(GAME), learning_rate=3e-3, hidden=32, reward_scale=0.1, **fields
    )
    if hasattr(config, "alpha"):
        config = replace(config, alpha=Temperature(0.1, 0.1))
    algorithm, replay = catalogue.build(name, GAME, config, 0), hill(500)
    look, nothing = torch.ones(1, 2, 1), torch.ones(1, 2, 0, dtype=torch.bool)

    def greedy() -> list[float]:
        with torch.inference_mode():
            u, _ = algorithm.act(look, nothing, algorithm.start(1), torch.zeros(1, 2, 2), Clock(), False)
        return u.flatten().tolist()

    assert greedy() == pytest.approx([0, 0], abs=0.3)
    for update in range(100):
        algorithm.update(replay, Clock(updates=update))
    first, second = greedy()
    assert first > 1.5
    assert second < -0.5


@pytest.mark.parametrize("name", NAMES)
def test_uniform_episodes_come_first(name: str) -> None:
    spec = fop_envs.make("differential").spec
    entry = catalogue.entry(name)
    algorithm = catalogue.build(name, spec, type(entry.form("continuous").games)(uniform_episodes=64), 0)
    obs, available = torch.ones(40_000, 2, 1), torch.ones(40_000, 2, 0, dtype=torch.bool)
    uniform = torch.rand(40_000, 2, 2, generator=torch.Generator().manual_seed(0))

    def act(episodes: int, explore: bool) -> Tensor:
        with torch.inference_mode():
            return algorithm.act(
                obs, available, algorithm.start(40_000), uniform, Clock(0, episodes), explore
            )[0]

    first = act(63, True)
    assert torch.histc(first, 10, -10, 10).div(80_000).tolist() == pytest.approx([0.1] * 10, abs=0.01)
    assert torch.corrcoef(first.squeeze(-1).T)[0, 1].abs() < 0.02
    own = torch.histc(act(64, True), 10, -10, 10).div(80_000)
    assert (own - 0.1).abs().max() > 0.02
    assert torch.equal(act(0, False), act(64, False))


@pytest.mark.parametrize("name", NAMES)
def test_joint_values_are_in_units_of_the_reward(name: str) -> None:
    spec = fop_envs.make("differential").spec
    config = catalogue.entry(name).config_for(spec)
    algorithm = catalogue.build(name, spec, config, 0)
    assert isinstance(config.reward_scale, float)
    u = torch.tensor([[[2.0], [-7.0]]])
    obs, state, available = torch.ones(1, 2, 1), torch.ones(1, 1), torch.ones(1, 2, 0, dtype=torch.bool)
    value = algorithm.joint_value(obs, state, available, u, Clock())
    learned = algorithm.values(obs, state, u / 10).mean(-1)
    assert torch.allclose(value, learned * 20)
