"""Cells that learn: all seeds of one setting of one method, trained as one batch on a one-step game."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from fop_bench.jobs.blocks import Tell
from fop_bench.report.statistics import wilson

from .entry import Cell, Check
from .settings import FEW, MOST

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fop_algos.algorithm import Algorithm, RoundConfig
    from fop_algos.training.snapshots import Snapshot
    from fop_algos.training.train import TrainState
    from fop_core.protocols import VectorEnv
    from fop_core.types import TaskSpec

TRAINER = 1
"""Part of every cell: what is trained otherwise is another cell."""

SNAPSHOTS = 100
"""Points of a learning curve."""

NEAR = 0.5
"""How close to its last place a greedy action has to stay to have converged."""

TRAILS, POINTS = 3, 150
"""Seeds whose exploration is kept, and joint actions of each."""


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

    spec = fop_envs.make(game, **_options(game, payoff)).spec
    return Cell(
        name,
        {
            "algorithm": algorithm,
            "game": game,
            "payoff": _options(game, payoff).get("payoff"),
            "config": stored_config(algorithm, spec, changes),
            "seeds": seeds,
            "updates": updates,
            "trainer": TRAINER,
        },
    )


def run(cell: Cell, tell: Tell) -> Any:
    """Trains a cell.

    Returns:
        `updates` `[M]`, `actions` `[M, K, N, ...]` and `returns` `[M, K]` of greedy play along the way; on
        matrix games also `individual` `[K, N, A]` and `joint` `[K, A, .., A]` values at the end (of
        algorithms that have them), on the differential game `trails`.
    """
    from fop_algos.training.snapshots import snapshots

    settings = cell.settings
    state, env, test_env = built(cell)
    taken = []
    every = max(1, settings["updates"] // SNAPSHOTS)
    for snapshot in snapshots(state, env, test_env, updates=settings["updates"], every=every):
        taken.append(snapshot)
        tell(snapshot.clock.updates / settings["updates"])
    result: dict[str, Any] = {
        "updates": [snapshot.clock.updates for snapshot in taken],
        "actions": [_listed(snapshot.actions, 2) for snapshot in taken],
        "returns": [_listed(snapshot.returns, 3) for snapshot in taken],
    }
    if settings["game"] == "matrix":
        return result | values(state.algorithm)
    return result | trails(taken, settings["config"]["uniform_episodes"])


def trails(taken: Sequence[Snapshot], uniform_episodes: int) -> dict[str, Any]:
    """How widely each seed explored before it converged, uniform episodes left out.

    Returns:
        `converged` `[K]` learning steps; `areas` `[K]` of the ellipses that hold 95 % of a normal
        distribution with the explored joint actions' covariance; `trails` `[S, P, N]`, up to `POINTS` of
        these actions of the first `S` seeds.
    """
    import numpy as np

    found: dict[str, Any] = {"converged": [], "areas": [], "trails": []}
    for k, at in enumerate(converged(np.stack([snapshot.actions for snapshot in taken]), NEAR)):
        played = np.concatenate([snapshot.explored[k, ..., 0] for snapshot in taken[: at + 1]])
        played = played[uniform_episodes:]
        found["converged"].append(taken[at].clock.updates)
        covariance = np.atleast_2d(np.cov(played.T)) if len(played) > 2 else np.zeros((2, 2))
        area = np.pi * 5.991 * np.sqrt(max(np.linalg.det(covariance), 0.0))
        found["areas"].append(round(float(area), 2))
        if k < TRAILS:
            points = played[:: max(1, -(-len(played) // POINTS))]
            found["trails"].append(points.astype(float).round(2).tolist())
    return found


def converged(actions: npt.NDArray[Any], near: float) -> npt.NDArray[np.int64]:
    """Of `[M, K, N, D]` greedy actions along the way: `[K]`, the first snapshot from which on no action is
    further than `near` from the last one.
    """
    import numpy as np

    away = (np.abs(actions - actions[-1]) > near).any((2, 3))
    return np.where(away.any(0), len(away) - away[::-1].argmax(0), 0)


def built(cell: Cell) -> tuple[TrainState, VectorEnv, VectorEnv]:
    """A cell's stack before its first update, what it learns in, and what it is tested in, with a slot for
    each seed; torch gets one thread.
    """
    import torch

    import fop_envs
    from fop_algos import catalogue
    from fop_algos.training.stack import stacked
    from fop_algos.training.train import TrainState

    torch.set_num_threads(1)
    settings = cell.settings
    options = _options(settings["game"], settings["payoff"])
    spec = fop_envs.make(settings["game"], **options).spec
    name, config = restored_config(settings["algorithm"], spec, settings["config"])
    seeds = range(settings["seeds"])
    algorithm = stacked(lambda seed: catalogue.build(name, spec, config, seed), seeds)
    env = fop_envs.make(settings["game"], n_envs=len(seeds) * config.episodes_per_round, **options)
    return TrainState.of(algorithm), env, fop_envs.make(settings["game"], n_envs=len(seeds), **options)


# A cell's key is a digest of its config. Cells on record were made when FOP's config held the fields of its
# variants, so FOP's is stored with these still, as `fop`, and taken apart again when a cell is run.


def stored_config(algorithm: str, spec: TaskSpec, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The algorithm's config for the task, with `changes`, as plain values."""
    from fop_algos import catalogue

    former = catalogue.former_fields(algorithm, spec.action_kind)
    moved = {name: value for name, value in changes.items() if name in former}
    config = dataclasses.replace(
        catalogue.entry(algorithm).config_for(spec),
        **{name: value for name, value in changes.items() if name not in former},
    )
    unchanged = {name: value for name, (value, _) in former.items()}
    stored: dict[str, Any] = msgspec.to_builtins(dataclasses.asdict(config) | unchanged | moved)
    return stored


def restored_config(algorithm: str, spec: TaskSpec, stored: Mapping[str, Any]) -> tuple[str, RoundConfig]:
    """The algorithm, or the variant of it, that a stored config is of; and its config."""
    from fop_algos import catalogue

    for name, (value, variant) in catalogue.former_fields(algorithm, spec.action_kind).items():
        if stored[name] != value:
            algorithm = variant
            break
    return algorithm, msgspec.convert(stored, type(catalogue.entry(algorithm).config_for(spec)))


def _options(game: str, payoff: str) -> dict[str, Any]:
    """What makes the game: the differential game has no payoff table."""
    return {"payoff": payoff} if game == "matrix" else {}


def values(algorithm: Algorithm) -> dict[str, Any]:
    """What each seed of a stack thinks of every single and every joint action of a matrix game, as far as it
    has values of them.
    """
    import torch

    from fop_algos.algorithm import HasIndividualValues, HasJointValue
    from fop_core.types import Clock

    spec, (n_seeds,) = algorithm.spec, algorithm.stack
    joint = torch.tensor(list(itertools.product(range(spec.n_actions), repeat=spec.n_agents)))
    rows = (n_seeds, len(joint))
    obs = torch.ones(*rows, spec.n_agents, spec.obs_dim)
    available = torch.ones(*rows, spec.n_agents, spec.n_actions, dtype=torch.bool)
    state = torch.ones(*rows, spec.state_dim)
    clock = Clock(updates=2**62)
    found = {}
    if isinstance(algorithm, HasJointValue):
        q_tot = algorithm.joint_value(obs, state, available, joint.expand(n_seeds, -1, -1), clock)
        found["joint"] = _listed(q_tot.view(n_seeds, *(spec.n_actions,) * spec.n_agents).numpy())
    if isinstance(algorithm, HasIndividualValues):
        found["individual"] = _listed(algorithm.individual_values(obs[:, :1], state[:, :1])[:, 0].numpy())
    return found


def _listed(array: npt.NDArray[Any], digits: int = 4) -> Any:
    """What JSON holds, with few digits after the point: records are kept."""
    return array.astype(float).round(digits).tolist() if array.dtype.kind == "f" else array.tolist()


def short(x: float) -> float:
    """With three digits: enough for a record."""
    return float(f"{x:.3g}")


def final_returns(value: Any) -> npt.NDArray[np.float64]:
    """`[K]` what greedy play gets at the end."""
    import numpy as np

    return np.array(value["returns"][-1])


def at_best(value: Any, optimum: float) -> tuple[int, int]:
    """How many seeds end at the optimum, and of how many."""
    returns = final_returns(value)
    return int((returns > optimum - 1e-6).sum()), len(returns)


def optimum_check(what: str, hits: int, n: int, finds_it: bool, condition: str = "") -> Check:
    """How many seeds end at the optimum, beside whether the paper says that a method does."""
    return Check(
        what,
        "the optimum" if finds_it else "not the optimum",
        share(hits, n),
        hits >= MOST * n if finds_it else hits <= FEW * n,
        n,
        condition,
    )


def share(hits: int, n: int) -> str:
    """`18 of 20 (95 % interval 70% to 97%)`."""
    return f"{hits} of {n} (95 % interval {interval(hits, n)})"


def interval(hits: int, n: int) -> str:
    """Around the share `hits / n`: Wilson's, 95 %."""
    share = wilson(hits, n)
    return f"{share.low:.0%} to {share.high:.0%}"
