"""What the fidelity commands measure."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from fop_bench.records.plan import AnyPlan

SEEDS, FLOORS, EPISODES, HEALTH_SEEDS, PARTICLES, NET_EPISODES = 32, 2, 1000, 16, 256, 512
"""Plays of a recorded episode, episodes of the engine's own for each, episodes of the heuristic policy on a
map, plays of a recorded episode with health, battles of each particle filter, episodes of a net."""

EPSILON = 0.02
"""Chance of a decision that isn't the acting net's, so that no play is impossible."""


class MeasurementPlan(AnyPlan, frozen=True, kw_only=True):
    """Everything that the records of a folder depend on. What isn't measured has its default.

    Attributes:
        recordings: maps whose recordings are played, with the digest of their files; also the file of
            recorded episodes with health, by its name.
        episodes: which of each recording; None for all.
        seeds: plays of each recorded episode.
        floors: episodes of the engine's own for each recorded one, for the noise floor.
        policy_maps: on which the heuristic policy plays `policy_episodes`, in each of the modes `rest`.
        policy_episodes: see there.
        rest: modes of the policy (`heuristic_rest`).
        sensitivity: vary the engine's options.
        settings: options of the engine that depart from their defaults.
        forced: options of the engine that forced playback varies; None where there is none of it.
        until: loops of an episode in forced playback at most; None for all up to the last kill.
        health_seeds: plays of each recorded episode with health.
        nets: the nets that acted in the recordings, by map, with the digest of their files; None where
            their decisions aren't compared.
        transfer: nets that play our battles, by their file, with its digest.
        transfer_episodes: of each of them at each epsilon.
        epsilons: shares of random decisions at which they play.
    """

    recordings: dict[str, str] = msgspec.field(default_factory=dict)
    episodes: list[int] | None = None
    seeds: int = 0
    floors: int = 0
    policy_maps: list[str] = msgspec.field(default_factory=list)
    policy_episodes: int = 0
    rest: list[bool] = msgspec.field(default_factory=list)
    sensitivity: bool = False
    settings: dict[str, str]
    forced: list[str] | None = None
    until: int | None = None
    health_seeds: int = 0
    nets: dict[str, str] | None = None
    transfer: dict[str, str] = msgspec.field(default_factory=dict)
    transfer_episodes: int = 0
    epsilons: list[float] = msgspec.field(default_factory=list)


def digest(file: Path) -> str:
    """Of a file's content, as plans keep it."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
