"""Checkpoints: everything that decides how a run goes on, in one file without pickles.

Each seed of a stack has a file of its own, the same that it would have alone. A file is safetensors with a
JSON header in its metadata and a digest of both. It is written beside its place and renamed: a full disk or
a stop leaves the former file as it was. Between two events of `train` no episode is in flight and all
randomness is keyed by seed and counts: environments have nothing to save.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fop_algos import catalogue
from fop_algos.algorithm import Algorithm
from fop_core.errors import DamagedFile, FopError
from fop_core.replay import EpisodeReplay
from fop_core.types import Clock, TaskSpec

from .stack import StackedReplay
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
    assert isinstance(state.replay, EpisodeReplay)
    tensors = _tensors(state.algorithm) | _replay_tensors(state.replay.state())
    _replace_all({Path(path): (_header_of(state, state.algorithm.seed, extra), tensors)})


def save_stack(
    paths: Sequence[str | Path | None], state: TrainState, extras: Sequence[dict[str, Any]]
) -> None:
    """Writes each seed of a stack to a file of its own, as `save` would if it had learned alone.

    Args:
        paths: of the seeds, in the stack's order; None for a seed that isn't to be saved.
        state: as it is whenever `train` yields.
        extras: see `save`.

    Raises:
        FopError: a file can't be written; all former ones are intact.
    """
    assert isinstance(state.replay, StackedReplay)
    assert state.algorithm.seeds is not None
    stacked = _tensors(state.algorithm)
    files = {}
    replays = state.replay.states()
    for k, (path, seed, extra) in enumerate(zip(paths, state.algorithm.seeds, extras, strict=True)):
        if path is None:
            continue
        # What has no dimension is an optimiser's count of steps, which all seeds share.
        own = {name: tensor[k] if tensor.ndim else tensor for name, tensor in stacked.items()}
        files[Path(path)] = (_header_of(state, seed, extra), own | _replay_tensors(replays[k]))
    _replace_all(files)


def load(path: str | Path, state: TrainState) -> dict[str, Any]:
    """Fills `state`, whose algorithm was built with the same name, task, config and seed; gives `extra`.

    Raises:
        FopError: there is no such file.
        DamagedFile: it is damaged, or of another run (naming the first difference). `state` is as before.
    """
    assert isinstance(state.replay, EpisodeReplay)
    header, tensors = _read(Path(path))
    _check_same(Path(path), header, _identity(state.algorithm, state.algorithm.seed))
    state.replay.load_state({name: t.numpy() for name, t in _under("replay/", tensors)})  # or refuses
    _fill(state, header, tensors)
    return header.extra


def load_stack(paths: Sequence[str | Path], state: TrainState) -> list[dict[str, Any]]:
    """Fills `state`, a stack, from the files of its seeds, whether these learned together or alone.

    Args:
        paths: of the seeds, in the stack's order, all at the same clock.
        state: its algorithm was stacked from the same name, task, config and seeds.

    Returns:
        The `extra` of each.

    Raises:
        FopError: a file is missing.
        DamagedFile: one is damaged, of another run, or not as far as the others. `state` is as before.
    """
    assert isinstance(state.replay, StackedReplay)
    assert state.algorithm.seeds is not None
    headers, found = zip(*(_read(Path(path)) for path in paths), strict=True)
    first = headers[0]
    for path, header, seed in zip(paths, headers, state.algorithm.seeds, strict=True):
        _check_same(Path(path), header, _identity(state.algorithm, seed))
        if (header.clock, header.evaluations) != (first.clock, first.evaluations):
            raise DamagedFile(
                f"the checkpoint {path} is at {header.clock}, that of {paths[0]} at {first.clock}; "
                "seeds of a stack go on together from the same clock"
            )
    state.replay.load_states(
        [{name: t.numpy() for name, t in _under("replay/", tensors)} for tensors in found]
    )
    stacked = {
        name: torch.stack([tensors[name] for tensors in found]) if _is_per_seed(name) else tensor
        for name, tensor in found[0].items()
        if not name.startswith("replay/")
    }
    _fill(state, first, stacked)
    return [header.extra for header in headers]


def _is_per_seed(name: str) -> bool:
    """Has each seed its own? An optimiser's count of steps is shared."""
    return not (name.startswith("optimiser/") and name.endswith("/step"))


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


def _identity(algorithm: Algorithm, seed: int) -> dict[str, Any]:
    return {
        "algorithm": algorithm.name,
        "spec": asdict(algorithm.spec),
        "config": asdict(algorithm.config),
        "seed": seed,
    }


def _header_of(state: TrainState, seed: int, extra: dict[str, Any] | None) -> Header:
    return Header(
        **_identity(state.algorithm, seed),
        clock=asdict(state.clock),
        evaluations=state.evaluations,
        counters=dict(state.algorithm.counters),
        versions={"torch": torch.__version__, "numpy": np.__version__},
        extra=extra or {},
    )


def _tensors(algorithm: Algorithm) -> dict[str, Tensor]:
    """Nets and optimisers by name."""
    tensors = {f"module/{name}": tensor for name, tensor in algorithm.modules.state_dict().items()}
    for name, optimiser in algorithm.optimisers.items():
        for index, entry in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{name}/{index}/{key}": value for key, value in entry.items()}
    return tensors


def _replay_tensors(state: dict[str, npt.NDArray[Any]]) -> dict[str, Tensor]:
    # Copies: the replay hands out read-only views, which torch cannot hold.
    return {f"replay/{name}": torch.tensor(a) for name, a in state.items()}


def _replace_all(files: dict[Path, tuple[Header, dict[str, Tensor]]]) -> None:
    """Writes every file beside its place, then moves all of them there."""
    temporaries = {path: path.with_name(f".{path.name}.tmp") for path in files}
    path = next(iter(files))
    try:
        for path, (header, tensors) in files.items():
            dense = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
            text = json.dumps(asdict(header), sort_keys=True)
            metadata = {"format": str(FORMAT), "header": text, "digest": _digest(text, dense)}
            save_file(dense, temporaries[path], metadata)
            with temporaries[path].open("rb+") as file:
                os.fsync(file.fileno())
        for path, temporary in temporaries.items():
            temporary.replace(path)
    except (OSError, SafetensorError) as error:
        for temporary in temporaries.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        former = "; the former one is intact" if path.exists() else ""
        raise FopError(f"cannot write the checkpoint {path}: {error}{former}") from error


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


def _check_same(path: Path, header: Header, identity: dict[str, Any]) -> None:
    theirs = {name: getattr(header, name) for name in identity}
    ours = json.loads(json.dumps(identity))
    variant, field = _variant(header)
    if field:
        raise DamagedFile(
            f"the checkpoint {path} is of {header.algorithm} with {field}={header.config[field]!r}, which is "
            f"{variant} today, an algorithm of its own: it can be evaluated, but not resumed"
        )
    former = catalogue.former_fields(header.algorithm, TaskSpec(**header.spec).action_kind)
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


def _fill(state: TrainState, header: Header, tensors: dict[str, Tensor]) -> None:
    """All but the replay."""
    _fill_algorithm(state.algorithm, header, tensors)
    state.clock = Clock(**header.clock)
    state.evaluations = header.evaluations


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
