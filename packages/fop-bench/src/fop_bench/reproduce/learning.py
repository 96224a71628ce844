"""Cells that learn: all seeds of one setting of one method, trained as one batch on a one-step game."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from typing import TYPE_CHECKING, Any

import msgspec

from fop_bench.work import Tell

from .entry import Cell

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fop_algos.algorithm import Algorithm

TRAINER = 1
"""Part of every cell: what is trained otherwise is another cell."""

MOMENTS = 100
"""Points of a learning curve."""


def cell(
    name: str,
    algorithm: str,
    seeds: int,
    updates: int,
    *,
    game: str = "matrix",
    payoff: str = "paper",
    **changes: Any,
) -> Cell:
    """A cell of seeds 0 to `seeds - 1`, none of which anything was tuned on.

    Args:
        name: for people.
        algorithm: of the catalogue.
        seeds: how many.
        updates: learning steps of each seed.
        game: `matrix` or `differential`.
        payoff: of the matrix game.
        changes: fields of the algorithm's config for games that are set differently.
    """
    import fop_envs
    from fop_algos import catalogue

    spec = fop_envs.make(game).spec
    config = dataclasses.replace(catalogue.entry(algorithm).config_for(spec), **changes)
    return Cell(
        name,
        {
            "algorithm": algorithm,
            "game": game,
            "payoff": payoff if game == "matrix" else None,
            "config": msgspec.to_builtins(dataclasses.asdict(config)),
            "seeds": seeds,
            "updates": updates,
            "trainer": TRAINER,
        },
    )


def run(cell: Cell, tell: Tell) -> Any:
    """Trains a cell.

    Returns:
        `updates` `[M]`, `actions` `[M, K, N, ...]` and `returns` `[M, K]` of greedy play along the way; on
        matrix games also `individual` `[K, N, A]` and `joint` `[K, A, .., A]` values at the end.
    """
    import torch

    import fop_envs
    from fop_algos import catalogue
    from fop_algos.stack import stacked, train_stack

    torch.set_num_threads(1)
    settings = cell.settings
    options = {"payoff": settings["payoff"]} if settings["payoff"] else {}
    spec = fop_envs.make(settings["game"], **options).spec
    kind = type(catalogue.entry(settings["algorithm"]).config_for(spec))
    config = msgspec.convert(settings["config"], kind)
    algorithm = stacked(
        lambda seed: catalogue.build(settings["algorithm"], spec, config, seed), range(settings["seeds"])
    )
    env = fop_envs.make(settings["game"], n_envs=settings["seeds"] * config.episodes_per_round, **options)
    moments = []
    every = max(1, settings["updates"] // MOMENTS)
    for moment in train_stack(algorithm, env, updates=settings["updates"], every=every):
        moments.append(moment)
        tell(moment.clock.updates / settings["updates"])
    result: dict[str, Any] = {
        "updates": [moment.clock.updates for moment in moments],
        "actions": [_listed(moment.actions) for moment in moments],
        "returns": [_listed(moment.returns) for moment in moments],
    }
    if settings["game"] == "matrix":
        result |= values(algorithm)
    return result


def values(algorithm: Algorithm) -> dict[str, Any]:
    """What each seed of a stack thinks of every single and every joint action of a matrix game."""
    import torch

    from fop_core.types import Clock

    spec, (n_seeds,) = algorithm.spec, algorithm.stack
    joint = torch.tensor(list(itertools.product(range(spec.n_actions), repeat=spec.n_agents)))
    rows = (n_seeds, len(joint))
    obs = torch.ones(*rows, spec.n_agents, spec.obs_dim)
    available = torch.ones(*rows, spec.n_agents, spec.n_actions, dtype=torch.bool)
    state = torch.ones(*rows, spec.state_dim)
    clock = Clock(updates=2**62)
    q_tot = algorithm.joint_value(obs, state, available, joint.expand(n_seeds, -1, -1), clock)
    found = {"joint": _listed(q_tot.view(n_seeds, *(spec.n_actions,) * spec.n_agents).numpy())}
    with contextlib.suppress(NotImplementedError):
        found["individual"] = _listed(algorithm.individual_values(obs[:, :1], state[:, :1])[:, 0].numpy())
    return found


def _listed(array: npt.NDArray[Any]) -> Any:
    """Numbers with four digits after the point are enough for a record."""
    return array.astype(float).round(4).tolist() if array.dtype.kind == "f" else array.tolist()


def final_returns(value: Any) -> npt.NDArray[np.float64]:
    """`[K]` what greedy play gets at the end."""
    import numpy as np

    return np.array(value["returns"][-1])
