"""Agreement: do the nets that acted in the recordings choose the recorded actions on what our engine shows?

The engine plays a recorded episode's actions, and the net that chose them in StarCraft II is fed with our
observations and the recorded last actions. It was greedy, so as long as our battle is the recorded one it
chooses what was recorded; where it doesn't, somebody's place or health was another.

Open loop, agreement is told step by step. Beside it stands the evidence: the log-likelihood of all
decisions under the engine's rules, with chance summed out by a particle filter, so that the dice that the
game threw needn't be guessed right at once. There units are put where the recording sees them, so that what
is left to the engine is who is hit, and when. The evidence ranks rules.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fop_bench.jobs.blocks import Tell
from fop_bench.run import selection
from fop_core.errors import FopError
from fop_core.types import Bool, Int
from fop_envs.smac.skirmish import ENGINE_VERSION, SkirmishEnv

from .agreement_tables import agreement_tables
from .captioned_tables import CaptionedTable
from .engine_options import Options
from .fidelity_records import AGREEMENT, AgreementPlays, Record
from .measurement_plan import EPSILON, MeasurementPlan, digest
from .measures import STEP, Known, known
from .playback import Player, first_looks
from .recorded_actions import (
    RecordedActions,
    Seats,
    enemy_orders,
    numbered,
    recorded_actions,
    seen_by_net,
)
from .recordings import Episode, GivenRecordings, Recording
from .saved_battles import dice, reseeded, with_looks, with_places
from .study_part import Found, StudyPart, untold
from .trained_nets import Actor, TrainedNet, nets_folder, read_net

ACTING = {
    "3m": "3m__qmix__2025-04-17_13-04-03__2000122",
    "8m": "8m__qmix__2025-04-17_11-47-49__2000136",
    "2s3z": "2s3z__qmix__2025-04-17_11-56-00__2000267",
    "MMM2": "MMM2__qmix__2025-04-19_05-52-46__2000948",
}
"""The nets that acted in the recordings, by map: names of their files. That of 2s3z is a good guess."""

CANDIDATES = 256
"""Pairs of a battle and an order of enemy ids that are looked at together while the ids are sought."""
HOPELESS = 12
"""Decisions by which an order of ids may lie behind the best one."""


def acting_nets(folder: Path, maps: Sequence[str], asked: bool) -> dict[str, TrainedNet]:
    """The nets that acted in the recordings of some maps. `asked`: the maps were asked for by name.

    Raises:
        FopError: the net of a map that was asked for, or of all maps, is missing.
    """
    nets = {}
    for name in maps:
        file = folder / f"{ACTING[name]}.safetensors" if name in ACTING else None
        if file is not None and file.is_file():
            nets[name] = read_net(file)
        elif asked:
            what = f"{file} is missing" if file else "it isn't known which net acted in its recording"
            raise FopError(f"{name}: {what}; known: {', '.join(ACTING)}")
    if not nets:
        raise FopError(
            f"{folder} holds none of the nets that acted in the recordings of {', '.join(maps)}: expected "
            f"{', '.join(f'{ACTING[name]}.safetensors' for name in maps if name in ACTING) or 'none'}"
        )
    return nets


class Decisions:
    """Battles that play recorded actions, and what the acting net decides in each of them.

    Args:
        net: the acting net.
        map_name: the map.
        episode: the recorded episode.
        actions: what it says.
        enemies: an order of enemy ids for each of `E` views of the battles.
        seed: of the engine, of 64 bits as `dice` gives them.
        battles: how many; each has `E / battles` views, one after the other.
        chosen: options of the engine.
        held: places in which units are put when the recording sees them there; none for open-loop play.
    """

    def __init__(
        self,
        net: TrainedNet,
        map_name: str,
        episode: Episode,
        actions: RecordedActions,
        enemies: Sequence[tuple[int, ...]],
        seed: int,
        battles: int,
        chosen: Options,
        held: Known | None = None,
    ) -> None:
        options = dict(chosen) | {"first_loops": 0 if episode.first else 1}
        self.env = env = SkirmishEnv(map_name, n_envs=battles, seed=seed, strict=False, **options)
        env.reset(np.arange(battles), np.arange(battles))
        start = first_looks(episode) + options["first_loops"]
        for slot in range(battles):
            env.load(slot, with_looks(env.save(slot), env.units(slot), start))
        self._places: dict[int, dict[int, tuple[float, float]]] = {}
        for seen in (*held.moves, *held.targets) if held else ():
            self._places.setdefault(seen.loop // STEP, {})[seen.unit] = seen.x, seen.y
        self._numbers: Int = np.stack([numbered(actions, order) for order in enemies])
        self.battle = np.repeat(np.arange(battles), len(enemies) // battles)
        seats = [
            Seats(env, actions.agents, order, int(slot))
            for order, slot in zip(enemies, self.battle, strict=True)
        ]
        self._rows = np.stack([seat.rows for seat in seats])
        self._columns = np.stack([seat.columns for seat in seats])
        self._actions = np.stack([seat.actions for seat in seats])
        self.actor = Actor(net, len(enemies), env.spec)
        self._seeds = [seed] * battles
        self.running = np.ones(battles, np.bool_)
        self.step = 0

    def agree(self) -> Bool:
        """`[E, N]`: is the net's decision the recorded one? Never where the battle is over already."""
        env, battle = self.env, self.battle
        for slot in np.flatnonzero(self.running).tolist() if self.step in self._places else ():
            places = self._places[self.step]
            env.load(slot, with_places(env.save(slot), env.units(slot), places))
        obs = seen_by_net(env.obs[battle], self._rows, self._columns)
        allowed = seen_by_net(env.available[battle], self._rows, self._actions)
        values = self.actor.values(np.ascontiguousarray(obs, np.float32))
        decided = np.where(allowed, values, -np.inf).argmax(axis=2)
        self.actor.note(self._numbers[:, self.step])
        agrees: Bool = (decided == self._numbers[:, self.step]) & self.running[battle][:, None]
        return agrees

    def advance(self) -> None:
        """Plays the recorded step."""
        views = np.searchsorted(self.battle, np.arange(self.env.n_envs))  # any view will do
        numbers = self._numbers[views, self.step]
        there = np.take_along_axis(self._actions[views], numbers[:, :, None], axis=2)[:, :, 0]
        given = np.zeros_like(there)
        np.put_along_axis(given, self._rows[views], there, axis=1)
        step = self.env.step(given, self.running)
        self.running &= ~(step.terminated | step.truncated)
        self.step += 1

    def draw_anew(self, parents: Int, fresh: Iterator[int]) -> None:
        """Battle `k` goes on as battle `parents[k]`, with the dice of its own where another does so too.

        For battles of one view each.
        """
        states = {int(parent): self.env.save(int(parent)) for parent in np.unique(parents)}
        old, taken = list(self._seeds), set()
        for slot, parent in enumerate(parents.tolist()):
            self._seeds[slot] = next(fresh) if parent in taken else old[parent]
            self.env.load(slot, reseeded(states[parent], old[parent], self._seeds[slot]))
            taken.add(parent)
        self.running = self.running[parents]
        self._numbers = self._numbers[parents]
        self._rows, self._columns, self._actions = (
            array[parents] for array in (self._rows, self._columns, self._actions)
        )
        self.actor.follow(parents)

    def keep(self, views: Int) -> None:
        """Goes on with some views of the one battle each."""
        self._numbers = self._numbers[views]
        self.battle = self.battle[views]
        self._rows, self._columns, self._actions = (
            array[views] for array in (self._rows, self._columns, self._actions)
        )
        self.actor.follow(views)


def ids_of_enemies(
    net: TrainedNet,
    map_name: str,
    episode: Episode,
    actions: RecordedActions,
    seed: int,
    chosen: Options,
    held: Known,
) -> tuple[int, ...]:
    """The order of enemy ids under which the net's decisions are the recorded ones most often.

    Orders that fall behind by `HOPELESS` decisions in each battle are dropped on the way.
    """
    orders = enemy_orders(episode)
    if len(orders) < 2:
        return orders[0]
    battles = min(8, max(1, CANDIDATES // len(orders)))
    candidate = np.tile(np.arange(len(orders)), battles)
    watched = Decisions(
        net,
        map_name,
        episode,
        actions,
        [orders[k] for k in candidate],
        seed,
        battles,
        chosen,
        held,
    )
    score = np.zeros(len(orders))
    counted = actions.known & actions.alive
    for step in range(len(actions.kinds)):
        agreed = (watched.agree() & counted[step]).sum(axis=1)
        np.add.at(score, candidate, agreed)
        watched.advance()
        good = np.flatnonzero(score[candidate] >= score.max() - HOPELESS * battles)
        if len(good) < len(candidate) and len(np.unique(candidate[good])) < len(np.unique(candidate)):
            candidate = candidate[good]
            watched.keep(good)
    hopeful = np.unique(candidate)
    return orders[int(hopeful[score[hopeful].argmax()])]


@dataclass(frozen=True)
class Evidence:
    """Of one episode: `log_likelihood` of the decisions; `agreed`: their mean share among the particles."""

    log_likelihood: float
    agreed: float


def open_loop(watched: Decisions, actions: RecordedActions) -> tuple[list[float], list[int]]:
    """Agreed decisions (mean over battles) and decisions, by step."""
    agreed, decisions = [], []
    counted = actions.known & actions.alive
    for step in range(len(actions.kinds)):
        agreed.append(round(float((watched.agree() & counted[step]).sum(axis=1).mean()), 4))
        decisions.append(int(counted[step].sum()))
        watched.advance()
    return agreed, decisions


def filtered(watched: Decisions, actions: RecordedActions, seeds: Iterable[int]) -> Evidence:
    """The decisions' log-likelihood by a particle filter: battles are drawn anew by weight.

    A recorded decision that is the net's has the chance 1 - `EPSILON`, any other `EPSILON`: that of an agent
    whom our battle has killed as well.

    Args:
        watched: battles, one view each.
        actions: of the episode.
        seeds: endless; a battle that goes on more than once gets a new one.
    """
    n = watched.env.n_envs
    rng = np.random.default_rng(0)
    fresh = iter(seeds)
    weights = np.zeros(n)
    total = agreed = 0.0
    counted = actions.known & actions.alive
    for step in range(len(actions.kinds)):
        right = watched.agree()
        gain = np.where(right, math.log(1 - EPSILON), math.log(EPSILON))[:, counted[step]].sum(axis=1)
        before = _log_mean(weights)
        weights = weights + gain
        total += _log_mean(weights) - before
        share = np.exp(weights - weights.max())
        share /= share.sum()
        agreed += float((share[:, None] * (right & counted[step])).sum())
        if 1 / (share**2).sum() < n / 2:
            parents = _systematic(share, float(rng.random()))
            watched.draw_anew(parents, fresh)
            weights = np.zeros(n)
        watched.advance()
    return Evidence(total, agreed)


def _log_mean(weights: npt.NDArray[np.float64]) -> float:
    top = weights.max()
    return float(top + math.log(np.exp(weights - top).mean()))


def _systematic(share: npt.NDArray[np.float64], start: float) -> Int:
    """Systematic resampling: `[n]` indices, each about `n * share` times."""
    n = len(share)
    points = (start + np.arange(n)) / n
    return np.minimum(np.searchsorted(np.cumsum(share), points), n - 1)


@dataclass(frozen=True)
class AgreementBlock:
    """One recorded episode, `particles` battles open loop and as many in the filter."""

    map_name: str
    episode: Episode
    net: TrainedNet
    particles: int
    chosen: Options

    @property
    def key(self) -> tuple[str, int]:
        return self.map_name, self.episode.number

    def __call__(self, tell: Tell = untold) -> list[Record]:
        spawns = Player(self.map_name, **dict(self.chosen)).spawns(self.episode)
        places = known(self.episode, spawns)
        actions = recorded_actions(self.episode, places)
        seeds = dice(self.episode.number)
        rules = self.net, self.map_name, self.episode, actions
        ids = ids_of_enemies(*rules, next(seeds), self.chosen, places)
        views = [ids] * self.particles
        watched = Decisions(*rules, views, next(seeds), self.particles, self.chosen)
        agreed, decisions = open_loop(watched, actions)
        watched = Decisions(*rules, views, next(seeds), self.particles, self.chosen, places)
        evidence = filtered(watched, actions, seeds)
        return [
            AgreementPlays(
                map=self.map_name,
                episode=self.episode.number,
                engine=ENGINE_VERSION,
                net=self.net.path.stem,
                particles=self.particles,
                ids=list(ids),
                agreed=agreed,
                decisions=decisions,
                filtered=round(evidence.agreed, 4),
                evidence=round(evidence.log_likelihood, 4),
            )
        ]


def agreement_blocks(
    loaded: Mapping[str, Recording], nets: Mapping[str, TrainedNet], plan: MeasurementPlan, chosen: Options
) -> list[AgreementBlock]:
    """The episodes of all maps whose acting net there is."""
    return [
        AgreementBlock(name, episode, nets[name], plan.seeds, chosen)
        for name, recording in loaded.items()
        if name in nets
        for episode in recording.episodes
        if plan.episodes is None or episode.number in plan.episodes
    ]


class AgreementPart(StudyPart):
    """The recorded episodes whose acting net there is."""

    name, file, what = "agreement", AGREEMENT, "episodes"

    def __init__(self, args: argparse.Namespace, given: GivenRecordings) -> None:
        names = given.names
        self._nets = acting_nets(nets_folder(args.nets), names, given.by_name)
        self._loaded = given.load(list(self._nets))
        self._plan = {
            "recordings": given.digests(self._loaded),
            "episodes": selection.seeds(args.which) if args.which else None,
            "seeds": args.seeds,
            "nets": {name: digest(net.path) for name, net in self._nets.items()},
        }

    def plan(self) -> dict[str, Any]:
        return self._plan

    def blocks(self, plan: MeasurementPlan, chosen: Options) -> Sequence[AgreementBlock]:
        return agreement_blocks(self._loaded, self._nets, plan, chosen)

    def done(self, records: Sequence[Record], plan: MeasurementPlan) -> set[Hashable]:
        return {(record.map, record.episode) for record in records if isinstance(record, AgreementPlays)}

    def banner(self, plan: MeasurementPlan) -> dict[str, str]:
        return {
            "recordings": ", ".join(self._loaded),
            "agreement": f"{plan.seeds} battles of each episode, open loop and in the filter",
        }

    @classmethod
    def tables(cls, found: Found) -> list[CaptionedTable]:
        return agreement_tables(found.records[cls.name])
