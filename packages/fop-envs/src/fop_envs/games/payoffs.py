"""Payoff tensors of one-step games: by name, drawn at random with a hidden optimum, or from a file."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fop_core import rng
from fop_core.errors import FopError, UnknownName
from fop_core.rng import Purpose

Payoff = npt.NDArray[np.float64]

PAYOFFS = {
    "paper": "3x3 of the FOP paper: 8 at AA, -12 where one agent alone plays A, else 0",
    "climbing": "3x3 of Claus and Boutilier: 11 at AA behind -30, 7 at BB is easier to reach",
    "penalty-K": "3x3 of Claus and Boutilier: 10 at AA and at CC, -K at AC and CA; K = 0 to 100",
    "random-NxA-I": "optimum of 8 among bad neighbours; N = 2 to 4 agents, A = 3 to 8 actions, I = 0 to 99",
}
"""What `payoff_table` knows; capitals stand for whole numbers."""

EXAMPLES = ("paper", "climbing", *(f"penalty-{k}" for k in (0, 25, 50, 75, 100)))
"""The games of the literature, a few values of `K` among them."""

MAX_CELLS = 10_000
"""Of a payoff from a file: it goes into every manifest."""

_PENALTY = re.compile(r"penalty-(0|[1-9]\d?|100)")
_RANDOM = re.compile(r"random-([2-4])x([3-8])-(0|[1-9]\d?)")
_MAX_BYTES = 1 << 20
_ALLOWED = (
    "needed: .json (nested lists), .csv (2 agents) or .npy with one axis per agent, 2 or more, all of one "
    f"length, 2 or more, and at most {MAX_CELLS:,} finite numbers"
)


def payoff_table(name: str, penalty: float = -100.0) -> Payoff:
    """The payoff of a named game, `[A] * N`: axis `i` is agent `i`'s action.

    - `paper`: FOP, appendix, Table 3. 8 at (A, A), -12 where exactly one agent plays A, else 0.
    - `climbing`: Claus and Boutilier, AAAI 1998. 11 at (A, A), hidden behind -30.
    - `penalty-K`: the same paper. 10 at (A, A) and (C, C), `-K` where one plays A and the other C; K is 0 to
      100. `penalty` without K takes the argument `penalty` instead.
    - `random-NxA-I`: see `random_payoff`.

    Raises:
        UnknownName: no payoff has this name.
    """
    tables = {
        "paper": [[8.0, -12.0, -12.0], [-12.0, 0.0, 0.0], [-12.0, 0.0, 0.0]],
        "climbing": [[11.0, -30.0, 0.0], [-30.0, 7.0, 6.0], [0.0, 0.0, 5.0]],
    }
    if name in tables:
        return checked(tables[name])
    if match := _RANDOM.fullmatch(name):
        return random_payoff(*map(int, match.groups()))
    if match := _PENALTY.fullmatch(name):
        penalty = 0.0 - int(match[1])
    elif name != "penalty":
        head = name.partition("-")[0]  # of a family's name the limits are told, not just its form
        family = [f"{form} ({text})" for form, text in PAYOFFS.items() if form.startswith(f"{head}-")]
        raise UnknownName("payoff", name, family or PAYOFFS)
    return checked([[10.0, 0.0, penalty], [0.0, 2.0, 0.0], [penalty, 0.0, 10.0]])


def random_payoff(n_agents: int, n_actions: int, index: int) -> Payoff:
    """Tensor number `index` of its size, `[A] * N`, with an optimum in a bad neighbourhood. Ours.

    - The optimum, 8, is one joint action drawn uniformly.
    - Its neighbours, joint actions in which exactly one agent plays something else, pay from -12 to -10.
    - Everything else pays from 0 to 4, but for the decoy, 6: a joint action drawn uniformly among those that
      share no agent's action with the optimum.

    Payoffs are uniform in their ranges and rounded to one decimal. `docs/environments/matrix_game.md` says
    what follows from this.

    Args:
        n_agents: `N`, 2 or more.
        n_actions: `A`, 3 or more.
        index: 0 to 2^32 - 1.
    """
    cells = n_actions**n_agents
    draws = rng.uniform64(n_agents, Purpose.GAME, [index], n_actions, 2 * n_agents + cells)[0]
    best = (draws[:n_agents] * n_actions).astype(np.int64)
    shift = 1 + (draws[n_agents : 2 * n_agents] * (n_actions - 1)).astype(np.int64)
    shape = (n_actions,) * n_agents
    uniform = draws[2 * n_agents :].reshape(shape)
    distance = sum(axis != action for axis, action in zip(np.indices(shape), best, strict=True))
    table: Payoff = np.where(distance == 1, -12.0 + 2.0 * uniform, 4.0 * uniform).round(1)
    table[tuple(best)] = 8.0
    table[tuple((best + shift) % n_actions)] = 6.0
    return table


def read_payoff(path: str | Path) -> Payoff:
    """A payoff of one's own, `[A] * N`, from a `.json`, `.csv` or `.npy` file.

    Raises:
        FopError: there is no such file, or it holds something else; the message names the file and what is
            allowed.
    """
    path = Path(path)
    readers = {".json": _json, ".csv": _csv, ".npy": _npy}
    try:
        if path.suffix.lower() not in readers:
            raise ValueError(f"its name ends in {path.suffix!r}" if path.suffix else "its name has no ending")
        if not path.is_file():
            raise ValueError("there is no such file")
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it is larger than {_MAX_BYTES:,} bytes")
        values = readers[path.suffix.lower()](path)
        if values.size > MAX_CELLS:
            raise ValueError(f"it holds {values.size:,} numbers")
        numbers = _numbers(values)
        if numbers.ndim < 2 or min(numbers.shape) < 2 or len(set(numbers.shape)) > 1:
            raise ValueError(f"its shape is {' x '.join(map(str, numbers.shape)) or 'that of one number'}")
        return checked(numbers)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise FopError(f"{path} can't be used as a payoff: {reason}; {_ALLOWED}") from error


def checked(payoff: npt.ArrayLike) -> Payoff:
    """`payoff` as a tensor of float64.

    Raises:
        ValueError: not one axis per agent, all of one length, or a number that float32 (the type of rewards)
            can't hold.
    """
    table = np.array(payoff, dtype=np.float64)
    if table.ndim < 1 or min(table.shape) < 1 or len(set(table.shape)) > 1:
        raise ValueError(f"payoff has shape {table.shape}; needed: one axis per agent, all of one length")
    if not (np.abs(table) <= np.finfo(np.float32).max).all():
        raise ValueError("payoff holds a number that is not finite (in float32)")
    return table


def _json(path: Path) -> npt.NDArray[Any]:
    try:
        content = json.loads(path.read_bytes())
    except RecursionError as error:
        raise ValueError("its lists are nested too deep") from error
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    return np.array(content, dtype=object)


def _csv(path: Path) -> npt.NDArray[Any]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [[_number(cell) for cell in row] for row in csv.reader(file, strict=True) if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"it is not CSV ({error})") from error
    return np.array(rows, dtype=object)


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _npy(path: Path) -> npt.NDArray[Any]:
    try:
        # Mapped, so that a header that promises more than the file holds costs no memory.
        return np.array(np.lib.format.open_memmap(path, mode="r"))
    except Exception as error:  # numpy evaluates the header: what a damaged one raises is not documented
        raise ValueError(f"it is not NPY ({error})") from error


def _numbers(values: npt.NDArray[Any]) -> Payoff:
    """Numbers alone: numpy would read `true`, `null` and "1" as numbers, too."""
    for cell in values.flat:
        if isinstance(cell, list):
            raise ValueError("its rows are not of one length")
        if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | float | np.integer | np.floating):
            raise ValueError(f"it holds {str(cell)[:20]!r}, which is no number")
    try:
        return values.astype(np.float64)
    except OverflowError as error:
        raise ValueError("it holds a number that is not finite") from error
