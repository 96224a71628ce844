"""Where a plan is carried out: a new folder, or the one that a run goes on in."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from fop_bench.arguments import UsageError
from fop_bench.records.json_files import read_json, write_json
from fop_bench.records.plan import PLAN, AnyPlan, Budget
from fop_core.errors import DamagedFile, FopError

AnyPlanT = TypeVar("AnyPlanT", bound=AnyPlan)


def start(plan: AnyPlan, out: Path | None) -> Path:
    """Makes the folder of a new run and writes the plan into it. An older run is never touched.

    Raises:
        UsageError: `out` holds a run already.
        FopError: the folder can't be written.
    """
    if out is not None and (out / PLAN).exists():
        raise UsageError(f"{out} holds a run already: add --resume to go on with it, or choose another --out")
    try:
        if out is None:
            out = _fresh(plan)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FopError(f"cannot write into {out}: {error.strerror or error}") from error
    write_json(out / PLAN, plan)
    return out


def _fresh(plan: AnyPlan) -> Path:
    name = f"{plan.suite}-{time.strftime('%Y%m%d-%H%M%S')}"
    for attempt in range(1, 1000):
        folder = Path("runs") / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FopError(f"cannot find a free name for {name} in runs/")


def resume(plan: AnyPlanT, out: Path | None) -> Path:
    """The folder of the run that `plan` goes on with: `out`, or the newest one below `runs/` with this plan.

    Raises:
        UsageError: there is none, or `out` holds another plan (the message says where they differ).
        DamagedFile: the plan in `out` can't be read.
    """
    if out is None:
        for path in sorted(Path("runs").glob(f"*/{PLAN}"), key=lambda p: p.stat().st_mtime, reverse=True):
            try:
                if read_json(path, type(plan)) == plan:
                    return path.parent
            except DamagedFile:
                continue
        raise UsageError(
            "nothing to resume: no run below runs/ was started with these options (or give --out)"
        )
    if not (out / PLAN).exists():
        raise UsageError(f"nothing to resume in {out}: it has no {PLAN}")
    stored: AnyPlanT = read_json(out / PLAN, type(plan))
    for name in plan.__struct_fields__:
        before, now = getattr(stored, name), getattr(plan, name)
        if before != now:
            change = f"{name} was {_show(before)}, now it is {_show(now)}"
            if name == "payoffs":  # the tasks are the same, or they would have differed first
                change = (
                    f"the payoff of {' and '.join(key for key in now if now[key] != before[key])} changed"
                )
            raise UsageError(
                f"{out} was started with another plan: {change}; "
                "give the same options to resume, or another --out"
            )
    return out


def resume_command(command: Sequence[str], folder: Path) -> str:
    """The same command, going on in `folder`."""
    kept, skip = [], False
    for word in command:
        if skip or word in ("--out", "--resume") or word.startswith("--out="):
            skip = word == "--out"
            continue
        kept.append(word)
    return shlex.join([*kept, "--out", str(folder), "--resume"])


def _show(value: object) -> str:
    if isinstance(value, Budget):
        parts = [f"{value.env_steps:,} steps"] if value.env_steps is not None else []
        parts += [f"{value.updates:,} updates"] if value.updates is not None else []
        parts += [f"{value.minutes:g} minutes"] if value.minutes is not None else []
        return " or ".join(parts)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
