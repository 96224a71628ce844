"""Qatten: attention over the agents."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fop_algos.networks.layers import Linear, Mlp, mlp
from fop_core.types import TaskSpec

from .base import Mixer, Utilities


class QattenMixer(Mixer):
    """Attention over the agents: `q_tot = c(s) + sum_h |w_h(s)| sum_i a_ih(s) q_i` (Yang et al., 2020).

    `a_.h = softmax_i(query_h(s) . key_h(x_i) / sqrt(d))`, with `x_i` agent `i`'s own block of the state.
    Monotone in every `q_i`, for no factor is negative. Squared logits are penalised.
    Deviation: where the state has no blocks (games), `x_i` is the agent's number.
    """

    def __init__(
        self, spec: TaskSpec, heads: int, embed: int, hypernet_hidden: int, logit_penalty: float
    ) -> None:
        super().__init__()
        self.n_agents = spec.n_agents
        self.features = spec.ally_feature_dim
        self.heads = heads
        self.logit_penalty = logit_penalty
        self.queries = nn.ModuleList(
            Mlp(
                Linear(spec.state_dim, hypernet_hidden), nn.ReLU(), Linear(hypernet_hidden, embed, bias=False)
            )
            for _ in range(heads)
        )
        self.key = Linear(self.features or spec.n_agents, heads * embed, bias=False)
        self.scale = mlp(spec.state_dim, (hypernet_hidden,), heads)
        self.c = mlp(spec.state_dim, (embed,), 1)

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        of_heads = (self.attention(state) * utilities.chosen.unsqueeze(-2)).sum(-1)
        q_tot: Tensor = (self.scale(state).abs() * of_heads).sum(-1) + self.c(state).squeeze(-1)
        return q_tot

    def attention(self, state: Tensor) -> Tensor:
        """`a` `[..., H, N]`: the weights of a head sum to 1."""
        query, key = self._queries_and_keys(state)
        return ((query * key).sum(-1) / math.sqrt(key.shape[-1])).softmax(-1)

    def penalty(self, state: Tensor) -> Tensor:
        """Mean over agents, sum over heads of the squared logits, before these are divided by `sqrt(d)`."""
        query, key = self._queries_and_keys(state)
        return self.logit_penalty * (query * key).sum(-1).square().mean(-1).sum(-1)

    def _queries_and_keys(self, state: Tensor) -> tuple[Tensor, Tensor]:
        """`[..., H, 1, d]` and `[..., H, N, d]`."""
        query = torch.stack([net(state) for net in self.queries], -2).unsqueeze(-2)
        if self.features:
            own = state[..., : self.n_agents * self.features].unflatten(-1, (self.n_agents, self.features))
        else:
            own = torch.eye(self.n_agents, device=state.device).expand(*state.shape[:-1], -1, -1)
        key = self.key(own).unflatten(-1, (self.heads, -1))
        return query, key.transpose(-3, -2)
