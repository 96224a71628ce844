"""The seams between the packages: what an environment and a replay promise."""

from __future__ import annotations

from typing import Protocol

from .types import Actions, Bool, Episodes, Float, Int, Optimum, Step, TaskSpec


class VectorEnv(Protocol):
    """`E` environments of one task, stepped together.

    Episodes are explicit: nothing resets by itself. What episode number `k` holds is a function of (seed, k)
    and of the actions alone, whichever slot plays it and whatever else is played beside it.
    The arrays are rewritten in place by `reset` and `step`: copy what must last.
    """

    spec: TaskSpec
    n_envs: int
    obs: Float  # [E, N, O]
    state: Float  # [E, S]
    available: Bool  # [E, N, A]

    @property
    def optimum(self) -> Optimum | None:
        """The best joint action of a one-step task; None where it isn't known. A plain attribute will do."""
        ...

    def reset(self, envs: Int, episodes: Int) -> None:
        """Starts episode `episodes[k]` in slot `envs[k]`; other slots stay as they are."""
        ...

    def step(self, actions: Actions, active: Bool) -> Step:
        """Steps the slots where `active` `[E]` is true; the others stay, with zero rows in the result.

        Raises:
            IllegalAction: an active agent's action is not available (naming agent, action and mask).
        """
        ...

    def close(self) -> None: ...


class Samples(Protocol):
    """Finished episodes to learn from."""

    def __len__(self) -> int: ...

    def sample(self, n: int) -> Episodes:
        """`n` different episodes, uniformly; advances the replay's own random stream."""
        ...

    def latest(self, n: int) -> Episodes:
        """The `n` newest episodes, oldest of them first."""
        ...


class Replay(Samples, Protocol):
    """Finished episodes, the oldest overwritten first."""

    def add(self, episodes: Episodes) -> None: ...
