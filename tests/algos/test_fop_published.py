"""FOP as published: its equations on numbers worked by hand, and whole updates as they were measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithms import fop_published as published
from fop_algos.algorithms.fop import Fop, FopConfig
from fop_algos.algorithms.fop_published import PUBLISHED, FopPublished, FopPublishedConfig
from fop_algos.algorithms.fop_variants import FopVariant, FopVariantConfig
from fop_algos.batch import EpisodeBatch
from fop_algos.training.train import TrainState, train
from fop_core.replay import EpisodeReplay
from fop_core.types import Clock, Episodes, TaskSpec

SPEC = TaskSpec("t", 2, 2, 3, 4, 5)


def batch(reward: list[float], terminated: bool, padding: int = 0) -> EpisodeBatch:
    steps = len(reward)
    ended = np.zeros((1, steps + padding), np.bool_)
    ended[0, steps - 1] = terminated
    return EpisodeBatch.of(
        Episodes(
            obs=np.zeros((1, steps + padding + 1, 2, 1), np.float32),
            state=np.zeros((1, steps + padding + 1, 1), np.float32),
            available=np.ones((1, steps + padding + 1, 2, 2), np.bool_),
            actions=np.zeros((1, steps + padding, 2), np.int64),
            reward=np.array([reward + [0.0] * padding], np.float32),
            terminated=ended,
            mask=np.arange(steps + padding)[None] < steps,
            lengths=np.array([steps]),
            label=np.zeros(1, np.int64),
        )
    )


def test_policy_mixes_over_all_actions_then_masks() -> None:
    # softmax (1/2, 1/2, 0+), epsilon 0.3 over 3: 0.45, 0.45, 0.1; the second is masked: 0.45/0.55, 0.1/0.55
    logits = torch.tensor([[0.0, 0.0, -80.0]], requires_grad=True)
    available = torch.tensor([[True, False, True]])
    pi = published.policy(logits, available, 0.3)
    assert pi.policy[0].tolist() == pytest.approx([0.45 / 0.55, 1e-10, 0.1 / 0.55], rel=1e-5)
    assert pi.log_policy[0, 1].item() == pytest.approx(np.log(1e-10), rel=1e-6)
    expected = -(0.45 / 0.55 * np.log(0.45 / 0.55) + 0.1 / 0.55 * np.log(0.1 / 0.55))
    assert pi.entropy.item() == pytest.approx(expected, rel=1e-5)


def test_policy_has_no_gradient_at_epsilon_one_nor_nan_on_padding() -> None:
    logits = torch.tensor([[1.0, -1.0], [0.3, 0.2]], requires_grad=True)
    pi = published.policy(logits, torch.tensor([[True, True], [False, False]]), 1.0)
    pi.entropy.sum().backward()
    assert logits.grad is not None
    assert (logits.grad == 0).all()
    assert torch.isfinite(pi.log_policy).all()


def test_sample_applies_epsilon_twice() -> None:
    # Unmasked softmax gives action 0; epsilon 0.5 leaves it 0.75 by the policy, half of the draws are
    # replaced by a uniform one: 0.5 * 0.75 + 0.5 * 0.5 = 0.625.
    u = torch.rand(200_000, 2, generator=torch.Generator().manual_seed(0))
    logits = torch.tensor([80.0, 0.0]).expand(200_000, 2)
    actions = published.sample(logits, torch.ones(200_000, 2, dtype=torch.bool), 0.5, u)
    assert (actions == 0).float().mean().item() == pytest.approx(0.625, abs=0.005)


def test_target_of_a_terminated_episode() -> None:
    # gamma 0.9, lam 0.8, T = 2, q at steps 1 and 2: 3 and 5; term at the second step.
    # G_2 = 5 (1 - 1) = 0; G_1 = 0 + 2 + 0 = 2; G_0 = 0.72 * 2 + 1 + 0.2 * 0.9 * 3 = 2.98
    # minus alpha 0.5 times mean log pi (-1 and -2 at t = 0, -3 and -5 at t = 1): + 0.75, + 2, at the end too
    log_pi = torch.tensor([[[-1.0, -2.0], [-3.0, -5.0]]])
    y = published.target(batch([1.0, 2.0], True), torch.tensor([[3.0, 5.0]]), log_pi, 0.5, 0.9, 0.8)
    assert y[0].tolist() == pytest.approx([2.98 + 0.75, 2.0 + 2.0])


def test_target_of_an_episode_that_was_cut_off() -> None:
    # G_2 = 5; G_1 = 0.72 * 5 + 2 + 0.18 * 5 = 6.5; G_0 = 0.72 * 6.5 + 1 + 0.18 * 3 = 6.22
    y = published.target(
        batch([1.0, 2.0], False), torch.tensor([[3.0, 5.0]]), torch.zeros(1, 2, 2), 0.5, 0.9, 0.8
    )
    assert y[0].tolist() == pytest.approx([6.22, 6.5])


def test_target_reads_padding_after_a_short_cut_off_episode() -> None:
    # Padding with q 7: G_3 = 7; G_2 (padding) = 0.72 * 7 = 5.04; G_1 = 0.72 * 5.04 + 2 + 0.18 * 5 = 6.5288
    y = published.target(
        batch([1.0, 2.0], False, 1), torch.tensor([[3.0, 5.0, 7.0]]), torch.zeros(1, 3, 2), 0.5, 0.9, 0.8
    )
    assert y[0].tolist() == pytest.approx([0.72 * 6.5288 + 1 + 0.54, 6.5288, 0.0])


def test_soft_value_counts_unavailable_actions() -> None:
    q, available = torch.tensor([[1.0, 2.0]]), torch.tensor([[True, False]])
    theirs = FopPublished("fop-published", SPEC, PUBLISHED, 0).v(q, available, 0.5)
    ours = Fop("fop", SPEC, FopConfig(), 0).v(q, available, 0.5)
    assert theirs.item() == pytest.approx(0.5 * np.log(np.exp(2) + np.exp(4)), rel=1e-6)
    assert ours.item() == pytest.approx(1.0)


def test_targets_of_the_paper() -> None:
    # Same numbers as above. mean: TD(lambda) 2.98 and 2, entropy 0.75 at t = 0 and none at the end.
    # joint: v_1 = 3 + 0.5 * 3 = 4.5; G_1 = 2; G_0 = 1 + 0.9 (0.2 * 4.5 + 0.8 * 2) = 3.25
    log_pi = torch.tensor([[[-1.0, -2.0], [-3.0, -5.0]]])
    args = (batch([1.0, 2.0], True), torch.tensor([[3.0, 5.0]]), log_pi, 0.5)
    mean = Fop("fop", SPEC, FopConfig(gamma=0.9), 0)
    assert mean.soft_return(*args)[0].tolist() == pytest.approx([3.73, 2.0])
    joint = FopVariant("fop-variant", SPEC, FopVariantConfig(gamma=0.9, entropy_in_target="joint"), 0)
    assert joint.soft_return(*args)[0].tolist() == pytest.approx([3.25, 2.0])


def test_settings_of_the_published_code() -> None:
    assert [PUBLISHED.alpha(Clock(env_steps=t)) for t in (0, 40_000, 90_000, 10**6)] == pytest.approx(
        [0.5, 0.3, 0.05, 0.05]
    )
    fop = catalogue.build("fop-published", SPEC)
    assert isinstance(fop, FopPublished)
    assert not any(isinstance(m, torch.nn.GRU) for critic in fop.critics for m in critic.modules())
    assert any(isinstance(m, torch.nn.GRU) for m in fop.actor.modules())


@pytest.mark.parametrize("change", [{"alpha_i": "average"}, {"alpha": {"kind": "automatic"}}])
def test_its_temperatures_are_annealed_and_tied(change: dict[str, object]) -> None:
    alpha = change.pop("alpha", None)
    if alpha:
        change["alpha"] = type(PUBLISHED.alpha)(0.5, 0.05, 100, kind="automatic")
    with pytest.raises(ValueError, match="the published code's temperatures are annealed and tied"):
        FopPublishedConfig(**change)


@pytest.mark.parametrize("task", ["matrix", "dummy"])
def test_updates_are_those_of_what_was_compat_official(task: str) -> None:
    """Metrics of five updates, measured when this was FOP with `compat=official`. Compared to 1e-4, as the
    golden traces are: processors round differently.
    """
    stored = json.loads(Path(__file__).with_name("fop_published_traces.json").read_text())[task]
    env = fop_envs.make(task, n_envs=2, seed=11)
    small = {"burn_in_episodes": 8, "batch_episodes": 8, "buffer_episodes": 32, "target_update_episodes": 3}
    config = FopPublishedConfig(**vars(catalogue.entry("fop").config_for(env.spec)) | small)
    state = TrainState(
        catalogue.build("fop-published", env.spec, config, 11), EpisodeReplay(env.spec, 32, 11)
    )
    now = [event.metrics for event in train(state, env, updates=5) if getattr(event, "metrics", {})]
    assert len(now) == len(stored) == 5
    for mine, theirs in zip(now, stored, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)
