"""What methods for continuous actions share: settings, how they act, their critics' targets."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fop_algos.algorithm import Algorithm, Draws, RoundConfig, check_range
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.continuous_actions import from_scale, to_normal, to_scale
from fop_algos.functional.losses import masked_mean
from fop_algos.functional.schedules import Temperature
from fop_algos.networks.policies import GaussianPolicy, SquashedGaussian
from fop_core.types import Clock, TaskSpec


@dataclass(frozen=True, kw_only=True)
class ContinuousConfig(RoundConfig):
    """The differential game (FOP, D.1): buffer of 10^6, two hidden layers of 64, step size 3e-4.

    Deviation: Adam, the batch, the reward's scale and exploration aren't stated there; they are ours.
    """

    burn_in_episodes: int = 64
    """Episodes collected before the first update."""
    buffer_episodes: int = 1_000_000
    """Episodes that the replay holds; then the oldest are overwritten."""
    hidden: int = 64
    """Width of the hidden layers of all nets."""
    reward_scale: float = 0.05
    """Critics learn `reward_scale` times the reward. Deviation: FOP doesn't say; with it an alpha of 1 is
    three standard deviations of the differential game's rewards in uniform play, so soft policies begin broad
    (`fop-bench reproduce rewards` shows what happens without)."""
    learning_rate: float = 3e-4
    """Step size of Adam, for actors and critics."""
    max_gradient_norm: float = math.inf
    """Gradients of each optimiser are scaled down to this norm; `inf` never does."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, math.inf, "hidden")
        check_range(self, 1e-12, math.inf, "reward_scale", "learning_rate", "max_gradient_norm")


@dataclass(frozen=True, kw_only=True)
class BootstrappedConfig(ContinuousConfig):
    """Of methods whose targets look beyond one step."""

    gamma: float = 0.99
    """Discount; one-step games have nothing to discount."""
    target_update_episodes: int = 200
    """Episodes between hard copies into the target nets."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, 1, math.inf, "target_update_episodes")
        check_range(self, 0, 1, "gamma")


def check_annealed(alpha: Temperature) -> None:
    """Refuses temperatures that are learned, or out of range.

    Raises:
        ValueError: naming the field.
    """
    if alpha.kind == "automatic":
        raise ValueError("alpha.kind is automatic; it must be linear or exponential")
    for name in ("start", "end"):
        if not 1e-3 <= getattr(alpha, name) <= 1e6:
            raise ValueError(f"alpha.{name} is {getattr(alpha, name)}; it must be from 0.001 to 1e+06")


class ContinuousActors(Algorithm):
    """Policies that read the present observation alone and choose one number each."""

    config: ContinuousConfig
    actor: nn.Module
    """The nets of all agents' policies."""

    def __init__(self, name: str, spec: TaskSpec, config: ContinuousConfig, seed: int) -> None:
        """
        Raises:
            ValueError: actions have more than one component; exploration draws one number.
        """
        super().__init__(name, spec, config, seed)
        if spec.action_dim != 1:
            raise ValueError(f"{name} chooses actions of 1 component; {spec.name} has {spec.action_dim}")

    def start(self, rows: int) -> Tensor:
        return self.memory(rows, 0)

    def act(
        self, obs: Tensor, available: Tensor, memory: Tensor, uniform: Tensor, clock: Clock, explore: bool
    ) -> tuple[Tensor, Tensor]:
        if self.plays_uniformly(clock, explore):
            actions = 2 * uniform[..., :1] - 1
        else:
            actions = self.explore(obs, uniform) if explore else self.greedy(obs)
        return from_scale(actions, self.spec), memory

    @abstractmethod
    def explore(self, obs: Tensor, uniform: Tensor) -> Tensor:
        """`[..., N, O]` and two uniforms an agent `[..., N, 2]` to scaled actions `[..., N, D]`; those beyond
        [-1, 1] are clipped.
        """

    @abstractmethod
    def greedy(self, obs: Tensor) -> Tensor:
        """`[..., N, O]` to the scaled actions `[..., N, D]` that tests play."""

    @abstractmethod
    def policy_loss(self, batch: EpisodeBatch, draws: Draws, clock: Clock) -> tuple[Tensor, ...]:
        """What `actor` goes down in an update `[]`, and what else the update needs of it; changes nothing."""

    @torch.no_grad()
    def joint_value(
        self, obs: Tensor, state: Tensor, available: Tensor, actions: Tensor, clock: Clock
    ) -> Tensor:
        values = self.values(obs, state, to_scale(actions, self.spec))
        return values.mean(-1) / self.config.reward_scale

    @abstractmethod
    def values(self, obs: Tensor, state: Tensor, actions: Tensor) -> Tensor:
        """The critics' values `[..., M]` of scaled joint actions `[..., N, D]`."""


class GaussianActors(ContinuousActors):
    """Squashed Gaussian policies, which explore by what they draw."""

    actor: GaussianPolicy

    def explore(self, obs: Tensor, uniform: Tensor) -> Tensor:
        policy: SquashedGaussian = self.actor(obs)
        return policy.sample(to_normal(uniform))

    def greedy(self, obs: Tensor) -> Tensor:
        policy: SquashedGaussian = self.actor(obs)
        return policy.greedy()


def critic_loss(values: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean over real steps and critics of the squared error: `[..., B, T, M]` both, `mask` `[..., B, T]`."""
    return masked_mean((values - target).square().mean(-1), mask)


def own_replaced(own: Tensor, others: Tensor) -> Tensor:
    """For each agent a joint action in which its part alone is `own`, the rest `others`.

    Args:
        own: `[..., N, D]`.
        others: `[..., N, D]`.

    Returns:
        `[..., N, N, D]`: row `i` holds `(others_1, .., own_i, .., others_N)`.
    """
    mine = torch.eye(own.shape[-2], dtype=torch.bool, device=own.device).unsqueeze(-1)
    return torch.where(mine, own.unsqueeze(-3), others.unsqueeze(-3))


def one_step_target(config: BootstrappedConfig, batch: EpisodeBatch, next_values: Tensor) -> Tensor:
    """`reward_scale r_t + gamma (1 - term_t) v_{t+1}`, from `[..., B, T, M]` to the same shape."""
    reward = config.reward_scale * batch.reward.unsqueeze(-1)
    return reward + config.gamma * torch.where(batch.terminated.unsqueeze(-1), 0.0, next_values)
