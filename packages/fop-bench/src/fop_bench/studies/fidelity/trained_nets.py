"""Networks that others trained, read from safetensors files and put to play.

A file holds PyMARL's recurrent agent, shared by all agents: `fc1` (or `fc`), ReLU, `rnn` (a GRU cell), `fc2`.
It is fed with the observation, the last action and the agent's number, both one-hot. In place of `fc2` may
stand MAVEN's `hyper_w` and `hyper_b`, which make the output layer from a latent `z`, and `prior.fc_1`,
`prior.fc_2`, which draw `z` from the first state. The metadata's entry `about` is JSON: `map`, `algorithm`,
and `real`, by epsilon how the net did in StarCraft II, see `RealResult`. `options` are those of the
environment that depart from SMAC's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fop_core import rng
from fop_core.errors import FopError
from fop_core.rng import Purpose
from fop_core.types import Actions, Bool, Float, Int, TaskSpec
from fop_envs.policies import Turn

from .fidelity_records import RealResult

SAMPLED = ("coma",)
"""Algorithms whose outputs are logits of a policy that is sampled, in tests as well."""

LATENT = 4096
"""Time of the draw of MAVEN's latent: later than any step."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """A net's description, see the module. `real` goes by epsilon."""

    map: str
    algorithm: str
    options: dict[str, Any] = {}
    real: dict[float, RealResult] = {}


class TrainedNet(msgspec.Struct, frozen=True):
    """A file and what it says of itself."""

    path: Path
    about: About

    def weights(self) -> dict[str, Tensor]:
        """The tensors by name, float32.

        Raises:
            FopError: they can't be read.
        """
        try:
            with safe_open(self.path, framework="pt") as file:
                return {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise FopError(f"{self.path} can't be read as safetensors: {error}") from error


def nets_folder(given: Path | None) -> Path:
    """The folder of nets: the given one, else `facts/nets` of the folder that FOP_SHARED names, else
    `nets`.

    Raises:
        FopError: it isn't there.
    """
    shared = os.environ.get("FOP_SHARED")
    path = given or (Path(shared) / "facts" / "nets" if shared else Path("nets"))
    if not path.is_dir():
        raise FopError(
            f"{path} is no folder of nets; name one with --nets or the variable FOP_SHARED, whose facts/nets "
            "is taken"
        )
    return path


def read_nets(folder: Path) -> list[TrainedNet]:
    """All nets of a folder, by name.

    Raises:
        FopError: there is none, or a file isn't one.
    """
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise FopError(f"{folder} holds no file NAME.safetensors")
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
        spec: the task: `N` agents, `A` actions, observations of `O` numbers.
        epsilon: share of decisions that are uniformly random over the available actions.
        seed: of those, of sampled policies and of latents.

    Raises:
        FopError: the net's sizes don't fit.
    """

    def __init__(
        self,
        net: TrainedNet,
        n_envs: int,
        spec: TaskSpec,
        *,
        epsilon: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._weights = weights = net.weights()
        self._epsilon, self._seed = epsilon, seed
        self._samples = net.about.algorithm in SAMPLED
        first = "fc1" if "fc1.weight" in weights else "fc"
        check_sizes(net, weights, first, spec)
        self._in = weights[f"{first}.weight"], weights[f"{first}.bias"]
        n_agents, n_actions = self._n_agents, self._n_actions = spec.n_agents, spec.n_actions
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


def check_sizes(net: TrainedNet, weights: dict[str, Tensor], first: str, spec: TaskSpec) -> None:
    """Do all tensors fit each other and the task? `first`: the name of the first layer.

    Raises:
        FopError: one is missing or has another shape.
    """

    def missing(name: str) -> bool:
        return f"{name}.weight" not in weights or f"{name}.bias" not in weights

    latent = "prior.fc_2.weight" in weights
    layers = [first, *(("prior.fc_1", "prior.fc_2", "hyper_w", "hyper_b") if latent else ("fc2",))]
    lacking = [layer for layer in layers if missing(layer)]
    lacking += [
        f"rnn.{k}_{d}" for k in ("weight", "bias") for d in ("ih", "hh") if f"rnn.{k}_{d}" not in weights
    ]
    if lacking:
        raise FopError(f"{net.path} lacks {', '.join(lacking)}: it isn't a net of PyMARL's recurrent agent")
    n, a = spec.n_agents, spec.n_actions
    inputs, width = weights[f"{first}.weight"].shape[-1], spec.obs_dim + a + n
    if inputs != width:
        raise FopError(
            f"{net.path} takes {inputs} inputs; {net.about.map} gives {width}: observation {spec.obs_dim}, "
            f"last action {a}, agent {n}"
        )
    x, h = len(weights[f"{first}.weight"]), weights["rnn.weight_hh"].shape[-1]
    shapes: dict[str, tuple[int, ...]] = {f"{first}.weight": (x, width), f"{first}.bias": (x,)}
    shapes |= {"rnn.weight_ih": (3 * h, x), "rnn.weight_hh": (3 * h, h)}
    shapes |= {"rnn.bias_ih": (3 * h,), "rnn.bias_hh": (3 * h,)}
    outputs: dict[str, tuple[int, int]] = {"fc2": (a, h)}
    if latent:
        p, z = len(weights["prior.fc_1.weight"]), len(weights["prior.fc_2.weight"])
        outputs = {"prior.fc_1": (p, spec.state_dim), "prior.fc_2": (z, p)}
        outputs |= {"hyper_w": (h * a, z + n), "hyper_b": (a, z + n)}
    for layer, sizes in outputs.items():
        shapes |= {f"{layer}.weight": sizes, f"{layer}.bias": sizes[:1]}
    for name, shape in shapes.items():
        if tuple(weights[name].shape) != shape:
            raise FopError(
                f"{net.path}: {name} has the shape {list(weights[name].shape)}; on {net.about.map} it "
                f"has to be {list(shape)}"
            )


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
