"""A recorded episode as SMAC's agents played it: ids of agents and enemies, and an action at each step.

Agents' ids are the order in which a step's orders came. Enemies' ids have the form that resets give them:
each enemy tosses a coin, heads are numbered first in order of creation, tails after them in the opposite
order. The command that ends an episode kills the survivors in order of id, agents first, which tells their
order.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fop_core.types import Actions, Bool, Int
from fop_envs.smac.skirmish import UNIT_TYPES, SkirmishEnv

from .measures import STEP, Known
from .recordings import Episode, Order

NO_OP, STOP, NORTH, SOUTH, EAST, WEST, FIRST_TARGET = range(7)
_MOVES = {(0, 1): NORTH, (0, -1): SOUTH, (1, 0): EAST, (-1, 0): WEST}


@dataclass(frozen=True)
class RecordedActions:
    """Steps of an episode, `T` of them, with `N` agents. Units are meant by their number of creation.

    Attributes:
        agents: units in order of agent id.
        kinds: `[T, N]`, `NO_OP` to `WEST`, or `FIRST_TARGET` for whoever attacks or heals.
        targets: `[T, N]`, the unit attacked or healed, else -1.
        known: `[T, N]`, was an order recorded, or is the agent dead? Without one it goes on as before.
    """

    agents: tuple[int, ...]
    kinds: Actions
    targets: Int
    known: Bool

    @property
    def alive(self) -> Bool:
        """`[T, N]`: who acts."""
        return np.asarray(self.kinds != NO_OP)


def recorded_actions(episode: Episode, places: Known) -> RecordedActions:
    """Orders as actions. `places` tell where movers stood, and with that in which direction they go.

    An agent without an order goes on with its last one, as the game folds repeated orders.
    """
    n = sum(birth.player == 0 for birth in episode.units)
    first = dict.fromkeys(order.unit for order in episode.orders if order.loop == 0)
    agents = tuple(first) if len(first) == n else (*first, *(u for u in range(n) if u not in first))
    steps = max(0, (episode.end - 1) // STEP)
    orders = {(order.loop, order.unit): order for order in episode.orders}
    starts = {(seen.loop, seen.unit): (seen.x, seen.y) for seen in places.moves}
    dies = {death.unit: death.loop for death in episode.fallen}
    kinds = np.full((steps, n), NO_OP, np.int64)
    targets = np.full((steps, n), -1, np.int64)
    known = np.ones((steps, n), np.bool_)
    for agent, unit in enumerate(agents):
        last = STOP, -1
        for step in range(steps):
            if dies.get(unit, episode.end) <= step * STEP:
                break
            order = orders.get((step * STEP, unit))
            known[step, agent] = order is not None
            if order is not None:
                last = _action(order, starts.get((order.loop, unit)))
            kinds[step, agent], targets[step, agent] = last
    return RecordedActions(agents, kinds, targets, known)


def _action(order: Order, start: tuple[float, float] | None) -> tuple[int, int]:
    if order.kind == "move" and start is not None and order.x is not None and order.y is not None:
        way = int(np.sign(round(order.x - start[0]))), int(np.sign(round(order.y - start[1])))
        return _MOVES[way], -1
    if order.kind in ("attack", "heal") and order.target is not None:
        return FIRST_TARGET, order.target
    return STOP, -1


def enemy_orders(episode: Episode) -> list[tuple[int, ...]]:
    """Every order of enemy ids that a reset can give and that the recorded end allows: enemies by id.

    Where the end allows none of them (its deaths aren't those of a reset), all.
    """
    enemies = [unit for unit, birth in enumerate(episode.units) if birth.player == 1]
    ended = [death.unit for death in episode.deaths if death.by_reset and death.unit in enemies]
    orders: dict[tuple[int, ...], None] = {}
    for coins in itertools.product((True, False), repeat=max(0, len(enemies) - 1)):
        # The last one's own coin changes nothing: it stands between both.
        heads = [unit for unit, coin in zip(enemies, coins, strict=False) if coin]
        tails = [unit for unit, coin in zip(enemies, coins, strict=False) if not coin]
        orders[(*heads, enemies[-1], *reversed(tails))] = None
    allowed = [order for order in orders if [unit for unit in order if unit in ended] == ended]
    return allowed or list(orders)


class Seats:
    """Where the recorded agents and enemies are in an environment's arrays.

    The environment numbers agents and enemies by its own rules; a net wants the recorded ids.

    Args:
        env: whose arrays are meant.
        agents: units by recorded agent id.
        enemies: units by recorded enemy id.
        slot: the environment's ids are those of this slot.
    """

    def __init__(
        self, env: SkirmishEnv, agents: tuple[int, ...], enemies: tuple[int, ...], slot: int = 0
    ) -> None:
        n = env.spec.n_agents
        rows = env.units(slot)
        ids = rows["id"].tolist()
        place = {unit: index for index, unit in enumerate(ids)}
        self.rows = np.array([place[unit] for unit in agents])
        """`[N]`: the environment's agent of each recorded one."""
        there = np.array([place[unit] - n for unit in enemies])
        task = env.task
        width = task.obs_enemy_width
        enemy_block = task.move_width + (there[:, None] * width + np.arange(width)).ravel()
        after = task.move_width + width * len(enemies)
        columns = np.tile(np.arange(env.spec.obs_dim), (n, 1))
        actions = np.tile(np.arange(env.spec.n_actions), (n, 1))
        heals = rows["type"][self.rows] == UNIT_TYPES.index("Medivac")
        for agent, own in enumerate(self.rows):
            others = np.delete(self.rows, agent)
            block = others - (others > own)
            allies = after + (block[:, None] * task.obs_ally_width + np.arange(task.obs_ally_width)).ravel()
            columns[agent, task.move_width : after] = enemy_block
            columns[agent, after : after + len(allies)] = allies
            targets = self.rows if heals[agent] else there
            actions[agent, FIRST_TARGET : FIRST_TARGET + len(targets)] = FIRST_TARGET + targets
        self.columns: Int = columns
        """`[N, O]`: the environment's column of each of the net's, in the row of `rows`."""
        self.actions: Int = actions
        """`[N, A]`: the environment's action of each of the net's."""


def seen_by_net(array: npt.NDArray[Any], rows: Int, columns: Int) -> npt.NDArray[Any]:
    """Rows and columns of `[E, N, K]` rearranged by `rows` `[E, N]` and `columns` `[E, N, K]`."""
    taken = np.take_along_axis(array, rows[:, :, None], axis=1)
    return np.take_along_axis(taken, columns, axis=2)


def numbered(actions: RecordedActions, enemies: tuple[int, ...]) -> Actions:
    """`[T, N]` in SMAC's numbers, for one order of enemy ids; healers name agents."""
    ids = {unit: number for number, unit in enumerate(enemies)}
    ids |= {unit: number for number, unit in enumerate(actions.agents)}
    result = actions.kinds.copy()
    for place in zip(*np.nonzero(actions.targets >= 0), strict=True):
        result[place] = FIRST_TARGET + ids[int(actions.targets[place])]
    return result
