"""Who made a run: versions, machine, commit. Written once, when it starts."""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from fop_bench.records.plan import RunKey
from fop_bench.records.run_records import Manifest

from .run_job import RunJob

PACKAGES = ("fop-core", "fop-envs", "fop-algos", "fop-bench", "torch", "numpy")


def manifest(job: RunJob, key: RunKey, config: Any, n_envs: int, engine: str) -> Manifest:
    """The manifest of the run `key` of a job; `config` is the algorithm's, a dataclass."""
    plan = job.plan
    return Manifest(
        suite=plan.suite,
        task=key.task,
        algorithm=key.algorithm,
        seed=key.seed,
        engine=engine,
        config=msgspec.to_builtins(dataclasses.asdict(config)),
        budget=plan.budget,
        test_every=plan.test_every,
        test_episodes=plan.test_episodes,
        n_envs=n_envs,
        preset=plan.preset,
        command=job.command,
        payoff=plan.payoffs.get(key.task),
        **origin(),
    )


def origin() -> dict[str, Any]:
    """Fields of a record that say what made it, where and when."""
    return {
        "versions": {name: version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": str(os.cpu_count()),
        },
        "git_commit": _commit(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _commit() -> str | None:
    """The commit of the checkout that this package lies in, if it lies in one."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
