"""Tests: greedy episodes on an environment of their own. Testing more often can't change training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fop_algos.algorithm import Algorithm
from fop_core.protocols import VectorEnv
from fop_core.types import Actions, Bool, Clock, Float, Int

from .stack import collector


@dataclass(frozen=True)
class EvaluationResult:
    """How the episodes of one test ended, in their order; of a stack of `K` seeds, `[K, n]`.

    Attributes:
        returns: `[n]` sums of rewards.
        lengths: `[n]` steps.
        won: `[n]` bool where the task can be won, else None.
        first_actions: `[n, N]` int64 or `[n, N, D]` float32, the joint action of each first step.
    """

    returns: Float
    lengths: Int
    won: Bool | None
    first_actions: Actions

    @property
    def win_rate(self) -> float | None:
        """Share of episodes won, or None where nothing can be won."""
        return None if self.won is None else float(self.won.mean())

    def of_seed(self, k: int) -> EvaluationResult:
        """One seed's, of a stack's."""
        won = None if self.won is None else self.won[k]
        return EvaluationResult(self.returns[k], self.lengths[k], won, self.first_actions[k])


def evaluate(algorithm: Algorithm, env: VectorEnv, episodes: int, first_episode: int = 0) -> EvaluationResult:
    """Plays episodes `first_episode ..` of `env` greedily.

    Args:
        algorithm: it only acts.
        env: used by nothing else meanwhile; its own seed decides what its episodes hold. For a stack of `K`
            seeds it has `K * episodes` slots.
        episodes: how many.
        first_episode: number of the first; the next test goes on after the last.
    """
    played = collector(algorithm, env, episodes).collect(
        algorithm, Clock(), first_episode=first_episode, explore=False
    )
    first_actions = np.take(played.episodes.actions, 0, axis=played.lengths.ndim)  # a copy
    return EvaluationResult(played.returns, played.lengths, played.won, first_actions)
