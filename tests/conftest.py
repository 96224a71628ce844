from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("FOP_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture
def real_recordings() -> Path:
    """The folder of recordings of StarCraft II; docs/fidelity.md says where they come from."""
    folder = SHARED / "facts" / "oracle"
    if not folder.is_dir():
        pytest.skip(f"there are no recordings in {folder}; FOP_SHARED names another shared folder")
    return folder
