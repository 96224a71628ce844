"""Measures what isn't on record, then shows and writes what was found."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fop_bench.jobs.blocks import Tell, run_blocks
from fop_bench.records.json_files import LineWriter
from fop_bench.run import folders, selection
from fop_core.errors import FopError
from fop_envs.smac.maps import map_names
from fop_envs.smac.skirmish import ENGINE_VERSION

from . import (
    agreement,
    engine_options,
    fidelity_output,
    forced_playback,
    health_playback,
    health_recording,
    heuristic_policy,
    recordings,
    replay_blocks,
    sensitivity,
)
from .engine_options import Options
from .fidelity_records import (
    AGREEMENT,
    FORCED_PLAYBACK,
    HEALTH,
    HEURISTIC,
    REPLAYS,
    SENSITIVITY,
    AgreementPlays,
    ForcedPlays,
    HealthPlays,
    Record,
    read_records,
)
from .health_recording import HealthEpisode
from .measurement_plan import MeasurementPlan
from .recordings import Recording
from .trained_nets import TrainedNet

PARTS = ("replays", "heuristic", "sensitivity")
"""Of `all`."""


class Measurement(Protocol):
    """What the parts are made of."""

    def __call__(self) -> list[Record]: ...


@dataclass(frozen=True)
class _Whole:
    """A block that can't be stopped on its way: it takes seconds."""

    block: Measurement

    def __call__(self, tell: Tell) -> list[Record]:
        return self.block()


def make_plan(
    part: str,
    args: argparse.Namespace,
    loaded: dict[str, Recording],
    source: Path | None,
    nets: dict[str, TrainedNet] | None = None,
) -> MeasurementPlan:
    """The plan of a command line; what a part doesn't need stays empty."""
    parts = PARTS if part == "all" else (part,)
    settings = dict(args.settings)
    if args.client is not None:
        settings["client"] = args.client
    engine_options.parse(settings)
    heuristics, forced = "heuristic" in parts, "forced-playback" in parts
    return MeasurementPlan(
        suite="fidelity" if part == "all" else f"fidelity-{part}",
        recordings=_digests(source, loaded) if source else {},
        episodes=selection.seeds(args.which) if getattr(args, "which", None) else None,
        seeds=getattr(args, "seeds", 0),
        floors=args.floors if "replays" in parts else 0,
        policy_maps=selection.names(args.policy_maps, map_names(), "map") if heuristics else [],
        policy_episodes=args.episodes if heuristics else 0,
        rest=([False, True] if args.rest else [False]) if heuristics else [],
        sensitivity="sensitivity" in parts,
        settings=settings,
        forced=forced_playback.rules(args.vary) if forced else None,
        until=args.until if forced else None,
        health=part == "health",
        nets=None if nets is None else {name: _digest(net.path) for name, net in nets.items()},
    )


def _digests(source: Path, loaded: dict[str, Recording]) -> dict[str, str]:
    """By map, of a folder's recordings; by name, of one file."""
    files: dict[str, Path | None] = {name: recordings.file_of(source, name) for name in loaded}
    found = {source.name: source} if source.is_file() else files
    return {name: _digest(file) for name, file in found.items()}


def _digest(file: Path | None) -> str:
    assert file is not None
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def run_measurements(part: str, args: argparse.Namespace, command: Sequence[str]) -> int:
    """Measures, shows, writes. Returns the exit status."""
    loaded: dict[str, Recording] = {}
    source = nets = None
    healths: list[HealthEpisode] = []
    if part == "health":
        source = health_recording.data_file(args.data)
        healths = health_recording.load_episodes(source)
    elif part != "heuristic":
        source = recordings.folder(args.recordings)
        known = recordings.available(source)
        if not known:
            raise FopError(f"{source} holds no recordings: expected files such as 3m.json.gz")
        names = known if args.maps == "all" else selection.names(args.maps, known, "recording")
        if part == "agreement":
            nets = agreement.acting_nets(agreement.nets_folder(args.nets), names, args.maps != "all")
            names = list(nets)
        loaded = {name: recordings.load(source, name) for name in names}
    plan = make_plan(part, args, loaded, source, nets)
    folder = (folders.resume if args.resume else folders.start)(plan, args.out)
    chosen: Options = tuple(sorted(engine_options.parse(plan.settings).items()))
    processes = args.workers or os.cpu_count() or 1
    print(_banner(plan, loaded, folder, processes), flush=True)
    for measured, file, what, blocks in _parts(plan, loaded, healths, chosen, nets):
        done, todo = _todo(measured, read_records(folder / file), blocks, plan)
        if todo:
            writer = LineWriter(folder / file, keep_bytes=None)
            try:
                stopped = run_blocks(
                    {f"{measured} {k}": _Whole(block) for k, block in enumerate(todo)},
                    done + len(todo),
                    processes,
                    what,
                    lambda records, writer=writer: writer.write(*records),  # type: ignore[misc]
                )
            finally:
                writer.close()
            if stopped:
                print(f"\nstopped; to go on:\n  {folders.resume_command(command, folder)}", flush=True)
                return 130
    found = fidelity_output.load(folder)
    print(fidelity_output.text(found) + "\n")
    for path in fidelity_output.write(folder, found, command):
        print(f"wrote {path}")
    return 0


def _parts(
    plan: MeasurementPlan,
    loaded: dict[str, Recording],
    healths: list[HealthEpisode],
    chosen: Options,
    nets: dict[str, TrainedNet] | None,
) -> list[tuple[str, str, str, Sequence[Measurement]]]:
    parts: list[tuple[str, str, str, Sequence[Measurement]]] = []
    if plan.health:
        blocks = health_playback.health_blocks(healths, plan, chosen)
        parts.append(("health", HEALTH, f"blocks of {health_playback.EPISODES_PER_BLOCK} episodes", blocks))
    elif plan.seeds and plan.forced is None and nets is None:
        parts.append(("replays", REPLAYS, "episodes", replay_blocks.replay_blocks(loaded, plan, chosen)))
    if plan.policy_maps:
        parts.append(
            ("heuristic", HEURISTIC, "blocks of episodes", heuristic_policy.policy_blocks(plan, chosen))
        )
    if plan.sensitivity:
        variants = sensitivity.sensitivity_blocks(
            loaded, chosen, sensitivity.MAPS, sensitivity.EPISODES, sensitivity.SEEDS
        )
        parts.append(("sensitivity", SENSITIVITY, "variants", variants))
    if plan.forced is not None:
        forced = forced_playback.forced_blocks(loaded, plan, chosen)
        parts.append(("forced-playback", FORCED_PLAYBACK, "episodes", forced))
    if nets is not None:
        decided = agreement.agreement_blocks(loaded, nets, plan, chosen)
        parts.append(("agreement", AGREEMENT, "episodes", decided))
    return parts


def _todo(
    part: str, records: Sequence[Record], blocks: Sequence[Measurement], plan: MeasurementPlan
) -> tuple[int, list[Measurement]]:
    """How many blocks are on record, and the others."""
    todo: list[Measurement] = []
    played = replay_blocks.done_replays(records, plan)
    policies = heuristic_policy.done_blocks(records)
    variants = {sensitivity.key(record) for record in records}
    forced = {forced_playback.forced_key(r) for r in records if isinstance(r, ForcedPlays)}
    healths = {tuple(record.episodes) for record in records if isinstance(record, HealthPlays)}
    decided = {agreement.agreement_key(r) for r in records if isinstance(r, AgreementPlays)}
    for block in blocks:
        if isinstance(block, health_playback.HealthBlock):
            done = tuple(block.numbers) in healths
        elif isinstance(block, replay_blocks.ReplayBlock):
            done = (block.map_name, block.episode.number) in played
        elif isinstance(block, forced_playback.ForcedBlock):
            done = forced_playback.forced_key(block) in forced
        elif isinstance(block, agreement.AgreementBlock):
            done = agreement.agreement_key(block) in decided
        elif part == "heuristic" and isinstance(block, heuristic_policy.PolicyBlock):
            done = (block.map_name, block.rest, block.first) in policies
        else:
            assert isinstance(block, heuristic_policy.PolicyBlock | sensitivity.VariantBlock)
            done = sensitivity.key(block) in variants
        if not done:
            todo.append(block)
    return len(blocks) - len(todo), todo


def _banner(plan: MeasurementPlan, loaded: dict[str, Recording], folder: Path, processes: int) -> str:
    lines = {"engine": f"{ENGINE_VERSION} (embedded, not StarCraft II)"}
    if plan.health:
        (name,) = plan.recordings
        which = "all episodes" if plan.episodes is None else f"{len(plan.episodes)} episodes"
        lines["data"], lines["health"] = name, f"{plan.seeds} plays of each, {which}"
    elif plan.seeds and plan.forced is None and plan.nets is None:
        each = f"{plan.seeds} seeds each"
        own = (
            f", beside {plan.floors} of the engine's own for each"
            if plan.floors
            else ", without a noise floor"
        )
        lines["recordings"] = ", ".join(
            f"{name} ({len(recording.episodes) if plan.episodes is None else len(plan.episodes)})"
            for name, recording in loaded.items()
        )
        lines["replays"] = each + own
    if plan.policy_maps:
        modes = " and ".join("with rest" if rest else "without rest" for rest in plan.rest)
        lines["heuristic"] = f"{len(plan.policy_maps)} maps, {plan.policy_episodes:,} episodes, {modes}"
    if plan.sensitivity:
        count = sum(1 for _ in engine_options.variants())
        lines["sensitivity"] = (
            f"{count} variants; {len(loaded)} recordings, {sensitivity.SEEDS} seeds; heuristic policy on "
            f"{len(sensitivity.MAPS)} maps, {sensitivity.EPISODES} episodes"
        )
    if plan.forced is not None:
        until = "to the last kill" if plan.until is None else f"{plan.until} loops at most"
        lines["recordings"] = ", ".join(loaded)
        lines["forced"] = f"{plan.seeds} plays of each episode, {until}"
        lines["varied"] = ", ".join(plan.forced)
    if plan.nets is not None:
        lines["recordings"] = ", ".join(loaded)
        lines["agreement"] = f"{plan.seeds} battles of each episode, open loop and in the filter"
    if plan.settings:
        lines["settings"] = ", ".join(f"{name}={value}" for name, value in plan.settings.items())
    lines["processes"] = str(processes)
    lines["writes to"] = str(folder)
    return "\n".join(f"{name:<12} {value}" for name, value in lines.items()) + "\n"
