"""Per-agent nets: what each agent computes from its own history. Actors and critics are of the same kinds.

All have `unroll` (whole sequences, for learning) and `step` (one moment, for acting). `memory` is what an
agent carries from step to step: `[B, N, M]` float32, zeros at the start of an episode, `M = memory_size`.
In a stack of `K` seeds every shape has a `K` in front.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from fop_algos.batch import onehot
from fop_core.types import TaskSpec

from .layers import Linear, linear, unexpand

NetKind = Literal["separate_mlp", "shared_mlp", "shared_gru"]


class AgentNet(nn.Module, ABC):
    """One output vector per agent and step."""

    memory_size: int = 0

    @abstractmethod
    def unroll(self, obs: Tensor, last_onehot: Tensor) -> Tensor:
        """`[B, T, N, O]` and the actions before, `[B, T, N, A]`, to `[B, T, N, A]`."""

    def step(self, obs: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """`[B, N, O]` and the memory to outputs `[B, N, A]` and what to `remember`."""
        return self.unroll(obs.unsqueeze(-3), memory.unsqueeze(-3)).squeeze(-3), memory

    def remember(self, hidden: Tensor, actions: Tensor) -> Tensor:
        """The memory after `actions` `[B, N]` were taken."""
        return hidden


class PerAgentMlp(AgentNet):
    """A net of its own for each agent: hidden ReLU layers. One batched product serves all agents."""

    def __init__(self, n_agents: int, inputs: int, hidden: int, outputs: int, hidden_layers: int = 2) -> None:
        super().__init__()
        self.hidden_layers = hidden_layers
        sizes = (inputs, *(hidden,) * hidden_layers, outputs)
        self.weights = nn.ParameterList(_uniform(n_agents, i, o, fan_in=i) for i, o in pairwise(sizes))
        self.biases = nn.ParameterList(_uniform(n_agents, 1, o, fan_in=i) for i, o in pairwise(sizes))

    def unroll(self, obs: Tensor, last_onehot: Tensor) -> Tensor:
        return self.each(obs)

    def each(self, inputs: Tensor) -> Tensor:
        """Every agent's own net on its row: `[..., N, inputs]` to `[..., N, outputs]`."""
        stack = self.weights[0].shape[:-3]  # () or [K]
        x = unexpand(inputs, 2)
        lead = x.shape[:-1]
        x = x.flatten(len(stack), -3).transpose(-3, -2).flatten(0, len(stack))  # [K N, rows, O]
        for layer, (bias, weight) in enumerate(zip(self.biases, self.weights, strict=True)):
            x = torch.baddbmm(bias.flatten(0, -3), x, weight.flatten(0, -3))
            if layer < self.hidden_layers:
                x = x.relu_()
        x = x.view(*stack, -1, *x.shape[-2:]).transpose(-3, -2).reshape(*lead, -1)
        return x.expand(*inputs.shape[:-1], -1)

    def drop_output(self) -> None:
        self.weights, self.biases = self.weights[:-1], self.biases[:-1]


class SharedMlp(AgentNet):
    """One net for all agents, which reads an agent's observation and its number: two hidden ReLU layers."""

    def __init__(self, n_agents: int, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.input = _AgentInput(n_agents, inputs, 0, hidden)
        self.middle = Linear(hidden, hidden)
        self.output: nn.Module = Linear(hidden, outputs)

    def unroll(self, obs: Tensor, last_onehot: Tensor) -> Tensor:
        x = self.input(unexpand(obs, 2), None).relu_()
        out: Tensor = self.output(self.middle(x).relu_())
        return out.expand(*obs.shape[:-1], -1)

    def drop_output(self) -> None:
        self.output = nn.Identity()


class SharedGru(AgentNet):
    """One recurrent net for all agents, on observation, own last action, number: linear, ReLU, GRU, linear.

    Over sequences the input products of all steps are one product, and the recurrence is one call.
    """

    def __init__(self, n_agents: int, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.n_actions = outputs
        self.hidden = hidden
        self.memory_size = hidden + outputs
        self.input = _AgentInput(n_agents, inputs, outputs, hidden)
        self.gru = nn.GRU(hidden, hidden)
        self.output: nn.Module = Linear(hidden, outputs)

    def unroll(self, obs: Tensor, last_onehot: Tensor) -> Tensor:
        return self.unroll_with_histories(obs, last_onehot)[0]

    def unroll_with_histories(self, obs: Tensor, last_onehot: Tensor) -> tuple[Tensor, Tensor]:
        """`unroll`, and the recurrent layer that it reads, `[B, T, N, H]`."""
        batch, steps, agents = obs.shape[:3]
        x = self.input(obs, last_onehot).relu_()
        x = x.transpose(0, 1).reshape(steps, batch * agents, self.hidden)
        hidden, _ = self.gru(x)
        out = self.output(hidden)
        shape = (steps, batch, agents, -1)
        return out.view(shape).transpose(0, 1), hidden.view(shape).transpose(0, 1)

    def step(self, obs: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        hidden, last_onehot = memory.split((self.hidden, self.n_actions), -1)
        x = self.input(obs, last_onehot).relu_()
        _, hidden = self.gru(x.flatten(0, -2).unsqueeze(0), hidden.flatten(0, -2).unsqueeze(0))
        hidden = hidden.view_as(x)
        return self.output(hidden), hidden

    def remember(self, hidden: Tensor, actions: Tensor) -> Tensor:
        return torch.cat((hidden, onehot(actions, self.n_actions)), -1)

    def drop_output(self) -> None:
        self.output = nn.Identity()


class _AgentInput(nn.Module):
    """A linear layer on observation, last action and agent number, without building their concatenation."""

    def __init__(self, n_agents: int, obs_dim: int, n_actions: int, outputs: int) -> None:
        super().__init__()
        fan_in = obs_dim + n_actions + n_agents
        self.obs = _uniform(outputs, obs_dim, fan_in=fan_in)
        self.last_action = _uniform(outputs, n_actions, fan_in=fan_in) if n_actions else None
        self.number = _uniform(n_agents, outputs, fan_in=fan_in)
        self.bias = _uniform(outputs, fan_in=fan_in)

    def forward(self, obs: Tensor, last_onehot: Tensor | None) -> Tensor:
        own = self.number + self.bias.unsqueeze(-2)  # [N, out]
        own = own.view(*own.shape[:-2], *(1,) * (obs.ndim - own.ndim), *own.shape[-2:])
        x = linear(obs, self.obs).add_(own)
        if last_onehot is not None and self.last_action is not None:
            x = x.add_(linear(last_onehot, self.last_action))
        return x


def agent_net(kind: NetKind, spec: TaskSpec, hidden: int) -> AgentNet:
    """The net of `kind` for `spec`: observations in, one number per action out."""
    return _KINDS[kind](spec.n_agents, spec.obs_dim, hidden, spec.n_actions)


def trunk_net(kind: NetKind, spec: TaskSpec, hidden: int) -> AgentNet:
    """`agent_net` without its last layer: what the last hidden one holds comes out, `[..., N, hidden]`."""
    net = _KINDS[kind](spec.n_agents, spec.obs_dim, hidden, spec.n_actions)
    net.drop_output()
    return net


_KINDS: dict[NetKind, type[PerAgentMlp | SharedMlp | SharedGru]] = {
    "separate_mlp": PerAgentMlp,
    "shared_mlp": SharedMlp,
    "shared_gru": SharedGru,
}


def _uniform(*shape: int, fan_in: int) -> nn.Parameter:
    """Like `nn.Linear`'s own start: uniform within 1 / sqrt(fan_in)."""
    bound = 1 / math.sqrt(max(fan_in, 1))
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))
