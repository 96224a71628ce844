"""FMQ: the frequency of an action's best reward as a heuristic, for agents that learn alone in one state.

Kapetanakis and Kudenko, "Reinforcement learning of coordination in cooperative multi-agent systems",
AAAI 2002. Settings: theirs. Each agent has a table of four numbers for each of its actions; no nets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fop_algos.algorithm import Algorithm, Form, Metrics, RoundConfig, check_range, scalars
from fop_algos.batch import EpisodeBatch, onehot
from fop_algos.functional.exploration import draw, greedy
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class FmqConfig(RoundConfig):
    """Defaults: the paper's. Every play is learned from once, whatever `batch_episodes` says."""

    burn_in_episodes: int = 1
    """Plays before the first update."""
    batch_episodes: int = 1
    """Without effect."""
    learning_rate: float = 0.9
    """How far `q` goes towards a reward."""
    frequency_weight: float = 10.0
    """`c`: weight of the heuristic."""
    highest_temperature: float = 500.0
    """The Boltzmann temperature at the start, beside the 1 that it ends at."""
    temperature_decay: float = 0.006
    """`s`: the temperature falls by this share a play."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 0, 1, "learning_rate")
        check_range(self, 0, math.inf, "frequency_weight", "highest_temperature", "temperature_decay")

    def temperature(self, plays: int) -> float:
        """`T_max exp(-s t) + 1` after `t` plays."""
        return self.highest_temperature * math.exp(-self.temperature_decay * plays) + 1


class Table(nn.Module):
    """What the agents know of their actions, each `[N, A]`; parameters without gradients, which stack."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__()

        def zeros() -> nn.Parameter:
            return nn.Parameter(torch.zeros(spec.n_agents, spec.n_actions), requires_grad=False)

        self.q = zeros()
        """Running mean of an action's rewards."""
        self.best = zeros()
        """Its highest reward; 0 before the first play."""
        self.best_plays = zeros()
        """How often that was got."""
        self.plays = zeros()
        """How often the action was played."""

    def learn(self, actions: Tensor, reward: Tensor, learning_rate: float) -> None:
        """One play: `[N]` actions and the team's reward `[]`."""
        played = onehot(actions, self.q.shape[-1]).bool()
        reward = reward[..., None, None]
        better = played & ((self.plays == 0) | (reward > self.best))
        equal = played & (self.plays > 0) & (reward == self.best)
        self.q.data = torch.where(played, self.q + learning_rate * (reward - self.q), self.q)
        self.best.data = torch.where(better, reward, self.best)
        self.best_plays.data = torch.where(better, 1.0, self.best_plays + equal)
        self.plays.data = self.plays + played

    def values(self, frequency_weight: float) -> Tensor:
        """`EV(a) = q(a) + c freq(a) best(a)`, `freq` the share of plays of `a` that gave its best reward."""
        frequency = self.best_plays / self.plays.clamp(min=1)
        return self.q + frequency_weight * frequency * self.best


class Fmq(Algorithm):
    """Independent agents with Boltzmann exploration over `EV`."""

    config: FmqConfig

    def __init__(self, name: str, spec: TaskSpec, config: FmqConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        self.table = self.register("table", Table(spec))
        self.counters["learned"] = 0

    def start(self, rows: int) -> Tensor:
        return self.memory(rows, 0)

    def act(
        self, obs: Tensor, available: Tensor, memory: Tensor, uniform: Tensor, clock: Clock, explore: bool
    ) -> tuple[Tensor, Tensor]:
        values = self.table.values(self.config.frequency_weight).unsqueeze(-3).expand(available.shape)
        if not explore:
            return greedy(values, available), memory
        temperature = math.inf if self.plays_uniformly(clock, explore) else self.temperature(clock)
        policy = (values / temperature).masked_fill(~available, -torch.inf).softmax(-1)
        return draw(policy.nan_to_num(0.0), uniform[..., 1]), memory

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        """Learns from the plays since the last update, in their order."""
        plays = min(clock.episodes - self.counters["learned"], len(replay))
        if plays:
            batch = EpisodeBatch.of(replay.latest(plays), self.device)
            for actions, reward in zip(
                batch.actions[..., 0, :].unbind(-2), batch.reward[..., 0].unbind(-1), strict=True
            ):
                self.table.learn(actions, reward, self.config.learning_rate)
        self.counters["learned"] = clock.episodes
        means = scalars(q=self.table.q.mean((-2, -1)), best=self.table.best.mean((-2, -1)))
        return means | {"temperature": self.temperature(clock)}

    def temperature(self, clock: Clock) -> float:
        return self.config.temperature(clock.episodes)

    @torch.no_grad()
    def individual_values(self, obs: Tensor, state: Tensor) -> Tensor:
        return self.table.q.unsqueeze(-3).expand(*obs.shape[:-1], -1)


FORMS = (
    Form(
        name="fmq",
        summary="tables that favour an action's best reward; one-step games only (AAAI 2002)",
        make=Fmq,
        games=FmqConfig(),
        smac=FmqConfig(),
        one_step_only=True,
    ),
)
