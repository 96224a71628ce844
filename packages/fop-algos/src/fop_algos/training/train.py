"""The loop: collect a round, learn from the replay, test now and then; it never looks into an algorithm.

It is the same for one seed and for a stack of seeds (`fop_algos.training.stack`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from torch import Tensor

from fop_algos.algorithm import Algorithm, Metrics
from fop_core.protocols import VectorEnv
from fop_core.replay import EpisodeReplay
from fop_core.types import Bool, Clock, Episodes, Float, Int

from .evaluate import EvaluationResult, evaluate
from .rollout import Rounds
from .stack import StackedReplay, collector


@dataclass
class TrainState:
    """Everything that decides how a run goes on. `checkpoint.save` writes it, `checkpoint.load` fills it.

    Attributes:
        algorithm: nets, optimisers and counters; its `seed` keys exploration, too.
        replay: finished episodes and the stream that samples them: an `EpisodeReplay`; of a stack, a
            `StackedReplay`.
        clock: how far training has come, each seed of a stack.
        evaluations: tests made so far.
    """

    algorithm: Algorithm
    replay: EpisodeReplay | StackedReplay
    clock: Clock = field(default_factory=Clock)
    evaluations: int = 0

    @classmethod
    def of(cls, algorithm: Algorithm) -> TrainState:
        """The state before the first round, with an empty replay of the algorithm's seed or seeds."""
        spec, capacity = algorithm.spec, algorithm.config.buffer_episodes
        if algorithm.seeds is None:
            return cls(algorithm, EpisodeReplay(spec, capacity, algorithm.seed))
        return cls(algorithm, StackedReplay(spec, algorithm.seeds, capacity))


@dataclass(frozen=True)
class Trained:
    """A round was collected and, after burn-in, learned from. Of a stack of `K` seeds, `[K, n]` for `[n]`.

    Attributes:
        clock: after it.
        returns: `[n]` of the round's episodes.
        lengths: `[n]` steps.
        won: `[n]` bool where the task can be won, else None.
        metrics: of the last update, empty during burn-in: a number each; of a stack a list of `K`, or one
            number that all share.
        episodes: the round's; rewritten by the next.
    """

    clock: Clock
    returns: Float
    lengths: Int
    won: Bool | None
    metrics: Metrics
    episodes: Episodes = field(repr=False)


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
        env: for training, `E` environments; `E` changes the speed alone. A stack needs one slot for each
            episode of a round of each seed.
        env_steps: stop after the round that reaches this many steps, counted from the run's beginning.
        updates: stop after the round that reaches this many updates.
        test_env: for tests; without it none are made. A stack needs `test_episodes` slots for each seed.
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
    rounds = collector(algorithm, env, config.episodes_per_round)
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
        yield _round(state, rounds)


def _round(state: TrainState, rounds: Rounds) -> Trained:
    algorithm, config, clock = state.algorithm, state.algorithm.config, state.clock
    played = rounds.collect(algorithm, clock, first_episode=clock.episodes, explore=True)
    state.replay.add(played.episodes)
    clock = replace(
        clock,
        env_steps=clock.env_steps + played.env_steps,
        episodes=clock.episodes + rounds.n_episodes,
    )
    metrics: Metrics = {}
    if clock.episodes >= config.burn_in_episodes:
        for _ in range(config.updates_per_round):
            metrics = algorithm.update(state.replay, clock)
            clock = replace(clock, updates=clock.updates + 1)
    state.clock = clock
    listed = {name: x.tolist() if isinstance(x, Tensor) else x for name, x in metrics.items()}
    return Trained(clock, played.returns, played.lengths, played.won, listed, played.episodes)
