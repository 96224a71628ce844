"""Whom enemies shoot at, counted from hits: the same code for recorded episodes and for the engine's play.

A row of the table is a situation and what may follow it; counted are the cases of the situation and those
in which it followed. All is read off states 8 loops apart, so every situation is stated in rows.

- *Hits* on an agent from row `r` to row `r + 1` are the health it lost, in sixes.
- An agent *attacks* an enemy in row `r` if its action of that row is the attack order on it. Distances are
  from centre to centre; *in range* is `RANGE`.
- An enemy *could have hit* an agent from `r` to `r + 1` if both live in `r` and are at most `REACH` apart in
  `r` or in `r + 1`. A *certain hit* is one whose shooter is known: as many hits on the agent as enemies that
  could have hit it (each shoots once in 8 loops at most).
- Two certain hits of one enemy *follow each other* if at most two rows lie between: 24 loops are less than
  two of its periods. The first, from row `w` to `w + 1`, says who the enemy's target was; the second, from
  row `r`, whether it still is. Only situations in which another agent lives are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .health_recording import FIRST_ATTACK, HealthEpisode, Ints

RANGE = 5.75
"""Cells between the centres of two Marines whose edges are a weapon's range of 5 apart."""
REACH = RANGE + 0.25
"""Allows for what moves between two rows."""

SITUATIONS = {
    "spread": ("the first three hits are known, one from each enemy", "1-1-1"),
    "one_enemy": ("of these: one ally is the nearest to all; one enemy alone is attacked", "3-0-0"),
    "one_ally": ("of these: one ally attacks several enemies in turn, nobody else attacks", "3-0-0"),
    "three_allies": ("of these: three allies attack two or three enemies", "3-0-0"),
    "goes_on": ("its target goes on attacking it", "stays"),
    "two_attackers": ("its target and another go on attacking it", "stays"),
    "left_before": ("its target left off two rows ago or more, another attacks it", "switches"),
    "left_last": ("its target left off in the last row, another attacks it", "switches"),
    "nobody": ("nobody attacks it", "stays"),
    "nobody_far": ("nobody attacks it, another ally is nearer than its target", "stays"),
    "death_two": ("its target dies, two attackers in range", "takes the nearest"),
    "death_farther": (
        "its target dies, one attacker, another ally nearer, both in range",
        "takes the attacker",
    ),
    "death_none": ("its target dies, no attacker in range", "takes the nearest"),
    "first_certain": ("first hits, nobody has attacked yet, the shooter is certain", "its nearest"),
    "first_same": ("first hits, nobody has attacked yet, one ally is the nearest to all", "this one"),
}
"""What is counted: the situation and what may follow, by key; `count_rows` says exactly when."""

Note = Callable[[str, bool], None]

Counts = dict[str, tuple[int, int]]
"""By situation: in how many cases it followed, and cases."""


@dataclass(frozen=True)
class Hit:
    """An enemy's certain hit, between `row` and the next."""

    row: int
    ally: int


@dataclass(frozen=True)
class Battle:
    """What hits are read against; `R`, `N` and `M` as in `HealthEpisode`.

    Attributes:
        orders: `[R, N]` index of the enemy that an agent attacks, -1 for none.
        allies: `[R + 1, N]` who lives.
        distances: `[R + 1, M, N]` cells from centre to centre; infinite where one is dead.
        could: `[R, M, N]` could this enemy have hit this agent?
    """

    orders: Ints
    allies: npt.NDArray[np.bool_]
    distances: npt.NDArray[np.float64]
    could: npt.NDArray[np.bool_]

    @staticmethod
    def of(episode: HealthEpisode) -> Battle:
        """The battle in which an episode's hits fell."""
        allies, enemies = episode.ally_hp > 0, episode.enemy_hp > 0
        apart = episode.enemy_places[:, :, None] - episode.ally_places[:, None]
        distances = np.hypot(apart[..., 0], apart[..., 1])
        distances[~(enemies[:, :, None] & allies[:, None])] = np.inf
        nearest = np.minimum(distances[:-1], distances[1:])
        could = (nearest <= REACH) & np.isfinite(distances[:-1])
        return Battle(np.maximum(episode.actions - FIRST_ATTACK, -1), allies, distances, could)


def count_rows(battle: Battle, hits: Ints) -> Counts:
    """Counts each of `SITUATIONS` in the hits `[R, N]` of one battle.

    - The first three hits are known if after some row there have been exactly three, all within two rows. Let
      `r` be the row of the third: orders are those of all rows up to `r`; who is nearest, in the row of the
      first order, or of the first hit if that came before.
    - Certain hits that follow each other, `w` and `r` their rows, the enemy's former target alive in `r`.
      *Goes on*: it attacked the enemy in all rows from `w` to `r`; *two attackers*: somebody else did so as
      well. *Left off before*: its target attacked it neither in `r - 1` nor in `r`, somebody else in both
      (both after or at `w`). *Left off last*: its target attacked it in `r - 1`, not in `r`, somebody else in
      both. *Nobody*: nobody attacked it from `w` to `r`; nearer in row `r`.
    - Certain hits that follow each other, the target killed by the first of them: two agents are left, live
      in `r` and the nearest is the same in `w` and in `w + 1`. In range are those that are so in `w + 1`,
      attackers those that attack the enemy in row `w`. Lest orders after the death decide: from `w + 1` to
      `r` *two attackers* both go on; *one attacker* goes on and the other doesn't begin; with *no attacker*
      nobody begins unless the nearest attacks in all these rows.
    - First hits: no agent had an order to attack up to the row `r` in which the first hits fell. The nearest
      is so in `r`; for *one ally is the nearest to all* in `r - 1` as well.
    """
    counted = {key: [0, 0] for key in SITUATIONS}

    def note(key: str, followed: bool) -> None:
        counted[key][0] += bool(followed)
        counted[key][1] += 1

    _count_first_three(battle, hits, note)
    _count_first(battle, hits, note)
    last: dict[int, Hit] = {}
    for row in np.flatnonzero(hits.any(axis=1)).tolist():
        for enemy, ally in certain_hits(battle, hits, row).items():
            former, now = last.pop(enemy, None), Hit(row, ally)
            if ally < 0:
                continue
            last[enemy] = now
            if former is not None and row - former.row <= 2:
                _count_pair(battle, enemy, former, now, note)
    return {key: (followed, cases) for key, (followed, cases) in counted.items()}


def certain_hits(battle: Battle, hits: Ints, row: int) -> dict[int, int]:
    """Whom each enemy hit from `row` to the next, where that is certain; -1 where it were two."""
    certain: dict[int, int] = {}
    for ally in np.flatnonzero(hits[row]).tolist():
        shooters = np.flatnonzero(battle.could[row, :, ally]).tolist()
        if len(shooters) == hits[row, ally]:
            for enemy in shooters:
                certain[enemy] = -1 if enemy in certain else ally
    return certain


def _count_first_three(battle: Battle, hits: Ints, note: Note) -> None:
    sums = np.cumsum(hits, axis=0)
    totals = sums.sum(axis=1)
    row = int(np.searchsorted(totals, 3))
    first = int(np.searchsorted(totals, 1))
    if row == len(totals) or totals[row] != 3 or row - first > 1:
        return
    spread = sorted(sums[row].tolist(), reverse=True)
    on_one = spread[0] == 3
    note("spread", spread[:3] == [1, 1, 1])
    orders = battle.orders[: row + 1]
    attack = orders >= 0
    if not attack.any():
        return
    begin = min(int(np.flatnonzero(attack.any(axis=1))[0]), first)
    allies, enemies = int(attack.any(axis=0).sum()), len(np.unique(orders[attack]))
    if enemies == 1 and len(set(battle.distances[begin].argmin(axis=1).tolist())) == 1:
        note("one_enemy", on_one)
    if enemies > 1 and allies == 1:
        note("one_ally", on_one)
    if enemies > 1 and allies == 3:
        note("three_allies", on_one)


def _count_first(battle: Battle, hits: Ints, note: Note) -> None:
    row = int(np.argmax(hits.any(axis=1)))
    if not hits[row].any() or (battle.orders[: row + 1] >= 0).any():
        return
    for enemy, ally in certain_hits(battle, hits, row).items():
        note("first_certain", battle.distances[row, enemy].argmin() == ally)
    nearest = set(battle.distances[max(row - 1, 0) : row + 1].argmin(axis=2).ravel().tolist())
    if len(nearest) == 1:
        note("first_same", hits[row, nearest.pop()] == hits[row].sum())


def _count_pair(battle: Battle, enemy: int, former: Hit, now: Hit, note: Note) -> None:
    target = former.ally
    if not battle.allies[now.row, target]:
        if not battle.allies[former.row + 1, target]:
            _count_death(battle, enemy, former, now, note)
        return
    others = battle.allies[now.row].copy()
    others[target] = False
    if not others.any():
        return
    stays = now.ally == target
    attacks = battle.orders[former.row : now.row + 1] == enemy
    last_two = attacks[-2:]
    another = bool((last_two.all(axis=0) & others).any())
    if attacks[:, target].all():
        note("goes_on", stays)
        if (attacks.all(axis=0) & others).any():
            note("two_attackers", stays)
    elif not attacks.any():
        note("nobody", stays)
        if battle.distances[now.row, enemy].argmin() != target:
            note("nobody_far", stays)
    elif another and not last_two[:, target].any():
        note("left_before", not stays)
    elif another and last_two[:, target].tolist() == [True, False]:
        note("left_last", not stays)


def _count_death(battle: Battle, enemy: int, former: Hit, now: Hit, note: Note) -> None:
    row = former.row + 1
    left = np.flatnonzero(battle.allies[row])
    if len(left) != 2 or not battle.allies[now.row, left].all():
        return
    distances = battle.distances[row, enemy]
    nearest = int(distances.argmin())
    if battle.distances[former.row, enemy, left].argmin() != distances[left].argmin():
        return
    in_range = [ally for ally in left.tolist() if distances[ally] <= RANGE]
    before, *after = battle.orders[former.row : now.row + 1] == enemy
    goes_on, anybody = np.all(after, axis=0), np.any(after, axis=0)
    attackers = [ally for ally in left.tolist() if before[ally]]
    if not set(attackers) & set(in_range):
        if goes_on[nearest] or not anybody[left].any():
            note("death_none", now.ally == nearest)
    elif len(in_range) == 2 and len(attackers) == 1:
        if attackers[0] != nearest and goes_on[attackers[0]] and not anybody[nearest]:
            note("death_farther", now.ally == attackers[0])
    elif len(in_range) == 2 and goes_on[left].all():
        note("death_two", now.ally == nearest)
