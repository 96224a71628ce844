"""Recorded 3m episodes with everybody's health: the file, and what counting and playing need of it.

docs/fidelity_recordings.md says what the file holds and where it is from.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fop_core.errors import FopError

MAP_NAME = "3m"
ROW_LOOPS = 8
"""Loops from one row to the next."""
HIT = 6
"""Health that a Marine's hit takes from a Marine."""
GRAINS = 4096
"""Of a cell: the unit of places in the file."""
FIRST_ATTACK = 6
"""SMAC's action `FIRST_ATTACK + k` attacks the enemy with id `k`."""
FIELDS = ("ally_hp", "enemy_hp", "ally_x", "ally_y", "enemy_x", "enemy_y", "action", "length")

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HealthEpisode:
    """One episode: `R + 1` rows of state, 8 loops apart, and `R` rows of actions; `N` agents, `M` enemies.

    Attributes:
        number: its place in the file.
        ally_hp: `[R + 1, N]`; 0 for the dead.
        enemy_hp: `[R + 1, M]`, by enemy id.
        ally_places: `[R + 1, N, 2]` cells; those of the dead mean nothing.
        enemy_places: `[R + 1, M, 2]` cells.
        actions: `[R, N]` of SMAC; row `r` is played from state `r` to state `r + 1`.
    """

    number: int
    ally_hp: Ints
    enemy_hp: Ints
    ally_places: Floats
    enemy_places: Floats
    actions: Ints

    @property
    def hits(self) -> Ints:
        """`[R, N]` hits on agents from each row to the next; the last one may take less health than 6."""
        return -(-(self.ally_hp[:-1] - self.ally_hp[1:]) // HIT)


def shared_file() -> Path | None:
    """The file below the folder that the variable FOP_SHARED names; None where it names none."""
    shared = os.environ.get("FOP_SHARED")
    return Path(shared) / "facts" / "oracle" / "odis_3m.npz" if shared else None


def data_file(given: Path | None) -> Path:
    """The file of `--data`, else the one below the folder that the variable FOP_SHARED names.

    Raises:
        FopError: there is none.
    """
    given = given or shared_file()
    if given is None:
        raise FopError(
            "health needs recorded episodes with everybody's health (docs/fidelity_recordings.md): name "
            "their file with --data, or the folder that has it with the variable FOP_SHARED"
        )
    if not given.is_file():
        raise FopError(
            f"{given} is missing: health needs this file of recorded episodes with everybody's health "
            "(docs/fidelity_recordings.md)"
        )
    return given


def load_episodes(path: Path) -> list[HealthEpisode]:
    """All episodes of a file.

    Raises:
        FopError: it is no such file.
    """
    try:
        with np.load(path) as file:
            missing = [name for name in FIELDS if name not in file]
            if missing:
                raise FopError(f"{path} has no {', '.join(missing)}: expected the fields {', '.join(FIELDS)}")
            data = {name: file[name] for name in FIELDS}
    except (OSError, ValueError) as error:
        raise FopError(f"{path} is no file of episodes with health (.npz): {error}") from error
    places = {
        side: np.stack([data[f"{side}_x"], data[f"{side}_y"]], axis=-1) / GRAINS for side in ("ally", "enemy")
    }
    return [
        HealthEpisode(
            number,
            data["ally_hp"][number, :length].astype(np.int64),
            data["enemy_hp"][number, :length].astype(np.int64),
            places["ally"][number, :length],
            places["enemy"][number, :length],
            data["action"][number, : length - 1].astype(np.int64),
        )
        for number, length in enumerate(data["length"].tolist())
    ]
