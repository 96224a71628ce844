"""Critics of continuous actions, which are scaled to [-1, 1].

Critics of discrete actions that only see what an agent sees are of the kinds in `agents`. In a stack of `K`
seeds every shape has a `K` in front.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fop_core.types import TaskSpec

from .agents import PerAgentMlp
from .layers import mlp


class JointActionValue(nn.Module):
    """`q(s, u)` of the joint action, one net for the team: two hidden ReLU layers."""

    def __init__(self, spec: TaskSpec, hidden: int) -> None:
        super().__init__()
        self.net = mlp(spec.state_dim + spec.n_agents * spec.action_dim, (hidden, hidden), 1)

    def forward(self, state: Tensor, actions: Tensor) -> Tensor:
        """`[..., S]` and scaled actions `[..., N, D]` to `[...]`."""
        q: Tensor = self.net(torch.cat((state, actions.flatten(-2)), -1))
        return q.squeeze(-1)


class ActionValue(nn.Module):
    """`q_i(tau_i, u_i)`, a net for each agent: two hidden ReLU layers on observation and own action."""

    def __init__(self, spec: TaskSpec, hidden: int) -> None:
        super().__init__()
        self.net = PerAgentMlp(spec.n_agents, spec.obs_dim + spec.action_dim, hidden, 1)

    def forward(self, obs: Tensor, actions: Tensor) -> Tensor:
        """`[..., N, O]` and scaled actions `[..., N, D]` to `[..., N]`."""
        return self.net.each(torch.cat((obs, actions), -1)).squeeze(-1)
