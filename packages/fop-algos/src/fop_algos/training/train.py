"""The loop: collect a round, learn from the replay, test now and then; it never looks into an algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from fop_algos.algorithm import Algorithm
from fop_core.protocols import VectorEnv
from fop_core.replay import EpisodeReplay
from fop_core.types import Bool, Clock, Float, Int

from .evaluate import EvaluationResult, evaluate
from .rollout import Collector


@dataclass
class TrainState:
    """Everything that decides how a run goes on. `checkpoint.save` writes it, `checkpoint.load` fills it.

    Attributes:
        algorithm: nets, optimisers and counters; its `seed` keys exploration, too.
        replay: finished episodes and the stream that samples them.
        clock: how far training has come.
        evaluations: tests made so far.
    """

    algorithm: Algorithm
    replay: EpisodeReplay
    clock: Clock = field(default_factory=Clock)
    evaluations: int = 0


@dataclass(frozen=True)
class Trained:
    """A round was collected and, after burn-in, learned from.

    Attributes:
        clock: after it.
        returns: `[n]` of the round's episodes.
        lengths: `[n]` steps.
        won: `[n]` bool where the task can be won, else None.
        metrics: of the last update, empty during burn-in.
    """

    clock: Clock
    returns: Float
    lengths: Int
    won: Bool | None
    metrics: dict[str, float]


@dataclass(frozen=True)
class Evaluated:
    """A test was made."""

    clock: Clock
    result: EvaluationResult


Event = Trained | Evaluated


def train(
    state: TrainState,
    env: VectorEnv,
    *,
    env_steps: int | None = None,
    updates: int | None = None,
    test_env: VectorEnv | None = None,
    test_every: int = 10_000,
    test_episodes: int = 32,
) -> Iterator[Event]:
    """Trains `state` until one of the limits is reached, and yields what happened.

    `state` is up to date whenever an event is yielded: save it there, or stop iterating for any reason. No
    episode is in flight then, so the environments hold nothing that a resumed run needs.

    Same numbers for the same seed need a fixed number of torch threads (`torch.set_num_threads`).

    Args:
        state: changed in place.
        env: for training, `E` environments; `E` changes the speed alone.
        env_steps: stop after the round that reaches this many steps, counted from the run's beginning.
        updates: stop after the round that reaches this many updates.
        test_env: for tests; without it none are made.
        test_every: environment steps from one test to the next; the first is made before training.
        test_episodes: greedy episodes per test.

    Raises:
        ValueError: neither limit is given, or `test_every` or `test_episodes` is less than 1.
        NotFinite: a loss was NaN or infinite; the nets are as before that loss.
    """
    if env_steps is None and updates is None:
        raise ValueError("train needs a limit: env_steps or updates")
    if test_every < 1 or test_episodes < 1:
        raise ValueError(f"test_every is {test_every}, test_episodes {test_episodes}; at least 1 is needed")
    return _events(state, env, env_steps, updates, test_env, test_every, test_episodes)


def _events(
    state: TrainState,
    env: VectorEnv,
    env_steps: int | None,
    updates: int | None,
    test_env: VectorEnv | None,
    test_every: int,
    test_episodes: int,
) -> Iterator[Event]:
    algorithm, config = state.algorithm, state.algorithm.config
    collector = Collector(env, config.episodes_per_round)
    while True:
        # Which test is due follows from the clock, so one that a stop cut off is made up for on resuming.
        if test_env is not None and state.clock.env_steps >= state.evaluations * test_every:
            result = evaluate(algorithm, test_env, test_episodes, state.evaluations * test_episodes)
            state.evaluations = state.clock.env_steps // test_every + 1
            yield Evaluated(state.clock, result)
        if env_steps is not None and state.clock.env_steps >= env_steps:
            return
        if updates is not None and state.clock.updates >= updates:
            return
        yield _round(state, collector)


def _round(state: TrainState, collector: Collector) -> Trained:
    algorithm, config, clock = state.algorithm, state.algorithm.config, state.clock
    played = collector.collect(
        algorithm, clock, first_episode=clock.episodes, seed=algorithm.seed, explore=True
    )
    state.replay.add(played.episodes)
    clock = replace(
        clock,
        env_steps=clock.env_steps + int(played.lengths.sum()),
        episodes=clock.episodes + collector.n_episodes,
    )
    metrics: dict[str, float] = {}
    if clock.episodes >= config.burn_in_episodes:
        for _ in range(config.updates_per_round):
            metrics = algorithm.update(state.replay, clock)
            clock = replace(clock, updates=clock.updates + 1)
    state.clock = clock
    return Trained(clock, played.returns, played.lengths, played.won, metrics)
