"""A stack of seeds watched while it trains: greedy play, and how it explored, at equal distances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fop_algos.algorithm import Metrics
from fop_core.protocols import VectorEnv
from fop_core.types import Actions, Clock, Float

from .evaluate import evaluate
from .train import Trained, TrainState, train


@dataclass(frozen=True)
class Snapshot:
    """How far a stack of `K` seeds has come.

    Attributes:
        clock: of every seed.
        actions: `[K, N]` int64 or `[K, N, D]` float32, what each seed's team plays without exploring.
        returns: `[K]` what it gets for it.
        explored: `[K, E, N, ...]` the joint actions of the `E` episodes played since the last snapshot.
        metrics: of the last update: a list of `K` numbers each, or a number that all share.
    """

    clock: Clock
    actions: Actions
    returns: Float
    explored: Actions
    metrics: Metrics


def snapshots(
    state: TrainState,
    env: VectorEnv,
    test_env: VectorEnv | None = None,
    *,
    updates: int,
    every: int = 1000,
) -> Iterator[Snapshot]:
    """Trains a stack for `updates`; yields before the first update and after each `every` updates.

    Args:
        state: of a stack, changed in place.
        env: see `train`.
        test_env: with a slot for each seed; by default `env`, if it has no more.
        updates: of every seed.
        every: updates between two snapshots; a round's updates are counted together.
    """

    def look(explored: list[Actions], metrics: Metrics) -> Snapshot:
        result = evaluate(state.algorithm, test_env or env, 1)
        actions, returns = result.first_actions, result.returns
        return Snapshot(
            state.clock, actions[:, 0], returns[:, 0], np.concatenate([actions[:, :0], *explored], 1), metrics
        )

    explored: list[Actions] = []
    seen = state.clock.updates
    yield look(explored, {})
    for event in train(state, env, updates=updates):
        assert isinstance(event, Trained)
        explored.append(event.episodes.actions[:, :, 0])
        if event.clock.updates // every > seen // every or event.clock.updates >= updates:
            seen = event.clock.updates
            yield look(explored, event.metrics)
            explored = []
