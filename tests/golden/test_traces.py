"""Short traces of every algorithm that a refactor must reproduce.

    python tests/golden/test_traces.py            adds those that are missing
    python tests/golden/test_traces.py qmix vdn   writes those of the named algorithms anew

They are compared to 1e-4, not bit for bit: processors round differently.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.training.train import TrainState, train
from fop_core.replay import EpisodeReplay

FILE = Path(__file__).with_name("traces.json")
SMALL = {"burn_in_episodes": 8, "batch_episodes": 8, "buffer_episodes": 32, "target_update_episodes": 3}
COMMAND = "python tests/golden/test_traces.py"
CASES = [
    (name, task)
    for name, entry in catalogue.CATALOGUE.items()
    for task in ("matrix", "dummy", "differential")
    if entry.plays(fop_envs.make(task).spec)
]

Trace = list[dict[str, float]]


def trace(name: str, task: str) -> Trace:
    """The metrics of five updates."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    env = fop_envs.make(task, n_envs=2, seed=11)
    config = catalogue.entry(name).config_for(env.spec)
    has = {field.name for field in dataclasses.fields(config)}
    config = dataclasses.replace(config, **{key: value for key, value in SMALL.items() if key in has})
    state = TrainState(catalogue.build(name, env.spec, config, 11), EpisodeReplay(env.spec, 32, 11))
    events = [getattr(event, "metrics", {}) for event in train(state, env, updates=5)]
    torch.set_num_threads(threads)
    return [metrics for metrics in events if metrics]


def stored() -> dict[str, Trace]:
    traces: dict[str, Trace] = json.loads(FILE.read_text(encoding="utf-8"))
    return traces


@pytest.mark.parametrize(("name", "task"), CASES)
def test_trace(name: str, task: str) -> None:
    golden = stored().get(f"{name} {task}")
    assert golden is not None, f"{name} has no trace on {task}: `{COMMAND}` adds it"
    now = trace(name, task)
    assert len(now) == len(golden) == 5
    for mine, theirs in zip(now, golden, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)


def test_every_trace_is_compared() -> None:
    assert set(stored()) <= {f"{name} {task}" for name, task in CASES}


def write(anew: Sequence[str]) -> None:
    traces = stored()
    for name, task in CASES:
        if name in anew or f"{name} {task}" not in traces:
            traces[f"{name} {task}"] = trace(name, task)
    FILE.write_text(json.dumps(traces, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1:])
