"""Short battles that a refactor must reproduce bit for bit: two episodes of random play on each map.

A change of the rules changes them: raise `kEngineVersion` (csrc/skirmish) and write them anew with

    python tests/golden/test_skirmish_traces.py
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from fop_envs.smac.maps import map_names
from fop_envs.smac.skirmish import ENGINE_VERSION, SkirmishEnv

FILE = Path(__file__).with_name("skirmish_traces.json")
EPISODES = 2
STEPS = 60


def trace(name: str) -> list[dict[str, object]]:
    """What each episode comes to, in words, and a digest of every array on the way."""
    env = SkirmishEnv(name, n_envs=EPISODES, seed=2026)
    env.reset(np.arange(EPISODES), np.arange(EPISODES))
    active = np.ones(EPISODES, np.bool_)
    digests = [hashlib.sha256() for _ in range(EPISODES)]
    rows: list[dict[str, object]] = [{"return": 0.0} for _ in range(EPISODES)]
    for _ in range(STEPS):
        step = env.step(env.random_actions(active), active)
        for slot in map(int, np.flatnonzero(active)):
            for array in (env.obs, env.state, env.available, step.reward):
                digests[slot].update(array[slot].tobytes())
            rows[slot] = {
                "steps": env.steps(slot),
                "return": round(float(rows[slot]["return"]) + env.exact_reward(slot), 6),
                "dead_allies": int(step.info["dead_allies"][slot]),
                "dead_enemies": int(step.info["dead_enemies"][slot]),
                "won": bool(step.info["battle_won"][slot]),
                "digest": digests[slot].hexdigest()[:16],
            }
        active = active & ~(step.terminated | step.truncated)
    return rows


@pytest.mark.parametrize("name", map_names())
def test_trace(name):
    golden = json.loads(FILE.read_text(encoding="utf-8"))
    assert golden["engine"] == ENGINE_VERSION, "a new engine version needs new traces: see above"
    assert trace(name) == golden["traces"][name]


def write() -> None:
    lines = [f"    {json.dumps(name)}: {json.dumps(trace(name))}" for name in map_names()]
    text = (
        f'{{\n  "engine": {json.dumps(ENGINE_VERSION)},\n  "traces": {{\n' + ",\n".join(lines) + "\n  }\n}\n"
    )
    FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
