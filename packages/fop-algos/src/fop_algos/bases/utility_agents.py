"""What value methods share: agents that play what their own values make greedy, and explore by epsilon."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fop_algos.algorithm import Algorithm, RoundConfig, check_range
from fop_algos.functional.exploration import epsilon_greedy, greedy
from fop_algos.functional.schedules import LinearSchedule
from fop_algos.networks.agents import AgentNet, NetKind
from fop_core.types import Clock


@dataclass(frozen=True, kw_only=True)
class UtilityConfig(RoundConfig):
    """Defaults: PyMARL's on SMAC (@ c971afd)."""

    agent: NetKind = "shared_gru"
    """The net of the individual values."""
    hidden: int = 64
    """Width of the agents' hidden layers."""
    gamma: float = 0.99
    """Discount."""
    epsilon: LinearSchedule = LinearSchedule(1.0, 0.05, 50_000)  # noqa: RUF009  (frozen)
    """Probability of a uniform available action."""
    optimiser: Literal["adam", "rmsprop"] = "rmsprop"
    """RMSprop as in PyMARL (smoothing 0.99, epsilon 1e-5), or Adam."""
    learning_rate: float = 5e-4
    """Step size."""
    max_gradient_norm: float = 10.0
    """Gradients are scaled down to this norm."""
    target_update_episodes: int = 200
    """Episodes between hard copies into the target nets."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, math.inf, "hidden", "target_update_episodes")
        check_range(self, 0, 1, "gamma", "epsilon.start", "epsilon.end")
        check_range(self, 1e-12, math.inf, "learning_rate", "max_gradient_norm")


class UtilityAgents(Algorithm):
    """Agents with a net of values `q_i`, one for each action."""

    config: UtilityConfig
    agent: AgentNet

    def start(self, rows: int) -> Tensor:
        return self.memory(rows, self.agent.memory_size)

    def act(
        self, obs: Tensor, available: Tensor, memory: Tensor, uniform: Tensor, clock: Clock, explore: bool
    ) -> tuple[Tensor, Tensor]:
        q, hidden = self.agent.step(obs, memory)
        if explore:
            actions = epsilon_greedy(q, available, self.epsilon(clock), uniform)
        else:
            actions = greedy(q, available)
        return actions, self.agent.remember(hidden, actions)

    def epsilon(self, clock: Clock) -> float:
        """The probability of a uniform action while exploring."""
        return 1.0 if self.plays_uniformly(clock, explore=True) else self.config.epsilon(clock)

    def first_memory(self, obs: Tensor) -> Tensor:
        """What the agents that see `obs` `[B, N, O]` at an episode's first step remember in tests."""
        return self.start(obs.shape[-3])

    @torch.no_grad()
    def individual_values(self, obs: Tensor, state: Tensor) -> Tensor:
        return self.agent.step(obs, self.first_memory(obs))[0]
