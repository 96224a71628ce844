"""The battle engine: worlds of units on SMAC's maps, stepped one at a time or many together.

Legend: `E` battles, `N` agents, `A` actions, `O` observation, `S` state. Lengths are in map cells, speeds in
cells per loop, angles in radians (0 east, counter-clockwise), times in loops (16 of them are one second of
the game's Normal clock). Environments with SMAC's interface are in `fop_envs`; here is what they are made of:

- `Player(commander, order, order_points)`: who commands a side: `agents` (orders from outside; units without
  one do nothing), a `script` (gives `order` once, as its units appear: `none`, `attack_point`,
  `attack_random_point_on_segment`, `attack_unit_group`; idle units choose targets for themselves), or SMAC's
  built-in policy, `heuristic`.
- `Scenario`: the two players, who appears where, where one can walk.
- `MapTraits`: what SMAC's map registry says of a map besides its armies.
- `SmacOptions`, and `EngineOptions` in its field `engine`; meaning and defaults: `fop_envs.skirmish`.
- `Task(scenario, traits, options)`: what all battles of one map share; knows all sizes. Never changed.
- `VectorWorld(task, n_envs, seed, threads)`: `E` battles with SMAC's actions, observations and rewards. Its
  `views()` are arrays that `reset`, `step` and `load` rewrite in place: `obs` `[E, N, O]`, `state` `[E, S]`,
  `available` `[E, N, A]`, `executed` `[E, N]`; `[E]` each: `reward`, `terminated`, `truncated`, `battle_won`,
  `dead_allies`, `dead_enemies`, `replaced_actions`. `overlooked_bodies(env)` counts, over the episode, what a
  walking unit had to go round beyond the 12 bodies that it minds at a time.
- `World(task, seed, episode, first_loops)`: one battle driven loop by loop, with orders to single units.

`units()` of both worlds is a structured array with one row per unit. Fields: `id` (order of creation),
`player` (0 or 1), `type` (index into `UNIT_TYPES`), `alive`, `x`, `y`, `facing`, `speed`, `hp`, `hp_max`,
`shield`, `shield_max`, `energy`, `cooldown`, `order` (index into `ORDERS`), `order_target`, `order_x`,
`order_y`, `target`, `attack_phase` (0 ready, 1 wind-up, 2 backswing), `killer`, `last_hurt` (loop of the
last damage, far below 0 before the first), `attacks` (so far). Units are meant by their id; -1 is nobody.

A battle is a function of (task, seed, episode, actions or orders): of nothing else, on any machine.
"""

from . import _native
from ._native import EngineOptions, MapTraits, Player, Scenario, SmacOptions, Task, VectorWorld, World

__all__ = [
    "BODY_RADII",
    "ENGINE_VERSION",
    "ORDERS",
    "UNIT_TYPES",
    "EngineOptions",
    "MapTraits",
    "Player",
    "Scenario",
    "SmacOptions",
    "Task",
    "VectorWorld",
    "World",
]

ENGINE_VERSION: str = _native.ENGINE_VERSION
"""Part of every trace, record and checkpoint; another version plays other battles."""

UNIT_TYPES: tuple[str, ...] = tuple(_native.UNIT_TYPES)
"""Names of the unit types."""

BODY_RADII: tuple[float, ...] = tuple(_native.BODY_RADII)
"""Radius of each type's body, in cells; the same on both sides."""

ORDERS: tuple[str, ...] = tuple(_native.ORDERS)
"""Names of the orders that a unit can have."""
