from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(os.environ.get("FOP_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture
def real_recordings() -> Path:
    """The folder of recordings of StarCraft II; docs/fidelity.md says where they come from."""
    folder = SHARED / "facts" / "oracle"
    if not folder.is_dir():
        pytest.skip(f"there are no recordings in {folder}; FOP_SHARED names another shared folder")
    return folder


@pytest.fixture(scope="session")
def write_net() -> Callable[..., Path]:
    """Writes a net of PyMARL's form that prefers some actions to others, whatever it sees.

    `write(path, map_name, inputs, n_actions, {action: value}, **about)`; other actions have the value 0.
    """
    import torch
    from safetensors.torch import save_file

    def write(
        path: Path, map_name: str, inputs: int, n_actions: int, values: dict[int, float], **about: Any
    ) -> Path:
        sizes = {"fc1": (4, inputs), "fc2": (n_actions, 4)}
        weights = {f"{layer}.weight": torch.zeros(shape) for layer, shape in sizes.items()}
        weights |= {f"{layer}.bias": torch.zeros(shape[0]) for layer, shape in sizes.items()}
        for side in ("ih", "hh"):
            weights |= {f"rnn.weight_{side}": torch.zeros(12, 4), f"rnn.bias_{side}": torch.zeros(12)}
        for action, value in values.items():
            weights["fc2.bias"][action] = value
        path.parent.mkdir(parents=True, exist_ok=True)
        described = {"map": map_name, "algorithm": "qmix", "real": {}} | about
        save_file(weights, path, {"about": json.dumps(described)})
        return path

    return write
