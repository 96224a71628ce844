"""Replay beside a plain padded store, in one run.

    pytest tests/benchmarks/test_bench_replay.py --benchmark-enable --benchmark-only -s

The padded store is what PyMARL-like code keeps: every field as a torch tensor up to the episode limit, with
int32 masks, int64 actions and their one-hots; a sample is fancy indexing and a crop to the longest episode.
Both hold the same episodes of random play on the embedded engine and hand over torch tensors.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import torch

import fop_envs
from fop_core.protocols import VectorEnv
from fop_core.replay import EpisodeReplay
from fop_core.types import Actions, Episodes, Step, TaskSpec
from fop_envs import Turn
from fop_envs.policies import random_policy

BATCH = 32
# (map, episodes stored, different episodes among them): MMM2 in a padded store of 5000 would take 8.9 GB.
CASES = {"3m": (5000, 500), "MMM2": (500, 100)}


class PaddedStore:
    """The comparison: dense torch tensors `[capacity, limit + 1, ...]`."""

    def __init__(self, spec: TaskSpec, capacity: int) -> None:
        rows = (capacity, spec.episode_limit + 1)
        agents = (*rows, spec.n_agents)
        self.n_actions = spec.n_actions
        self.size = self.next = 0
        self.capacity = capacity
        self.data = {
            "obs": torch.zeros(*agents, spec.obs_dim),
            "state": torch.zeros(*rows, spec.state_dim),
            "available": torch.zeros(*agents, spec.n_actions, dtype=torch.int32),
            "actions": torch.zeros(*agents, 1, dtype=torch.int64),
            "onehot": torch.zeros(*agents, spec.n_actions),
            "reward": torch.zeros(*rows, 1),
            "terminated": torch.zeros(*rows, 1, dtype=torch.uint8),
            "filled": torch.zeros(*rows, 1, dtype=torch.int64),
        }

    def add(self, batch: Episodes) -> None:
        for b in range(len(batch.lengths)):
            length = int(batch.lengths[b])
            row = {name: tensor[self.next] for name, tensor in self.data.items()}
            for tensor in row.values():
                tensor.zero_()
            row["obs"][: length + 1] = torch.from_numpy(batch.obs[b, : length + 1])
            row["state"][: length + 1] = torch.from_numpy(batch.state[b, : length + 1])
            row["available"][: length + 1] = torch.from_numpy(batch.available[b, : length + 1])
            actions = torch.from_numpy(batch.actions[b, :length])
            row["actions"][:length, :, 0] = actions
            row["onehot"][:length].scatter_(2, actions[:, :, None], 1.0)
            row["reward"][:length, 0] = torch.from_numpy(batch.reward[b, :length])
            row["terminated"][:length, 0] = torch.from_numpy(batch.terminated[b, :length])
            row["filled"][:length] = 1
            self.next = (self.next + 1) % self.capacity
            self.size = min(self.size + 1, self.capacity)

    def sample(self, n: int) -> dict[str, torch.Tensor]:
        return self.gather(np.random.choice(self.size, n, replace=False))  # noqa: NPY002 (as there)

    def gather(self, ids: np.ndarray) -> dict[str, torch.Tensor]:
        batch = {name: tensor[ids] for name, tensor in self.data.items()}
        steps = int(batch["filled"].sum(1).max())
        return {name: tensor[:, : steps + 1] for name, tensor in batch.items()}

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.data.values())


def as_torch(batch: Episodes) -> dict[str, torch.Tensor]:
    return {field.name: torch.from_numpy(getattr(batch, field.name)) for field in fields(batch)}


def play(env: VectorEnv, n: int) -> list[Episodes]:
    """`n` episodes of random available actions, one batch of one each."""
    seen, done = ([[] for _ in range(n)] for _ in range(2))
    choose = random_policy(0)

    def look(turn: Turn, slots: np.ndarray) -> None:
        for slot in slots:
            arrays = (turn.obs, turn.state, turn.available)
            seen[turn.episodes[slot]].append([array[slot].copy() for array in arrays])

    def policy(turn: Turn) -> Actions:
        look(turn, turn.slots)
        return choose(turn)

    def on_step(turn: Turn, actions: Actions, step: Step) -> None:
        for slot in turn.slots:
            done[turn.episodes[slot]].append([actions[slot], step.reward[slot], step.terminated[slot]])
        look(turn, np.flatnonzero(step.terminated | step.truncated))

    played = fop_envs.play(env, policy, n, on_step=on_step)
    return [
        Episodes(
            *(np.stack(column)[None] for column in zip(*rows, strict=True)),
            *(np.stack(column)[None] for column in zip(*steps, strict=True)),
            mask=np.ones((1, length), np.bool_),
            lengths=np.array([length]),
            label=np.zeros(1, np.int64),
        )
        for rows, steps, length in zip(seen, done, played.lengths, strict=True)
    ]


class Case:
    def __init__(self, name: str) -> None:
        stored, different = CASES[name]
        env = fop_envs.make(name, 50)
        self.name, self.spec = name, env.spec
        self.episodes = play(env, different)
        env.close()
        self.ours = EpisodeReplay(env.spec, stored, seed=0)
        self.theirs = PaddedStore(env.spec, stored)
        for k in range(stored):
            self.ours.add(self.episodes[k % different])
            self.theirs.add(self.episodes[k % different])

        self.check()

    def check(self) -> None:
        """Both stores hand out the same numbers: otherwise comparing them would mean nothing."""
        ours = as_torch(self.ours.latest(BATCH))
        last = np.arange(self.theirs.size - BATCH, self.theirs.size)
        theirs = self.theirs.gather((last + self.theirs.next) % self.theirs.size)
        steps = ours["reward"].shape[1]
        for name in ("obs", "state", "available"):
            assert torch.equal(ours[name].to(theirs[name].dtype), theirs[name])
        assert torch.equal(ours["reward"], theirs["reward"][:, :steps, 0])
        assert torch.equal(ours["actions"], theirs["actions"][:, :steps, :, 0])
        assert torch.equal(ours["mask"].long(), theirs["filled"][:, :steps, 0])

    def insert(self, store: EpisodeReplay | PaddedStore) -> Callable[[], None]:
        index = iter(range(10**9))
        return lambda: store.add(self.episodes[next(index) % len(self.episodes)])


@pytest.fixture(scope="module", params=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    torch.set_num_threads(1)
    return Case(request.param)


def side_by_side(calls: dict[str, Callable[[], object]], rounds: int = 30, each: int = 2) -> dict[str, float]:
    """Least seconds per call; the calls take turns, so that each gets its share of quiet moments."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begin = time.perf_counter()
            for _ in range(each):
                call()
            times[name].append((time.perf_counter() - begin) / each)
    return {name: min(values) for name, values in times.items()}


def report(case: Case, what: str, times: dict[str, float], benchmark: object) -> None:
    base = times["padded"]
    line = ", ".join(f"{name} {1e6 * t:.0f} us ({base / t:.1f}x)" for name, t in times.items())
    print(f"\n{case.name}, {what}: {line}")
    benchmark.extra_info["ratios"] = {name: base / t for name, t in times.items()}


@pytest.mark.benchmark(group="replay: sample 32 episodes")
def test_sample(case: Case, benchmark: object) -> None:
    calls = {
        "padded": lambda: case.theirs.sample(BATCH),
        "padded, contiguous": lambda: {k: v.contiguous() for k, v in case.theirs.sample(BATCH).items()},
        "replay": lambda: as_torch(case.ours.sample(BATCH)),
        "replay, copy": lambda: as_torch(case.ours.sample(BATCH, copy=True)),
    }
    report(case, "sample", side_by_side(calls), benchmark)
    benchmark.pedantic(calls["replay"], rounds=30, warmup_rounds=3)


@pytest.mark.benchmark(group="replay: sample 32 episodes and read all of obs and state")
def test_sample_and_read(case: Case, benchmark: object) -> None:
    def read(batch: dict[str, torch.Tensor]) -> float:
        return float(batch["obs"].sum() + batch["state"].sum())

    calls = {
        "padded": lambda: read(case.theirs.sample(BATCH)),
        "replay": lambda: read(as_torch(case.ours.sample(BATCH))),
    }
    report(case, "sample and read", side_by_side(calls), benchmark)
    benchmark.pedantic(calls["replay"], rounds=30, warmup_rounds=3)


@pytest.mark.benchmark(group="replay: insert one episode")
def test_insert(case: Case, benchmark: object) -> None:
    calls = {"padded": case.insert(case.theirs), "replay": case.insert(case.ours)}
    report(case, "insert", side_by_side(calls), benchmark)
    benchmark.pedantic(calls["replay"], rounds=30, warmup_rounds=3)


@pytest.mark.benchmark(group="replay: memory")
def test_memory(case: Case, benchmark: object) -> None:
    lengths = np.array([int(e.lengths[0]) for e in case.episodes])
    zeros = np.mean([np.mean(np.concatenate([e.obs.ravel(), e.state.ravel()]) == 0) for e in case.episodes])
    frames = (lengths + 1).mean() * len(case.ours)
    ratio = case.theirs.nbytes / case.ours.nbytes
    print(
        f"\n{case.name}, memory: {case.ours.nbytes / 1e6:.1f} MB against {case.theirs.nbytes / 1e6:.1f} MB "
        f"({ratio:.1f}x), {case.ours.nbytes / frames:.0f} bytes per stored step; "
        f"mean length {lengths.mean():.1f}, {100 * zeros:.0f} % of obs and state are 0"
    )
    benchmark.extra_info["ratios"] = {"memory": ratio}
    benchmark.pedantic(lambda: case.ours.nbytes, rounds=3)
