"""How noisy policy gradients are: their variance over minibatches and fresh actions, with all nets frozen."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from fop_algos.bases.continuous_actors import ContinuousActors
from fop_algos.batch import EpisodeBatch
from fop_algos.training.stack import StackedReplay
from fop_core.replay import Sampler
from fop_core.types import Clock

APART = 2**48
"""Draws of the replay and updates from this number on are the measurement's; no training comes so far."""


class GradientNoise(NamedTuple):
    """Of gradients whose nets are the same and whose samples differ, float64 `[K]`.

    Attributes:
        variance: over samples, mean over parameters. It grows with the square of the loss's scale.
        relative: variance over samples, added up over parameters, by the squared norm of the mean gradient;
            0 where nothing varies. The mean of `G` samples keeps a `G`-th of their variance, so that this
            comes to about `G` where the true gradient is 0.
    """

    variance: Tensor
    relative: Tensor


def noise_of(gradients: Tensor) -> GradientNoise:
    """Of `[G, ..., P]`: `G` samples of the gradient of `P` parameters."""
    gradients = gradients.double()
    variance = gradients.var(0)
    total, squared = variance.sum(-1), gradients.mean(0).square().sum(-1)
    return GradientNoise(variance.mean(-1), torch.where(total == 0, 0.0, total / squared))


def gradient_noise(
    algorithm: ContinuousActors, replay: StackedReplay, clock: Clock, *, samples: int = 32, episodes: int = 64
) -> GradientNoise:
    """How noisy each seed's gradient of its actors' own loss is at this moment, unclipped.

    Neither nets nor the randomness of the run are touched; the same seeds, clock and replay give the same.

    Args:
        algorithm: a stack.
        replay: of its seeds, with `episodes` at least.
        clock: of the moment.
        samples: independent minibatches, each with actions of its own from the policies that draw any.
        episodes: in a minibatch, whatever the algorithm's own updates take.
    """
    assert algorithm.seeds is not None
    first = APART + clock.updates * samples
    samplers = [Sampler(seed, first) for seed in algorithm.seeds]
    parameters = list(algorithm.actor.parameters())
    gradients = []
    for k in range(samples):
        batch = EpisodeBatch.of(replay.drawn(samplers, episodes), algorithm.device)
        draws = algorithm.draws(replace(clock, updates=first + k))
        loss = algorithm.policy_loss(batch, draws, clock)[0]
        found = torch.autograd.grad(loss.sum(), parameters)
        gradients.append(torch.cat([gradient.flatten(1) for gradient in found], -1))
    return noise_of(torch.stack(gradients))
