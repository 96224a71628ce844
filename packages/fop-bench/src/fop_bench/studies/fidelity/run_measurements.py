"""Measures what isn't on record, then shows and writes what was found."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fop_bench.jobs.blocks import run_blocks
from fop_bench.records.json_files import LineWriter
from fop_bench.run import folders
from fop_envs.smac.skirmish import ENGINE_VERSION

from . import engine_options, fidelity_output
from .all_parts import PARTS
from .engine_options import Options
from .fidelity_records import read_records
from .measurement_plan import MeasurementPlan
from .recordings import GivenRecordings
from .study_part import StudyPart


def run_measurements(name: str, args: argparse.Namespace, command: Sequence[str]) -> int:
    """Measures the part of this name, or `all`; shows, writes. Returns the exit status."""
    given = GivenRecordings(getattr(args, "recordings", None), getattr(args, "maps", "all"))
    kinds = [kind for kind in PARTS if (kind.in_all if name == "all" else kind.name == name)]
    lacking = {kind: kind.lacks(args) for kind in kinds} if name == "all" else {}
    parts = [kind(args, given) for kind in kinds if not lacking.get(kind)]
    plan = make_plan("fidelity" if name == "all" else f"fidelity-{name}", args, parts)
    folder = (folders.resume if args.resume else folders.start)(plan, args.out)
    chosen: Options = tuple(sorted(engine_options.parse(plan.settings).items()))
    processes = args.workers or os.cpu_count() or 1
    lines = {"engine": f"{ENGINE_VERSION} (embedded, not StarCraft II)"}
    for part in parts:
        lines |= part.banner(plan)
    if plan.settings:
        lines["settings"] = ", ".join(f"{option}={value}" for option, value in plan.settings.items())
    lines["processes"], lines["writes to"] = str(processes), str(folder)
    left_out = [f"{kind.name}: {reason}" for kind, reason in lacking.items() if reason]
    if left_out:
        lines["left out"] = "; ".join(left_out)
    print("\n".join(f"{word:<12} {value}" for word, value in lines.items()) + "\n", flush=True)
    for part in parts:
        if _measure(part, plan, chosen, folder, processes):
            print(f"\nstopped; to go on:\n  {folders.resume_command(command, folder)}", flush=True)
            return 130
    found = fidelity_output.load(folder)
    print(fidelity_output.text(found) + "\n")
    written = fidelity_output.write(folder, found, command)
    for path in (*written, *(path for part in parts for path in part.export(found))):
        print(f"wrote {path}")
    for part in parts:
        last = part.last_line(found)
        if last:
            print(last)
    return 0


def make_plan(suite: str, args: argparse.Namespace, parts: Sequence[StudyPart]) -> MeasurementPlan:
    """The plan of a command line; what no part speaks of stays empty."""
    settings = engine_options.given(args)
    engine_options.parse(settings)
    fields: dict[str, Any] = {}
    for part in parts:
        for name, value in part.plan().items():
            fields[name] = fields[name] | value if isinstance(fields.get(name), dict) else value
    return MeasurementPlan(suite=suite, settings=settings, **fields)


def _measure(part: StudyPart, plan: MeasurementPlan, chosen: Options, folder: Path, processes: int) -> bool:
    """Measures the blocks that aren't on record; True if somebody stopped it."""
    blocks = part.blocks(plan, chosen)
    done = part.done(read_records(folder / part.file), plan)
    todo = {f"{part.name} {k}": block for k, block in enumerate(blocks) if block.key not in done}
    if not todo:
        return False
    sizes = part.sizes(blocks)
    writer = LineWriter(folder / part.file, keep_bytes=None)
    try:
        return run_blocks(
            todo,
            len(blocks),
            processes,
            part.what,
            lambda records: writer.write(*records),
            sizes=None if sizes is None else {f"{part.name} {k}": size for k, size in enumerate(sizes)},
        )
    finally:
        writer.close()
