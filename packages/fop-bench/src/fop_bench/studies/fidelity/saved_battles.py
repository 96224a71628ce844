"""Changes to saved battles that `SkirmishEnv` has no call for: other dice, and when units look for targets.

A saved battle holds, for each column of the units (`csrc/skirmish/units/columns.hpp`), the number of units
as 8 bytes and then the values. Columns that `units()` shows tell where the others are.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt


def dice(start: int) -> Iterator[int]:
    """Seeds without end, all of whose 64 bits are random: such a one is found in a saved battle."""
    rng = np.random.default_rng(start)
    while True:
        yield int(rng.integers(2**63, 2**64, dtype=np.uint64))


def reseeded(state: bytes, old: int, new: int) -> bytes:
    """A saved battle that goes on with other dice. Everything left to chance is a function of the seed.

    Raises:
        ValueError: `old` doesn't stand in the battle exactly once.
    """
    mark = old.to_bytes(8, sys.byteorder)
    if state.count(mark) != 1:
        raise ValueError(f"the seed {old} stands {state.count(mark)} times in the saved battle, not once")
    return state.replace(mark, new.to_bytes(8, sys.byteorder))


def with_looks(state: bytes, units: npt.NDArray[np.void], looks: npt.NDArray[np.int64]) -> bytes:
    """A saved battle whose units look for targets next at other loops.

    Args:
        state: the battle.
        units: its `units()`.
        looks: `[units]`, loops of the engine by number of creation.

    Raises:
        ValueError: the column `next_scan` isn't between `killer` and `last_hurt`.
    """
    rows = units[np.argsort(units["id"])]
    size = len(rows).to_bytes(8, sys.byteorder)
    before = size + rows["killer"].astype(np.int32).tobytes() + size
    after = size + rows["last_hurt"].astype(np.int32).tobytes()
    width = 4 * len(rows)
    place = state.find(before)
    while place >= 0:
        start = place + len(before)
        if state[start + width : start + width + len(after)] == after:
            return state[:start] + looks.astype(np.int32).tobytes() + state[start + width :]
        place = state.find(before, place + 1)
    raise ValueError("next_scan isn't the column between killer and last_hurt in the saved battle")


def with_places(state: bytes, units: npt.NDArray[np.void], places: dict[int, tuple[float, float]]) -> bytes:
    """A saved battle some of whose units stand elsewhere.

    Args:
        state: the battle.
        units: its `units()`.
        places: x and y, by number of creation; the dead stay where they are.

    Raises:
        ValueError: the columns `x` and `y` aren't found.
    """
    rows = units[np.argsort(units["id"])]
    size = len(rows).to_bytes(8, sys.byteorder)
    old = [rows[axis].astype(np.float32) for axis in ("x", "y")]
    new = [column.copy() for column in old]
    for unit, place in places.items():
        if rows["alive"][unit]:
            new[0][unit], new[1][unit] = place
    before, after = (size + x.tobytes() + size + y.tobytes() for x, y in (old, new))
    if state.count(before) != 1:
        raise ValueError(f"x and y stand {state.count(before)} times in the saved battle, not once")
    return state.replace(before, after)
