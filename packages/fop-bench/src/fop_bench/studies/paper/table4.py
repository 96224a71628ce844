"""Table 4: who fights on the four maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fop_bench.jobs.blocks import Tell
from fop_envs.smac.maps import load_map

from . import claims
from .entry import Cell, Check, PaperEntry, Result
from .map_cells import MAPS, as_text, settings


def cells(seeds: int) -> list[Cell]:
    """One for each map; there is no chance in them, so no seeds."""
    return [Cell(f"armies of {name}", settings(name)) for name in MAPS]


def run(cell: Cell, tell: Tell) -> Any:
    """Both armies as the engine has them: `[agents, enemies]`, each a count by type."""
    armies: list[claims.Army] = [{}, {}]
    for call in load_map(cell.settings["map"]).spawn_calls:
        army = armies[call.player - 1]
        army[call.unit] = army.get(call.unit, 0) + call.count
    return armies


def checks(results: Sequence[Result]) -> list[Check]:
    """Each army beside the paper's, and which maps are asymmetric."""
    found = []
    for result in results:
        name = result.cell.settings["map"]
        for side, title in enumerate(("agents", "enemies")):
            found.append(_army(f"{name}, {title}", name, side, result.value[side]))
    uneven = [r.cell.settings["map"] for r in results if r.value[0] != r.value[1]]
    found.append(
        Check(
            "maps whose sides differ",
            ", ".join(claims.ASYMMETRIC),
            ", ".join(uneven) or "none",
            set(uneven) == set(claims.ASYMMETRIC),
        )
    )
    return found


def _army(what: str, name: str, side: int, ours: claims.Army) -> Check:
    """Another army than the paper's is the right one if the paper's can't be: if it isn't as large as SMAC's
    own list of maps says, and ours is."""
    printed, size = claims.TABLE_4[name][side], claims.SMAC_UNITS[name][side]
    total = sum(printed.values())
    condition = ""
    if ours != printed and total != size and sum(ours.values()) == size:
        condition = (
            f"the paper's row {what} can't be right: it adds up to {total} units, while SMAC's list of maps "
            f"says {size}; ours has {size}"
        )
    return Check(what, as_text(printed), as_text(ours), ours == printed or bool(condition), None, condition)


TABLE_4 = PaperEntry(
    "table4", "maps", "the armies of both sides on four maps", claims.CLAIMS["table4"], cells, run, checks
)
