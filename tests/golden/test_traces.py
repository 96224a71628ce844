"""Short traces that a refactor must reproduce. `python tests/golden/test_traces.py` writes them anew.

They are compared to 1e-4, not bit for bit: processors round differently.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.training.train import TrainState, train
from fop_core.replay import EpisodeReplay

FILE = Path(__file__).with_name("traces.json")
NAMES = ("fop", "qmix", "vdn", "qplex", "qatten", "iql", "qtran_base", "qtran_alt")
CASES = [(name, task) for name in NAMES for task in ("matrix", "dummy")]


def trace(name: str, task: str) -> list[dict[str, float]]:
    """The metrics of five updates."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    env = fop_envs.make(task, n_envs=2, seed=11)
    config = dataclasses.replace(
        catalogue.entry(name).config_for(env.spec),
        burn_in_episodes=8,
        batch_episodes=8,
        buffer_episodes=32,
        target_update_episodes=3,
    )
    state = TrainState(catalogue.build(name, env.spec, config, 11), EpisodeReplay(env.spec, 32, 11))
    events = [getattr(event, "metrics", {}) for event in train(state, env, updates=5)]
    torch.set_num_threads(threads)
    return [metrics for metrics in events if metrics]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_trace(name: str, task: str) -> None:
    stored = json.loads(FILE.read_text())[f"{name} {task}"]
    now = trace(name, task)
    assert len(now) == len(stored) == 5
    for mine, theirs in zip(now, stored, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)


if __name__ == "__main__":
    FILE.write_text(
        json.dumps({f"{name} {task}": trace(name, task) for name, task in CASES}, indent=1) + "\n"
    )
