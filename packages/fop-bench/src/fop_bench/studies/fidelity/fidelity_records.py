"""What the fidelity commands leave behind: one line of JSON for each episode and seed. Tables and figures
need no more.

Loops count from the agents' first orders. Lists of two are agents, enemy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from fop_bench.records.json_files import read_lines
from fop_bench.report.statistics import Estimate, wilson

REPLAYS, HEURISTIC, SENSITIVITY = "replays.jsonl", "heuristic.jsonl", "sensitivity.jsonl"
FORCED_PLAYBACK, HEALTH, AGREEMENT = "forced_playback.jsonl", "health.jsonl", "agreement.jsonl"
TRANSFER = "transfer.jsonl"

NO_MATCH = 1e9
"""Stands for infinity in records: at the median only one side had such a death."""

Winner = Literal["agents", "enemy", "nobody"]
Source = Literal["recording", "engine"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a battle went.

    Attributes:
        end: loop of the restart, 1 after the step that decided the battle (or the last that was played).
        deaths: loops, ascending, of both sides.
        kills: by unit.
    """

    end: int
    winner: Winner
    survivors: tuple[int, int]
    deaths: tuple[list[int], list[int]]
    kills: list[int]


class Spawns(msgspec.Struct, frozen=True, kw_only=True):
    """Spawn places known from a recording, and how many of them the engine has.

    Attributes:
        cells: units whose cell is known.
        cells_agree: of these, those in the same cell.
        exact: units whose position is known to 1/4096.
        exact_agree: of these, those in the same position.
        worst: the largest distance of the latter, in cells.
    """

    cells: int
    cells_agree: int
    exact: int
    exact_agree: int
    worst: float


class Fight(msgspec.Struct, frozen=True, kw_only=True):
    """Enemies alive at a loop, and those of them that took or dealt damage in the 240 loops before."""

    loop: int
    fought: int
    alive: int


class Reference(msgspec.Struct, frozen=True, kw_only=True, tag="reference", tag_field="event"):
    """An episode that plays are compared with.

    Attributes:
        source: a recording of StarCraft II, or an episode that the engine made (the noise floor).
        index: 0 for a recording; which of the engine's episodes otherwise.
        first_attack: loop of the agents' first attack order; `end` if there is none.
        moves: `[loop, unit]` of the exact places of agents.
        targets: `[loop, unit]` of the exact places of enemies.
        spawns: None for the engine's own episodes.
        fights: of the recording's lists of fighting units; none for the engine's own episodes.
    """

    map: str
    episode: int
    source: Source
    index: int
    engine: str
    n_agents: int
    types: list[str]
    outcome: Outcome
    first_attack: int
    moves: list[tuple[int, int]]
    targets: list[tuple[int, int]]
    spawns: Spawns | None
    fights: list[Fight] = []


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """The first known place from which the engine's unit is more than half a cell off."""

    loop: int
    unit: int
    distance: float


class Play(msgspec.Struct, frozen=True, kw_only=True, tag="play", tag_field="event"):
    """The orders of a reference, played by the engine under a seed.

    Attributes:
        move_errors: distance in cells for each of the reference's `moves`; None where the unit was dead.
        target_errors: the same for its `targets`.
        fights: the same for its `fights`; None of those after the play's end.
    """

    map: str
    episode: int
    source: Source
    index: int
    seed: int
    outcome: Outcome
    move_errors: list[float | None]
    target_errors: list[float | None]
    departure: Departure | None
    fights: list[Fight | None] = []


class Tracks(msgspec.Struct, frozen=True, kw_only=True, tag="tracks", tag_field="event"):
    """Paths of one episode's units, for a figure: `ways[seed][unit]` has x, y every `every` loops."""

    map: str
    episode: int
    every: int
    n_agents: int
    moves: list[tuple[float, float]]
    targets: list[tuple[float, float]]
    ways: list[list[list[tuple[float, float]]]]  # the paths; records on disk have this key


class Policy(msgspec.Struct, frozen=True, kw_only=True, tag="policy", tag_field="event"):
    """A block of episodes of SMAC's heuristic policy.

    Attributes:
        first: number of the block's first episode.
        option: the engine's option that departs from its default, and `value`; both empty where none does.
    """

    map: str
    rest: bool
    first: int
    engine: str
    option: str
    value: str
    won: list[bool]
    returns: list[float]
    lengths: list[int]
    timeouts: list[bool]


class Variant(msgspec.Struct, frozen=True, kw_only=True, tag="variant", tag_field="event"):
    """What the replays of one map show with an option set to a value (both empty: the defaults).

    A measure is None where there is nothing to measure, `NO_MATCH` where only one side had such a
    death.
    """

    map: str
    option: str
    value: str
    engine: str
    measures: dict[str, float | None]


class ForcedPlays(msgspec.Struct, frozen=True, kw_only=True, tag="forced", tag_field="event"):
    """Forced playback of one recorded episode.

    Attributes:
        options: those that were varied, as text.
        loops: how long it was played.
        agreeing: of the plays under `seeds` seeds, those in which the agents fall as recorded.
    """

    map: str
    episode: int
    options: str
    engine: str
    seeds: int
    loops: int
    agreeing: int


class HitTimes(msgspec.Struct, frozen=True, kw_only=True):
    """When the hits on agents of one battle fall, in rows of 8 loops.

    Attributes:
        hits: all of them.
        first: row of the first; None where there is none.
        rows: in which there are any.
        together: rows in which there are two or more.
    """

    hits: int
    first: int | None
    rows: int
    together: int


class HealthPlays(msgspec.Struct, frozen=True, kw_only=True, tag="health", tag_field="event"):
    """A block of recorded 3m episodes with health, and the engine's plays of them: places, orders and deaths
    are forced.

    Attributes:
        log_likelihoods: of the recorded hits, when they fall and on whom, by episode.
        recorded: by situation of `health_rows`: in how many cases it followed, and cases.
        played: the same of all plays.
        recorded_times: by episode.
        played_times: by episode and seed.
    """

    episodes: list[int]
    engine: str
    seeds: int
    log_likelihoods: list[tuple[float, float]]
    recorded: dict[str, tuple[int, int]]
    played: dict[str, tuple[int, int]]
    recorded_times: list[HitTimes]
    played_times: list[list[HitTimes]]


class AgreementPlays(msgspec.Struct, frozen=True, kw_only=True, tag="agreement", tag_field="event"):
    """One recorded episode, and what the net that acted in it decides on the engine's battles.

    Attributes:
        net: its name.
        particles: battles, open loop and again in the filter.
        ids: the enemies in order of id, by number of creation.
        agreed: decisions that are the recorded ones, by step, mean over the battles of open-loop play.
        decisions: decisions on record, by step.
        filtered: decisions of the episode that are the recorded ones, mean over the filter's particles.
        evidence: log-likelihood of all decisions, by the filter.
    """

    map: str
    episode: int
    engine: str
    net: str
    particles: int
    ids: list[int]
    agreed: list[float]
    decisions: list[int]
    filtered: float
    evidence: float


class RealResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a net did in StarCraft II, as its file says.

    Attributes:
        battle_won: its win rate, in [0, 1].
        n: episodes behind it; None where that isn't known.
        low: of the win rate, where that is of several runs.
        high: likewise.
        returns: mean return of an episode; None, as what follows, where it isn't known.
        ep_length: mean steps.
        dead_allies: mean number at the end.
        dead_enemies: likewise.
    """

    battle_won: float
    n: float | None = None
    low: float | None = None
    high: float | None = None
    returns: float | None = msgspec.field(name="return", default=None)
    ep_length: float | None = None
    dead_allies: float | None = None
    dead_enemies: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """As stated, or Wilson's at 95 %; None where the number of episodes isn't known."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        if self.n is None or round(self.n) < 1:
            return None
        estimate = wilson(min(round(self.battle_won * self.n), round(self.n)), round(self.n))
        return estimate.low, estimate.high


class TransferPlays(msgspec.Struct, frozen=True, kw_only=True, tag="transfer", tag_field="event"):
    """One net on our battles, at one epsilon.

    Attributes:
        file: its name.
        algorithm: that trained it.
        epsilon: share of decisions that are random.
        won: of the `episodes`.
        returns: mean over them, as what follows.
        ep_length: steps.
        dead_allies: at the end.
        dead_enemies: likewise.
        real: the same in StarCraft II; None where it isn't known for this epsilon.
    """

    file: str
    map: str
    algorithm: str
    epsilon: float
    engine: str
    episodes: int
    won: int
    returns: float
    ep_length: float
    dead_allies: float
    dead_enemies: float
    real: RealResult | None

    @property
    def ours(self) -> Estimate:
        """The win rate on our battles with its 95 % Wilson interval."""
        return wilson(self.won, self.episodes)


Record = (
    Reference | Play | Tracks | Policy | Variant | ForcedPlays | HealthPlays | AgreementPlays | TransferPlays
)

_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def read_records(path: Path) -> list[Record]:
    """All whole records of a file, none where there is no file. The last line may be torn.

    Raises:
        DamagedFile: the file can't be read, or a line before the last isn't a record.
    """
    return list(read_lines(path, _decoder)) if path.exists() else []
