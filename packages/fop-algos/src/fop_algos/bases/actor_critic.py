"""What actor-critics for discrete actions share: settings, and how stochastic policies act."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from fop_algos.algorithm import Algorithm, RoundConfig, check_range
from fop_algos.functional.exploration import draw, epsilon_mixture, greedy
from fop_algos.functional.schedules import LinearSchedule
from fop_algos.native_ops import soft_value
from fop_algos.networks.agents import AgentNet, NetKind
from fop_core.types import Clock


@dataclass(frozen=True, kw_only=True)
class ActorCriticConfig(RoundConfig):
    """Settings of policies and of what their critics look ahead to."""

    actor: NetKind = "shared_gru"
    """The net of the policies."""
    hidden: int = 64
    """Width of hidden layers."""
    gamma: float = 0.99
    """Discount."""
    td_lambda: float = 0.8
    """How far targets look ahead: 0 one step, 1 to the episode's end."""
    epsilon: LinearSchedule = LinearSchedule(1.0, 0.05, 50_000)  # noqa: RUF009  (frozen)
    """Share of uniform available actions that is mixed into the policies when exploring."""
    optimiser: Literal["adam", "rmsprop"] = "rmsprop"
    """RMSprop as in PyMARL (smoothing 0.99, epsilon 1e-5), or Adam."""
    learning_rate: float = 5e-4
    """Step size of all optimisers."""
    max_gradient_norm: float = 10.0
    """Gradients of each optimiser are scaled down to this norm; `inf` never does."""
    target_update_episodes: int = 200
    """Episodes between hard copies into the target nets."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, math.inf, "hidden", "target_update_episodes")
        check_range(self, 0, 1, "gamma", "td_lambda", "epsilon.start", "epsilon.end")
        check_range(self, 1e-12, math.inf, "learning_rate", "max_gradient_norm")


class ActorCritic(Algorithm):
    """Agents that draw from `softmax(logits)` over the available actions, in tests take the likeliest one."""

    config: ActorCriticConfig
    actor: AgentNet
    """The net of the policies' logits."""

    def start(self, rows: int) -> Tensor:
        return self.memory(rows, self.actor.memory_size)

    def act(
        self, obs: Tensor, available: Tensor, memory: Tensor, uniform: Tensor, clock: Clock, explore: bool
    ) -> tuple[Tensor, Tensor]:
        logits, hidden = self.actor.step(obs, memory)
        if self.plays_uniformly(clock, explore):
            actions = draw(available.to(logits.dtype), uniform[..., 0])
        elif explore:
            actions = self.explore(logits, available, self.config.epsilon(clock), uniform)
        else:
            actions = greedy(logits, available)
        return actions, self.actor.remember(hidden, actions)

    def explore(self, logits: Tensor, available: Tensor, epsilon: float, uniform: Tensor) -> Tensor:
        """Draws from the policies with a share of `epsilon` of uniform actions: `[..., N, A]` logits and
        `[..., N, 2]` uniforms to `[..., N]` actions.
        """
        pi = soft_value(logits, available, 1.0).policy
        return draw(epsilon_mixture(pi, available, epsilon), uniform[..., 0])
