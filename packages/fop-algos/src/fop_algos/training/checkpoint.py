"""Checkpoints: everything that decides how a run goes on, in one file without pickles.

A file is safetensors with a JSON header in its metadata and a digest of both. It is written beside its place
and renamed, so a full disk or a stop leaves the former file as it was. Between two events of `train` no
episode is in flight and all randomness is keyed by seed and counts: environments have nothing to save.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fop_algos import catalogue
from fop_algos.algorithm import Algorithm
from fop_core.errors import DamagedFile, FopError
from fop_core.types import Clock, TaskSpec

from .train import TrainState

FORMAT = 1


@dataclass(frozen=True)
class Header:
    """What a checkpoint is of.

    Attributes:
        algorithm: name in the catalogue.
        spec: the task.
        config: the algorithm's config, as plain values.
        seed: the run's.
        clock: how far training had come.
        evaluations: tests made.
        counters: the algorithm's own.
        versions: of what wrote it.
        extra: the caller's own plain values.
    """

    algorithm: str
    spec: dict[str, Any]
    config: dict[str, Any]
    seed: int
    clock: dict[str, int]
    evaluations: int
    counters: dict[str, int]
    versions: dict[str, str]
    extra: dict[str, Any]


def save(path: str | Path, state: TrainState, extra: dict[str, Any] | None = None) -> None:
    """Writes `state` to `path`, replacing a former checkpoint only when the new one is complete.

    Args:
        path: the file; its folder must exist.
        state: as it is whenever `train` yields.
        extra: plain values (JSON) that come back from `read_header`.

    Raises:
        FopError: the file can't be written; a former one is intact.
    """
    path = Path(path)
    algorithm = state.algorithm
    header = Header(
        **_identity(algorithm),
        clock=asdict(state.clock),
        evaluations=state.evaluations,
        counters=dict(algorithm.counters),
        versions={"torch": torch.__version__, "numpy": np.__version__},
        extra=extra or {},
    )
    tensors = {f"module/{name}": tensor for name, tensor in algorithm.modules.state_dict().items()}
    for name, optimiser in algorithm.optimisers.items():
        for index, entry in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{name}/{index}/{key}": value for key, value in entry.items()}
    # Copies: the replay hands out read-only views, which torch cannot hold.
    tensors |= {f"replay/{name}": torch.tensor(a) for name, a in state.replay.state().items()}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    text = json.dumps(asdict(header), sort_keys=True)
    metadata = {"format": str(FORMAT), "header": text, "digest": _digest(text, tensors)}
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        save_file(tensors, temporary, metadata)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        former = "; the former one is intact" if path.exists() else ""
        raise FopError(f"cannot write the checkpoint {path}: {error}{former}") from error


def load(path: str | Path, state: TrainState) -> dict[str, Any]:
    """Fills `state`, whose algorithm was built with the same name, task, config and seed; gives `extra`.

    Raises:
        FopError: there is no such file.
        DamagedFile: it is damaged, or of another run (naming the first difference). `state` is as before.
    """
    header, tensors = _read(Path(path))
    _check_same(Path(path), header, state.algorithm)
    state.replay.load_state({name: t.numpy() for name, t in _under("replay/", tensors)})  # or refuses
    _fill_algorithm(state.algorithm, header, tensors)
    state.clock = Clock(**header.clock)
    state.evaluations = header.evaluations
    return header.extra


def load_algorithm(path: str | Path) -> Algorithm:
    """The trained algorithm alone, built from what the file says of itself (to test it, or to watch it).

    Raises:
        FopError: there is no such file.
        DamagedFile: it is damaged.
    """
    header, tensors = _read(Path(path))
    spec = TaskSpec(**header.spec)
    name, _ = _variant(header)
    config = _filled(catalogue.entry(name).config_for(spec), header.config)
    algorithm = catalogue.build(name, spec, config, header.seed)
    _fill_algorithm(algorithm, header, tensors)
    return algorithm


def read_header(path: str | Path) -> Header:
    """What the checkpoint at `path` is of, without its arrays (and without checking them).

    Raises:
        FopError: there is no such file.
        DamagedFile: its header can't be read.
    """
    with _opened(Path(path)) as file:
        return _header(Path(path), file.metadata() or {})


def _identity(algorithm: Algorithm) -> dict[str, Any]:
    return {
        "algorithm": algorithm.name,
        "spec": asdict(algorithm.spec),
        "config": asdict(algorithm.config),
        "seed": algorithm.seed,
    }


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise FopError(f"there is no checkpoint at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (OSError, SafetensorError) as error:
        raise DamagedFile(f"the checkpoint {path} is damaged: {error}") from error


def _header(path: Path, metadata: dict[str, str]) -> Header:
    if metadata.get("format") != str(FORMAT):
        raise DamagedFile(
            f"{path} is no checkpoint of format {FORMAT} (it says {metadata.get('format', 'nothing')})"
        )
    try:
        return Header(**json.loads(metadata["header"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedFile(f"the checkpoint {path} is damaged: its header cannot be read") from error


def _read(path: Path) -> tuple[Header, dict[str, Tensor]]:
    with _opened(path) as file:
        metadata = file.metadata() or {}
        header = _header(path, metadata)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if _digest(metadata["header"], tensors) != metadata.get("digest"):
        raise DamagedFile(f"the checkpoint {path} is damaged: its contents do not match their digest")
    return header, tensors


def _digest(text: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return digest.hexdigest()


def _variant(header: Header) -> tuple[str, str]:
    """What an older header's algorithm is called today, and the field that chose it ("" if none did)."""
    name, spec = header.algorithm, TaskSpec(**header.spec)
    for field, (value, variant) in catalogue.former_fields(name, spec.action_kind).items():
        if header.config.get(field, value) != value:
            return variant, field
    return name, ""


def _check_same(path: Path, header: Header, algorithm: Algorithm) -> None:
    theirs = {name: getattr(header, name) for name in ("algorithm", "spec", "config", "seed")}
    ours = json.loads(json.dumps(_identity(algorithm)))
    variant, field = _variant(header)
    if field:
        raise DamagedFile(
            f"the checkpoint {path} is of {header.algorithm} with {field}={header.config[field]!r}, which is "
            f"{variant} today, an algorithm of its own: it can be evaluated, but not resumed"
        )
    former = catalogue.former_fields(header.algorithm, algorithm.spec.action_kind)
    theirs["config"] = {name: value for name, value in header.config.items() if name not in former}
    for name, there, here in _differences("", theirs, ours):
        raise DamagedFile(
            f"the checkpoint {path} is of another run: {name} is {there!r} there, {here!r} here"
        )


def _differences(prefix: str, theirs: Any, ours: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() | ours.keys(), key=lambda key: (key != "name", key)):
            yield from _differences(f"{prefix}.{key}" if prefix else key, theirs.get(key), ours.get(key))
    elif theirs != ours:
        yield prefix, theirs, ours


def _fill_algorithm(algorithm: Algorithm, header: Header, tensors: dict[str, Tensor]) -> None:
    algorithm.modules.load_state_dict(dict(_under("module/", tensors)))
    for name, optimiser in algorithm.optimisers.items():
        entries: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _under(f"optimiser/{name}/", tensors):
            index, what = key.split("/")
            entries.setdefault(int(index), {})[what] = tensor
        optimiser.load_state_dict({**optimiser.state_dict(), "state": entries})
    algorithm.counters.update(header.counters)


def _under(prefix: str, tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            yield name.removeprefix(prefix), tensor


def _filled(default: Any, values: dict[str, Any]) -> Any:
    """A dataclass of `default`'s class from plain values (lists become tuples)."""
    made: dict[str, Any] = {}
    for field in fields(default):
        value, known = values[field.name], getattr(default, field.name)
        if is_dataclass(known):
            value = _filled(known, value)
        made[field.name] = tuple(value) if isinstance(value, list) else value
    return type(default)(**made)
