"""What the fidelity commands measure."""

from __future__ import annotations

from fop_bench.run.plan import AnyPlan

SEEDS, FLOORS, EPISODES = 32, 2, 1000
"""Plays of a recorded episode, episodes of the engine's own for each, episodes of the heuristic policy on a
map."""


class Plan(AnyPlan, frozen=True, kw_only=True):
    """Everything that the records of a folder depend on.

    Attributes:
        recordings: maps whose recordings are played, with the digest of their files.
        episodes: which of each recording; None for all.
        seeds: plays of each episode.
        floors: episodes of the engine's own for each recorded one.
        policy_maps: on which the heuristic policy plays `policy_episodes`, in each of the modes `rest`.
        policy_episodes: see there.
        rest: modes of the policy (`heuristic_rest`).
        sensitivity: vary the engine's options.
        settings: options of the engine that depart from their defaults.
    """

    recordings: dict[str, str]
    episodes: list[int] | None
    seeds: int
    floors: int
    policy_maps: list[str]
    policy_episodes: int
    rest: list[bool]
    sensitivity: bool
    settings: dict[str, str]
