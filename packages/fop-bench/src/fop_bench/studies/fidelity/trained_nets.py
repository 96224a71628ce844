"""Networks that others trained, read from safetensors files and put to play.

A file holds PyMARL's recurrent agent, shared by all agents: `fc1` (or `fc`), ReLU, `rnn` (a GRU cell), `fc2`.
It is fed with the observation, the last action and the agent's number, both one-hot. In place of `fc2` may
stand MAVEN's `hyper_w` and `hyper_b`, which make the output layer from a latent `z`, and `prior.fc_1`,
`prior.fc_2`, which draw `z` from the first state. The metadata's entry `about` is JSON: `map`, `algorithm`,
and `real`, by epsilon how the net did in StarCraft II: `battle_won`, `n` episodes, and, where the win rate is
that of several runs, `low` and `high`. `options` are those of the environment that depart from SMAC's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fop_bench.report.statistics import wilson
from fop_core import rng
from fop_core.errors import FopError
from fop_core.rng import Purpose
from fop_core.types import Actions, Bool, Float, Int
from fop_envs.policies import Turn

SAMPLED = ("coma",)
"""Algorithms whose outputs are logits of a policy that is sampled, in tests as well."""

LATENT = 4096
"""Time of the draw of MAVEN's latent: later than any step."""


class RealResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a net did in StarCraft II: its win rate over `n` episodes; `low`, `high` where runs were pooled."""

    battle_won: float
    n: float
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """As stated, or Wilson's at 95 %."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        estimate = wilson(round(self.battle_won * self.n), round(self.n))
        return estimate.low, estimate.high


class About(msgspec.Struct, frozen=True, kw_only=True):
    """A net's description, see the module. `real` goes by epsilon, as text."""

    map: str
    algorithm: str
    options: dict[str, Any] = {}
    real: dict[str, RealResult] = {}


class TrainedNet(msgspec.Struct, frozen=True):
    """A file and what it says of itself."""

    path: Path
    about: About

    def weights(self) -> dict[str, Tensor]:
        """The tensors by name, float32."""
        with safe_open(self.path, framework="pt") as file:
            return {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118


def read_nets(folder: Path) -> list[TrainedNet]:
    """All nets of a folder, by name.

    Raises:
        FopError: there is none, or a file isn't one.
    """
    if not folder.is_dir():
        raise FopError(f"nets: {folder} is not a folder; needed: one with files NAME.safetensors")
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise FopError(f"nets: {folder} holds no file NAME.safetensors")
    return [read_net(path) for path in paths]


def read_net(path: Path) -> TrainedNet:
    """One net.

    Raises:
        FopError: it can't be read, or doesn't say what it is.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise FopError(f"{path} can't be read as safetensors: {error}") from error
    if "about" not in metadata:
        raise FopError(f"{path} has no metadata entry 'about', which names its map and algorithm")
    try:
        return TrainedNet(path, msgspec.json.decode(metadata["about"], type=About))
    except msgspec.DecodeError as error:
        raise FopError(f"{path}: its metadata entry 'about' doesn't fit: {error}") from error


class Actor:
    """A net that plays `n_envs` battles, with its memory of each.

    Args:
        net: whose net.
        n_envs: `E`.
        n_agents: `N`.
        n_actions: `A`.
        obs_dim: `O`.
        epsilon: share of decisions that are uniformly random over the available actions.
        seed: of those, of sampled policies and of latents.

    Raises:
        FopError: the net's sizes don't fit.
    """

    def __init__(
        self,
        net: TrainedNet,
        n_envs: int,
        n_agents: int,
        n_actions: int,
        obs_dim: int,
        *,
        epsilon: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._weights = weights = net.weights()
        self._epsilon, self._seed = epsilon, seed
        self._samples = net.about.algorithm in SAMPLED
        first = "fc1" if "fc1.weight" in weights else "fc"
        missing = [
            name
            for layer, kinds in ((first, ("", "")), ("rnn", ("_ih", "_hh")))
            for name in (f"{layer}.weight{kinds[0]}", f"{layer}.bias{kinds[1]}")
            if name not in weights
        ]
        if missing or not ("fc2.weight" in weights or "hyper_w.weight" in weights):
            raise FopError(f"{net.path} lacks {', '.join(missing) or 'fc2 or hyper_w'}")
        self._in = weights[f"{first}.weight"], weights[f"{first}.bias"]
        width = obs_dim + n_actions + n_agents
        if self._in[0].shape[1] != width:
            raise FopError(
                f"{net.path} takes {self._in[0].shape[1]} inputs; {net.about.map} gives {width}: observation "
                f"{obs_dim}, last action {n_actions}, agent {n_agents}"
            )
        self._n_agents, self._n_actions = n_agents, n_actions
        self._hidden = torch.zeros(n_envs * n_agents, weights["rnn.weight_hh"].shape[1])
        self._last = torch.zeros(n_envs, n_agents, n_actions)
        self._agents = torch.eye(n_agents).expand(n_envs, n_agents, n_agents)
        self._latent: Tensor | None = None
        if "prior.fc_2.weight" in weights:
            self._latent = torch.zeros(n_envs, weights["prior.fc_2.weight"].shape[0])

    @torch.no_grad()
    def values(self, obs: Float) -> Float:
        """One step of the memory.

        Args:
            obs: `[E, N, O]`.

        Returns:
            `[E, N, A]`: action values, or logits where the policy is sampled.
        """
        w = self._weights
        inputs = torch.cat([torch.from_numpy(obs), self._last, self._agents], dim=-1).flatten(0, 1)
        x = torch.relu(torch.nn.functional.linear(inputs, *self._in))
        self._hidden = torch.gru_cell(
            x, self._hidden, w["rnn.weight_ih"], w["rnn.weight_hh"], w["rnn.bias_ih"], w["rnn.bias_hh"]
        )
        if self._latent is None:
            outputs = torch.nn.functional.linear(self._hidden, w["fc2.weight"], w["fc2.bias"])
        else:
            latent = self._latent[:, None].expand(-1, self._n_agents, -1)
            about = torch.cat([latent, self._agents], dim=-1).flatten(0, 1)
            layer = torch.nn.functional.linear(about, w["hyper_w.weight"], w["hyper_w.bias"])
            bias = torch.nn.functional.linear(about, w["hyper_b.weight"], w["hyper_b.bias"])
            layer = layer.view(len(layer), self._hidden.shape[1], self._n_actions)
            outputs = torch.bmm(self._hidden[:, None], layer)[:, 0] + bias
        return outputs.view(-1, self._n_agents, self._n_actions).numpy()

    def begin(self, slots: Int, state: Float, episodes: Int) -> None:
        """Forgets what was in some slots, and draws MAVEN's latent from the first state `[E, S]`."""
        self._hidden.view(-1, self._n_agents, self._hidden.shape[1])[slots] = 0
        self._last[slots] = 0
        if self._latent is None or not len(slots):
            return
        w = self._weights
        hidden = torch.relu(
            torch.nn.functional.linear(
                torch.from_numpy(state[slots]), w["prior.fc_1.weight"], w["prior.fc_1.bias"]
            )
        )
        logits = torch.nn.functional.linear(hidden, w["prior.fc_2.weight"], w["prior.fc_2.bias"]).numpy()
        draws = rng.uniform(self._seed, Purpose.ACTION_NOISE, episodes[slots], LATENT, 1)
        chosen = sampled(logits[:, None], np.ones_like(logits[:, None], bool), draws)[:, 0]
        self._latent[slots] = torch.eye(logits.shape[1])[torch.from_numpy(chosen)]

    def follow(self, slots: Int) -> None:
        """Goes on with the memories of some slots, one more than once if named so; not for MAVEN."""
        chosen, width = torch.from_numpy(slots), self._hidden.shape[1]
        self._hidden = self._hidden.view(-1, self._n_agents, width)[chosen].view(-1, width)
        self._last = self._last[chosen]
        self._agents = torch.eye(self._n_agents).expand(len(slots), -1, -1)

    def note(self, actions: Actions) -> None:
        """What was played last, `[E, N]`, for the next step's input."""
        self._last.zero_()
        self._last.scatter_(2, torch.from_numpy(actions)[:, :, None], 1.0)

    def __call__(self, turn: Turn) -> Actions:
        """Chooses, as a policy of `fop_envs.play`: a function of the episode's rows, number and time."""
        self.begin(turn.slots[turn.times[turn.slots] == 0], turn.state, turn.episodes)
        outputs = self.values(turn.obs)
        draws = rng.uniform(self._seed, Purpose.ACTION_NOISE, turn.episodes, turn.times, 2 * self._n_agents)
        explores, which = draws[:, : self._n_agents], draws[:, self._n_agents :]
        if self._samples:
            actions = sampled(outputs, turn.available, which)
        else:
            actions = np.where(turn.available, outputs, -np.inf).argmax(axis=2)
        if self._epsilon > 0:
            uniform = sampled(np.zeros_like(outputs), turn.available, which)
            actions = np.where(explores < self._epsilon, uniform, actions)
        self.note(actions)
        return actions


def sampled(logits: Float, available: Bool, draws: Float) -> Actions:
    """Actions `[E, N]` from a softmax over the available ones.

    Args:
        logits: `[E, N, A]`.
        available: `[E, N, A]`; a row without any gives action 0.
        draws: `[E, N]` uniform in [0, 1).
    """
    masked = np.where(available, logits, -np.inf)
    top = masked.max(axis=2, keepdims=True, initial=-1e30)
    weights = np.exp(masked - top, dtype=np.float64)
    sums = weights.cumsum(axis=2)
    past = sums <= draws[:, :, None] * sums[:, :, -1:]
    actions: Actions = np.minimum(past.sum(axis=2), available.shape[2] - 1).astype(np.int64)
    return np.where(available.any(axis=2), actions, 0)


def maps_of(nets: Sequence[TrainedNet]) -> list[str]:
    """Maps of some nets, each once."""
    return list(dict.fromkeys(net.about.map for net in nets))
