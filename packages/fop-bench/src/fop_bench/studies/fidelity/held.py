"""Held play: places and the enemies' deaths are forced as recorded; do the agents fall as recorded?

Open-loop play mixes up everything once a battle has gone another way. Here the agents are put where the
recording saw them, enemies die when the recording says and not before, so that what is left to the engine is
whom the enemy shoots and when. A play agrees with the recording as long as no agent falls more than
`TOLERANCE` loops before or after the recorded loop, and none that the recording lets live.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .measures import known
from .recordings import Episode, Order
from .replays import Player, Sighting, give

TOLERANCE = 10
"""Loops by which a death may be off; a Marine shoots every 14."""


def agrees(player: Player, episode: Episode, seed: int, until: int) -> bool:
    """Do the agents fall as recorded in the first `until` loops of one held play?"""
    places = known(episode, player.spawns(episode))
    seen: dict[int, list[Sighting]] = {}
    for sighting in (*places.moves, *places.targets):
        seen.setdefault(sighting.loop, []).append(sighting)
    orders: dict[int, list[Order]] = {}
    for order in episode.orders:
        orders.setdefault(order.loop, []).append(order)
    recorded = {death.unit: death.loop for death in episode.fallen}
    world = player.world(episode, seed)
    fallen: set[int] = set()
    for loop in range(until):
        for order in orders.get(loop, ()):
            give(world, order)
        rows = world.units()
        for sighting in seen.get(loop, ()):
            if rows["alive"][sighting.unit]:
                world.set(sighting.unit, "x", sighting.x)
                world.set(sighting.unit, "y", sighting.y)
        for unit, birth in enumerate(episode.units):
            due = recorded.get(unit, math.inf)
            if birth.player == 0 and unit not in fallen:
                if not rows["alive"][unit]:
                    fallen.add(unit)
                    if loop < due - TOLERANCE:
                        return False
                elif loop > due + TOLERANCE:
                    return False
            elif birth.player == 1 and rows["alive"][unit]:
                if loop >= due:
                    world.set(unit, "alive", 0)
                else:
                    world.set(unit, "hp", float(rows["hp_max"][unit]))
                    world.set(unit, "shield", float(rows["shield_max"][unit]))
        world.step()
    return True


def until_last_enemy(episode: Episode) -> int:
    """How long held play means something: to the last enemy's death, or the recorded end."""
    falls = [death.loop for death in episode.fallen if episode.units[death.unit].player == 1]
    enemies = sum(birth.player == 1 for birth in episode.units)
    return max(falls) if len(falls) == enemies else episode.end


def score(player: Player, episodes: Sequence[Episode], seeds: int, until: int) -> float:
    """Mean over episodes of the logarithm of the share of agreeing plays.

    Half a play is added, so that an episode without any agreeing play counts log(1 / (2 seeds)). 0 is best.
    Rules that leave more to chance score lower for it; rules that are wrong score lowest.
    """
    total = 0.0
    for episode in episodes:
        loops = min(until, until_last_enemy(episode))
        share = sum(agrees(player, episode, seed, loops) for seed in range(seeds)) / seeds
        total += math.log(share + 0.5 / seeds)
    return total / len(episodes)
