"""Tests: greedy episodes on an environment of their own. Testing more often can't change training."""

from __future__ import annotations

from dataclasses import dataclass

from fop_algos.algorithm import Algorithm
from fop_core.protocols import VectorEnv
from fop_core.types import Bool, Clock, Float, Int

from .rollout import Collector


@dataclass(frozen=True)
class EvaluationResult:
    """How the episodes of one test ended, in their order.

    Attributes:
        returns: `[n]` sums of rewards.
        lengths: `[n]` steps.
        won: `[n]` bool where the task can be won, else None.
    """

    returns: Float
    lengths: Int
    won: Bool | None

    @property
    def win_rate(self) -> float | None:
        """Share of episodes won, or None where nothing can be won."""
        return None if self.won is None else float(self.won.mean())


def evaluate(algorithm: Algorithm, env: VectorEnv, episodes: int, first_episode: int = 0) -> EvaluationResult:
    """Plays episodes `first_episode ..` of `env` greedily.

    Args:
        algorithm: it only acts.
        env: used by nothing else meanwhile; its own seed decides what its episodes hold.
        episodes: how many.
        first_episode: number of the first; the next test goes on after the last.
    """
    collector = Collector(env, episodes)
    played = collector.collect(algorithm, Clock(), first_episode=first_episode, seed=0, explore=False)
    return EvaluationResult(played.returns, played.lengths, played.won)
