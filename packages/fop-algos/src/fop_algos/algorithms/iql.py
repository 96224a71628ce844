"""IQL: every agent learns the team's return for itself, as if the others were part of the task.

Tan, "Multi-agent reinforcement learning: Independent vs. cooperative agents", ICML 1993. Settings: QMIX's.
There is no joint value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fop_algos.algorithm import Form, Metrics, scalars, seeded
from fop_algos.bases.utility_agents import UtilityAgents
from fop_algos.bases.value_mixing import MixerConfig, double_q
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.losses import masked_mean, td_loss
from fop_algos.functional.returns import td_lambda_target
from fop_algos.functional.schedules import LinearSchedule
from fop_algos.networks.agents import agent_net
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec


# Of `MixerConfig` IQL needs nothing, but what was stored of it has these fields, and cells are found by them.
@dataclass(frozen=True, kw_only=True)
class IqlConfig(MixerConfig):
    """Defaults: PyMARL's on SMAC. Fields of mixers are without effect."""

    mixer: Literal["vdn", "qmix", "qplex", "qatten", "none"] = "none"
    """None."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mixer != "none":
            raise ValueError(f"mixer is {self.mixer}; iql has none: leave it at mixer=none")


GAMES = IqlConfig(
    agent="separate_mlp",
    buffer_episodes=1_000_000,
    epsilon=LinearSchedule(1.0, 0.01, 10_000, "updates"),
    optimiser="adam",
    learning_rate=3e-4,
)
"""The paper's games (FOP, D.1), as for QMIX.

Deviation: optimiser and batch size aren't stated there; Adam and 32 are ours.
"""


class IndependentQ(UtilityAgents):
    """A temporal-difference loss for each agent."""

    config: IqlConfig

    def __init__(self, name: str, spec: TaskSpec, config: IqlConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        with seeded(seed):
            self.agent, self.target_agent = self.register(
                "agent", agent_net(config.agent, spec, config.hidden), target=True
            )
        self.optimiser = self.register_optimiser(
            "optimiser", config.optimiser, config.learning_rate, self.agent
        )

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        batch = EpisodeBatch.of(replay.sample(self.config.batch_episodes), self.device)
        loss, means = self.loss(batch)
        metrics = self.gradient_step("td_loss", loss, self.optimiser, self.config.max_gradient_norm, clock)
        self.copy_targets(clock, self.config.target_update_episodes)
        return metrics | scalars(**means) | {"epsilon": self.config.epsilon(clock)}

    def loss(self, batch: EpisodeBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean over agents of `E[(q_i - y_i)^2]`, `y_i = r + gamma (1 - term) target_q_i(argmax_a q_i)`.

        The constants worth a curve, `q_tot` and `target`, are means over the agents.
        """
        q = self.agent.unroll(batch.obs, batch.last_onehot)
        chosen = batch.now.of(q).gather(-1, batch.actions.unsqueeze(-1)).squeeze(-1)
        targets = self.targets(batch, q)
        losses = [td_loss(chosen[..., i], y, batch.mask) for i, y in enumerate(targets)]
        return torch.stack(losses).mean(0), {
            "q_tot": masked_mean(chosen.detach().mean(-1), batch.mask),
            "target": masked_mean(torch.stack(targets).mean(0), batch.mask),
        }

    @torch.no_grad()
    def targets(self, batch: EpisodeBatch, q: Tensor) -> list[Tensor]:
        """`y_i` `[B, T]` of each agent; the live net chooses the next action, the frozen values it."""
        if batch.is_one_step:
            return [batch.reward] * self.spec.n_agents
        target_q = self.target_agent.unroll(batch.obs, batch.last_onehot)
        values = double_q(batch, q, target_q).chosen.unbind(-1)
        return [td_lambda_target(batch, value, self.config.gamma, 0.0) for value in values]


FORMS = (
    Form(
        name="iql",
        summary="every agent by itself, with the team's reward (ICML 1993)",
        make=IndependentQ,
        games=GAMES,
        smac=IqlConfig(),
    ),
)
