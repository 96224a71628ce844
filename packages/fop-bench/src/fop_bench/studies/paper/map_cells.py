"""What the entries on SMAC's maps share: which maps, and what a cell of theirs depends on."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any

from fop_envs.smac.skirmish import ENGINE_VERSION

from .claims import TABLE_4, Army

MAPS = tuple(TABLE_4)


def settings(name: str) -> dict[str, Any]:
    """The map, the engine and the maps' data."""
    data = files("fop_envs.smac").joinpath("data/maps.json").read_bytes()
    return {"map": name, "engine": ENGINE_VERSION, "maps.json": hashlib.sha256(data).hexdigest()[:16]}


def as_text(army: Army) -> str:
    """`1 Medivac, 2 Marauder, 7 Marine`: few before many."""
    return ", ".join(f"{count} {unit}" for unit, count in sorted(army.items(), key=lambda item: item[1]))
