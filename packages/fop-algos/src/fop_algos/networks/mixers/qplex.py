"""QPLEX: duplex dueling."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fop_algos import native_ops
from fop_algos.networks.agents import PerAgentMlp
from fop_algos.networks.layers import mlp
from fop_core.types import TaskSpec

from .base import Mixer, Utilities


class QplexMixer(Mixer):
    """Duplex dueling: values transformed by positive weights, advantages scaled (Wang et al., 2021).

    With `x_i = w_i(s) q_i + b_i(s)`, `m_i = w_i(s) max_a q_i + b_i(s)` and `w_i > 0`,
    `q_tot = sum_i x_i + sum_i (lambda_i(s, u) - 1) sg(x_i - m_i)`, which is
    `sum_i m_i + sum_i lambda_i (x_i - m_i)`: no joint action is better than the individual best ones.
    The baseline of the utilities is `max_a q_i`.
    """

    def __init__(self, spec: TaskSpec, weights: nn.Module, hypernet_hidden: int) -> None:
        super().__init__()
        self.weights = weights
        self.w = mlp(spec.state_dim, (hypernet_hidden,), spec.n_agents)
        self.b = mlp(spec.state_dim, (hypernet_hidden,), spec.n_agents)

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        w, b = self.w(state).abs() + 1e-10, self.b(state)
        x, m = w * utilities.chosen + b, w * utilities.baseline + b
        lam = self.weights(state, utilities.onehot)
        return native_ops.routed_mix(x, m, lam, x.new_zeros(x.shape[:-1]))


class DeepHeadWeights(nn.Module):
    """`HeadWeights` with two hidden ReLU layers in every map: QPLEX's published code on matrix games."""

    def __init__(self, spec: TaskSpec, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        joint = spec.state_dim + spec.n_agents * spec.n_actions
        # A net of its own for each head, as for each agent there.
        self.keys = PerAgentMlp(heads, spec.state_dim, hidden, 1)
        self.agents = PerAgentMlp(heads, spec.state_dim, hidden, spec.n_agents)
        self.actions = PerAgentMlp(heads, joint, hidden, spec.n_agents)

    def forward(self, state: Tensor, onehot: Tensor) -> Tensor:
        joint = torch.cat((state, onehot.flatten(-2)), -1)
        of_state, of_joint_action = (
            x.unsqueeze(-2).expand(*x.shape[:-1], self.heads, -1) for x in (state, joint)
        )
        keys = self.keys.each(of_state).abs() + 1e-10
        agents = self.agents.each(of_state).sigmoid()
        lam: Tensor = (keys * agents * self.actions.each(of_joint_action).sigmoid()).sum(-2)
        return lam
