"""Transfer: nets that were trained in StarCraft II play our battles; do they win as often as they did there?

A policy of the real game needs our battles to go as they do there, all at once: observations, what actions
do, and whom the enemy fights. It doesn't tell which of them is wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fop_bench.arguments import UsageError
from fop_bench.jobs.blocks import Tell
from fop_bench.records.json_files import write_json
from fop_bench.run import selection
from fop_core.errors import FopError
from fop_core.types import TaskSpec
from fop_envs import play
from fop_envs.smac.skirmish import ENGINE_VERSION, SkirmishEnv

from . import engine_options, transfer_figure
from .captioned_tables import CaptionedTable
from .engine_options import Options
from .fidelity_records import TRANSFER, Record, TransferPlays
from .measurement_plan import MeasurementPlan, digest
from .recordings import GivenRecordings
from .study_part import Found, StudyPart, untold
from .trained_nets import Actor, TrainedNet, maps_of, nets_folder, read_nets
from .transfer_tables import judged_nets, nets_by_map, overall, plays_of, transfer_tables

SLOTS = 64
SEED = 1


@dataclass(frozen=True)
class TransferBlock:
    """One net at one epsilon."""

    net: TrainedNet
    epsilon: float
    episodes: int
    chosen: Options = ()

    @property
    def key(self) -> tuple[str, float]:
        return self.net.path.name, self.epsilon

    def __call__(self, tell: Tell = untold) -> list[Record]:
        torch.set_num_threads(1)  # the processes share the cores
        about = self.net.about
        slots = min(SLOTS, self.episodes)
        env = SkirmishEnv(about.map, n_envs=slots, seed=SEED, **_options(self.net, self.chosen))
        actor = Actor(self.net, slots, env.spec, epsilon=self.epsilon, seed=SEED)
        played = play(env, actor, self.episodes, progress=lambda ended, n: tell(ended / n))
        return [
            TransferPlays(
                file=self.net.path.name,
                map=about.map,
                algorithm=about.algorithm,
                epsilon=self.epsilon,
                engine=ENGINE_VERSION,
                episodes=self.episodes,
                won=int(played.info["battle_won"].sum()),
                returns=round(float(played.returns.mean()), 4),
                ep_length=round(float(played.lengths.mean()), 4),
                dead_allies=round(float(played.info["dead_allies"].mean()), 4),
                dead_enemies=round(float(played.info["dead_enemies"].mean()), 4),
                real=about.real.get(self.epsilon),
            )
        ]


def _options(net: TrainedNet, chosen: Options) -> dict[str, Any]:
    """The net's own options of the environment, and the chosen ones where it has none."""
    return dict(chosen) | net.about.options


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def check_net(net: TrainedNet, chosen: Options = ()) -> TaskSpec:
    """The task that a net plays.

    Raises:
        FopError: its map isn't known, its options aren't the environment's, or its sizes don't fit.
    """
    try:
        spec = SkirmishEnv(net.about.map, n_envs=1, seed=SEED, **_options(net, chosen)).spec
    except (FopError, ValueError, TypeError) as error:
        raise FopError(f"{net.path}: {error}") from error
    Actor(net, 1, spec)
    return spec


def epsilons(text: str) -> list[float]:
    """Numbers from 0 to 1, each once, from a list.

    Raises:
        UsageError: it is none.
    """
    try:
        found = list(dict.fromkeys(float(part) for part in text.split(",") if part.strip()))
    except ValueError:
        found = []
    if not found or not all(0 <= value <= 1 for value in found):
        raise UsageError(f"--epsilon {text}: expected numbers from 0 to 1, separated by commas")
    return found


class TransferPart(StudyPart):
    """Every net of a folder at every epsilon."""

    name, file, what = "transfer", TRANSFER, "plays of a net"
    in_all = True

    def __init__(self, args: argparse.Namespace, given: GivenRecordings) -> None:
        nets = read_nets(nets_folder(args.nets))
        chosen: Options = tuple(engine_options.parse(engine_options.given(args)).items())
        maps = selection.names(args.net_maps, maps_of(nets), "map of the nets")
        self._work = {}
        nets = [net for net in nets if net.about.map in maps]
        for net in nets:
            spec = check_net(net, chosen)
            self._work[net.path.name] = float(spec.n_agents * spec.obs_dim * spec.episode_limit)
        self._nets = sorted(nets, key=lambda net: -self._work[net.path.name])  # short ones fill up the end
        self._json: Path | None = getattr(args, "json", None)
        if self._json is not None and not self._json.absolute().parent.is_dir():
            raise FopError(f"--json {self._json}: there is no folder {self._json.parent}")
        self._plan = {
            "transfer": {net.path.name: digest(net.path) for net in nets},
            "transfer_episodes": args.net_episodes,
            "epsilons": epsilons(args.epsilons),
        }

    @classmethod
    def lacks(cls, args: argparse.Namespace) -> str | None:
        if args.nets is None:
            try:
                nets_folder(None)
            except FopError:
                return "neither --nets nor the variable FOP_SHARED names nets trained in StarCraft II"
        return None

    def plan(self) -> dict[str, Any]:
        return self._plan

    def blocks(self, plan: MeasurementPlan, chosen: Options) -> Sequence[TransferBlock]:
        return [
            TransferBlock(net, epsilon, plan.transfer_episodes, chosen)
            for net in self._nets
            for epsilon in plan.epsilons
        ]

    def sizes(self, blocks: Sequence[Any]) -> list[float]:
        return [self._work[block.net.path.name] for block in blocks]

    def done(self, records: Sequence[Record], plan: MeasurementPlan) -> set[Hashable]:
        return {(record.file, record.epsilon) for record in records if isinstance(record, TransferPlays)}

    def banner(self, plan: MeasurementPlan) -> dict[str, str]:
        maps = {net.about.map for net in self._nets}
        values = " and ".join(f"{value:g}" for value in plan.epsilons)
        return {
            "transfer": f"{_counted(len(self._nets), 'net')} on {_counted(len(maps), 'map')}, "
            f"{plan.transfer_episodes:,} episodes each, at epsilon {values}"
        }

    def export(self, found: Found) -> list[Path]:
        if self._json is None:
            return []
        rows = []
        for record in plays_of(found.records[self.name]):
            value, low, high = record.ours
            rows.append(
                {
                    "file": record.file,
                    "map": record.map,
                    "epsilon": record.epsilon,
                    "real": None if record.real is None else record.real.battle_won,
                    "ours": value,
                    "low": low,
                    "high": high,
                    "episodes": record.episodes,
                }
            )
        write_json(self._json, sorted(rows, key=lambda row: (str(row["file"]), row["epsilon"])))
        return [self._json]

    @classmethod
    def tables(cls, found: Found) -> list[CaptionedTable]:
        return transfer_tables(plays_of(found.records[cls.name]))

    @classmethod
    def draw(cls, found: Found, folder: Path, suffixes: Sequence[str]) -> list[Path]:
        return transfer_figure.draw(judged_nets(plays_of(found.records[cls.name])), folder, suffixes)

    @classmethod
    def summary(cls, found: Found) -> dict[str, Any]:
        return {"transfer": nets_by_map(plays_of(found.records[cls.name]))}

    @classmethod
    def last_line(cls, found: Found) -> str | None:
        plays = plays_of(found.records[cls.name])
        return overall(plays) if plays else None
