"""From a command line to records, tables and figures."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fop_bench.jobs.blocks import Tell, carry_out
from fop_bench.run import plan as plans
from fop_bench.run.command import resume_command
from fop_bench.run.records import Writer
from fop_core.errors import FopError
from fop_envs.smac.maps import map_names
from fop_envs.smac.skirmish import ENGINE_VERSION

from . import harness, heuristic, options, output, recordings, sensitivity
from .options import Options
from .plan import Plan
from .recordings import Recording
from .records import HEURISTIC, REPLAYS, SENSITIVITY, Record, read

PARTS = ("replays", "heuristic", "sensitivity")


class Block(Protocol):
    """What the parts are made of."""

    def __call__(self) -> list[Record]: ...


@dataclass(frozen=True)
class _Whole:
    """A block that can't be stopped on its way: it takes seconds."""

    block: Block

    def __call__(self, tell: Tell) -> list[Record]:
        return self.block()


def make_plan(args: argparse.Namespace, loaded: dict[str, Recording], folder: Path | None) -> Plan:
    """The plan of a command line; what a part doesn't need stays empty."""
    parts = PARTS if args.part == "all" else (args.part,)
    settings = dict(args.settings)
    if args.client is not None:
        settings["client"] = args.client
    options.parse(settings)
    heuristics = "heuristic" in parts
    return Plan(
        suite="fidelity" if args.part == "all" else f"fidelity-{args.part}",
        recordings={name: _digest(folder, name) for name in loaded} if folder else {},
        episodes=plans.seeds(args.which) if getattr(args, "which", None) else None,
        seeds=args.seeds if "replays" in parts else 0,
        floors=args.floors if "replays" in parts else 0,
        policy_maps=plans.names(args.policy_maps, map_names(), "map") if heuristics else [],
        policy_episodes=args.episodes if heuristics else 0,
        rest=([False, True] if args.rest else [False]) if heuristics else [],
        sensitivity="sensitivity" in parts,
        settings=settings,
    )


def _digest(folder: Path, name: str) -> str:
    file = recordings.file_of(folder, name)
    assert file is not None
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def run(args: argparse.Namespace, command: Sequence[str]) -> int:
    """Measures, shows, writes. Returns the exit status."""
    loaded: dict[str, Recording] = {}
    source = None
    if args.part != "heuristic":
        source = recordings.folder(args.recordings)
        known = recordings.available(source)
        if not known:
            raise FopError(f"{source} holds no recordings: expected files such as 3m.json.gz")
        names = known if args.maps == "all" else plans.names(args.maps, known, "recording")
        loaded = {name: recordings.load(source, name) for name in names}
    plan = make_plan(args, loaded, source)
    folder = (plans.resume if args.resume else plans.start)(plan, args.out)
    chosen: Options = tuple(sorted(options.parse(plan.settings).items()))
    workers = args.workers or os.cpu_count() or 1
    print(_banner(plan, loaded, folder, workers), flush=True)
    for part, file, what, blocks in _parts(plan, loaded, chosen):
        done, todo = _todo(part, read(folder / file), blocks, plan)
        if todo:
            writer = Writer(folder / file, keep_bytes=None)
            try:
                stopped = carry_out(
                    {f"{part} {k}": _Whole(block) for k, block in enumerate(todo)},
                    done + len(todo),
                    workers,
                    what,
                    lambda records, writer=writer: writer.write(*records),  # type: ignore[misc]
                )
            finally:
                writer.close()
            if stopped:
                print(f"\nstopped; to go on:\n  {resume_command(command, folder)}", flush=True)
                return 130
    found = output.load(folder)
    print(output.text(found) + "\n")
    for path in output.write(folder, found, command):
        print(f"wrote {path}")
    return 0


def _parts(
    plan: Plan, loaded: dict[str, Recording], chosen: Options
) -> list[tuple[str, str, str, Sequence[Block]]]:
    parts: list[tuple[str, str, str, Sequence[Block]]] = []
    if plan.seeds:
        parts.append(("replays", REPLAYS, "episodes", harness.replay_blocks(loaded, plan, chosen)))
    if plan.policy_maps:
        parts.append(("heuristic", HEURISTIC, "blocks of episodes", heuristic.policy_blocks(plan, chosen)))
    if plan.sensitivity:
        blocks = sensitivity.sensitivity_blocks(
            loaded, chosen, sensitivity.MAPS, sensitivity.EPISODES, sensitivity.SEEDS
        )
        parts.append(("sensitivity", SENSITIVITY, "variants", blocks))
    return parts


def _todo(
    part: str, records: Sequence[Record], blocks: Sequence[Block], plan: Plan
) -> tuple[int, list[Block]]:
    """How many blocks are on record, and the others."""
    todo: list[Block] = []
    played = harness.done_replays(records, plan)
    policies = heuristic.done_blocks(records)
    variants = {sensitivity.key(record) for record in records}
    for block in blocks:
        if isinstance(block, harness.ReplayBlock):
            done = (block.map_name, block.episode.number) in played
        elif part == "heuristic" and isinstance(block, heuristic.PolicyBlock):
            done = (block.map_name, block.rest, block.first) in policies
        else:
            assert isinstance(block, heuristic.PolicyBlock | sensitivity.VariantBlock)
            done = sensitivity.key(block) in variants
        if not done:
            todo.append(block)
    return len(blocks) - len(todo), todo


def _banner(plan: Plan, loaded: dict[str, Recording], folder: Path, workers: int) -> str:
    lines = {"engine": f"{ENGINE_VERSION} (embedded, not StarCraft II)"}
    if plan.seeds:
        each = f"{plan.seeds} seeds each"
        own = f", beside {plan.floors} of the engine's own for each" if plan.floors else ", without a floor"
        lines["recordings"] = ", ".join(
            f"{name} ({len(recording.episodes) if plan.episodes is None else len(plan.episodes)})"
            for name, recording in loaded.items()
        )
        lines["replays"] = each + own
    if plan.policy_maps:
        modes = " and ".join("with rest" if rest else "without rest" for rest in plan.rest)
        lines["heuristic"] = f"{len(plan.policy_maps)} maps, {plan.policy_episodes:,} episodes, {modes}"
    if plan.sensitivity:
        count = sum(1 for _ in options.variants())
        lines["sensitivity"] = (
            f"{count} variants; {len(loaded)} recordings, {sensitivity.SEEDS} seeds; heuristic policy on "
            f"{len(sensitivity.MAPS)} maps, {sensitivity.EPISODES} episodes"
        )
    if plan.settings:
        lines["settings"] = ", ".join(f"{name}={value}" for name, value in plan.settings.items())
    lines["processes"] = str(workers)
    lines["writes to"] = str(folder)
    return "\n".join(f"{name:<12} {value}" for name, value in lines.items()) + "\n"
