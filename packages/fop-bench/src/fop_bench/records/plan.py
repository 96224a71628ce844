"""What one command runs: tasks x algorithms x seeds under one budget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

PLAN = "plan.json"


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """When training ends: at `env_steps`, `updates` or after `minutes`, whichever comes first.

    A budget in minutes never ends before `min_updates` gradient updates, so that a slow machine learns too.
    """

    env_steps: int | None = None
    updates: int | None = None
    minutes: float | None = None
    min_updates: int = 0


class RunKey(msgspec.Struct, frozen=True, kw_only=True):
    """Which run of a plan: one task, one algorithm, one seed."""

    task: str
    algorithm: str
    seed: int

    @property
    def folder(self) -> str:
        return f"{self.task}/{self.algorithm}/seed-{self.seed}"

    def __str__(self) -> str:
        return f"{self.task} {self.algorithm} seed {self.seed}"


class AnyPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the numbers of a folder depend on, and nothing that only the speed depends on."""

    suite: str


class Plan(AnyPlan, frozen=True, kw_only=True):
    """What is trained. `payoffs` holds those from files as nested lists, by task."""

    preset: str
    tasks: list[str]
    algorithms: list[str]
    seeds: list[int]
    budget: Budget
    test_every: int
    test_episodes: int
    settings: dict[str, str]
    payoffs: dict[str, list[Any]] = {}

    def runs(self) -> Iterator[RunKey]:
        """Seeds outermost: with several seeds every map has one result before any has two."""
        for seed in self.seeds:
            for task in self.tasks:
                for algorithm in self.algorithms:
                    yield RunKey(task=task, algorithm=algorithm, seed=seed)
