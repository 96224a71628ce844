"""The noise floor: how well the engine would agree with a recording of itself.

Recorded orders are played open loop. The team that was recorded answered what its own battle did; under
another seed a target dies two loops earlier or later, and the orders no longer fit. So even a perfect engine
wouldn't agree with the recordings, and the goals are measured from what it would reach.

It is measured so. For each recorded episode the engine plays an episode of its own (`own_episode`): a team of
SMAC agents that does what the recorded one did, step by step, as long as that is possible, and answers its
own battle where it isn't. That episode takes the recording's place: its orders, its exact places and its
deaths are known as the recording's are, and the orders are played open loop under other seeds, by the same
code. The agreement of those plays with that episode is the noise floor. Both sides of the comparison lose the
same thing, the answer to one's own battle; what remains between noise floor and recording is the engine's
infidelity, up to one difference: the team here is a patched copy of the recorded one, not the recorded
network.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fop_core import skirmish

from .measures import STEP, Known, winner
from .playback import MOVE_AMOUNT, Player, give
from .recordings import Death, Episode, Order, OrderKind

SEED = 1_000_000
"""First seed of the engine's own episodes, far from those of the plays."""
_IDLE = 0


def own_episode(player: Player, episode: Episode, places: Known, seed: int, limit: int) -> Episode:
    """An episode that the engine plays by itself, in the form of a recording.

    Agents take the recorded step's action: moves go from where they are themselves; an attack (or heal) of a
    unit that is dead by now goes to the nearest living one instead, and so does an attack that ended before
    the next recorded action. Agents who outlive the recording attack the nearest enemy. The episode ends as
    SMAC ends it, or after `limit` loops.
    """
    world = player.world(episode, seed)
    team = _Team(world, episode, places)
    dead_at: dict[int, int] = {}
    loop = 0
    while True:
        rows = world.units()
        if loop % STEP == 0:
            if loop >= limit or winner(episode, dead_at.__contains__):
                break
            team.act(loop, rows)
        world.step()
        loop += 1
        for unit in np.flatnonzero(world.units()["alive"] == 0).tolist():
            dead_at.setdefault(unit, loop)
    killers = world.units()["killer"]
    deaths = [
        Death(when, unit, int(killers[unit]) if killers[unit] >= 0 else None, False)
        for unit, when in dead_at.items()
    ]
    return replace(
        episode,
        deaths=tuple(sorted(deaths, key=lambda death: death.loop)),
        orders=tuple(team.given),
        end=loop + 1,
        fights=(),
    )


class _Team:
    """The recorded team's stand-in. `given` collects its orders as a recording would."""

    def __init__(self, world: skirmish.World, episode: Episode, places: Known) -> None:
        self.given: list[Order] = []
        self._world = world
        self._n = sum(birth.player == 0 for birth in episode.units)
        self._healer = [birth.type == "Medivac" for birth in episode.units]
        self._script = {(order.loop, order.unit): order for order in episode.orders}
        self._from = {(seen.loop, seen.unit): (seen.x, seen.y) for seen in places.moves}
        ends = {death.unit: death.loop for death in episode.fallen}
        self._until = [ends.get(unit, episode.end) for unit in range(self._n)]
        self._last: dict[int, tuple[OrderKind, int | None]] = {}

    def act(self, loop: int, rows: npt.NDArray[np.void]) -> None:
        for unit in range(self._n):
            if not rows["alive"][unit]:
                continue
            order = self._script.get((loop, unit))
            if order is not None:
                self._follow(order, rows)
            elif rows["order"][unit] == _IDLE and (loop >= self._until[unit] or self._fought(unit)):
                self._improvise(loop, unit, rows)

    def _fought(self, unit: int) -> bool:
        return self._last.get(unit, ("stop", None))[0] in ("attack", "heal")

    def _follow(self, order: Order, rows: npt.NDArray[np.void]) -> None:
        unit = order.unit
        if order.kind == "move" and order.x is not None and order.y is not None:
            x, y = self._from[order.loop, unit]
            turn = np.sign(np.round(order.x - x)), np.sign(np.round(order.y - y))
            own = float(rows["x"][unit]), float(rows["y"][unit])
            to = (own[0] + MOVE_AMOUNT * float(turn[0]), own[1] + MOVE_AMOUNT * float(turn[1]))
            self._give(Order(order.loop, unit, "move", None, *to, repeated=False))
        elif order.kind == "stop":
            self._give(
                Order(
                    order.loop,
                    unit,
                    "stop",
                    None,
                    None,
                    None,
                    repeated=self._last.get(unit) == ("stop", None),
                )
            )
        elif order.target is not None and rows["alive"][order.target]:
            self._engage(order.loop, unit, order.kind, order.target, rows)
        else:
            self._improvise(order.loop, unit, rows)

    def _improvise(self, loop: int, unit: int, rows: npt.NDArray[np.void]) -> None:
        allied = np.arange(len(rows)) < self._n
        wanted = rows["alive"] == 1
        if self._healer[unit]:
            wanted &= allied & (rows["hp"] < rows["hp_max"]) & ~np.array(self._healer)
        else:
            wanted &= ~allied
        if not wanted.any():
            return
        away = np.hypot(rows["x"] - rows["x"][unit], rows["y"] - rows["y"][unit])
        nearest = int(np.where(wanted, away, np.inf).argmin())
        self._engage(loop, unit, "heal" if self._healer[unit] else "attack", nearest, rows)

    def _engage(self, loop: int, unit: int, kind: OrderKind, target: int, rows: npt.NDArray[np.void]) -> None:
        repeated = self._last.get(unit) == (kind, target)
        place = float(rows["x"][target]), float(rows["y"][target])
        self._give(Order(loop, unit, kind, target, *place, repeated=repeated))

    def _give(self, order: Order) -> None:
        self._last[order.unit] = (order.kind, order.target)
        self.given.append(order)
        give(self._world, order)
