"""Tactics that are known to work, or to fail, against StarCraft II have to do so here: 64 episodes each.

Scripts see all units and choose among available actions. What they show is common knowledge among SMAC's
users; thresholds leave room for chance (one episode in 64 is 1.6 points).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fop_envs
from fop_core.types import Actions
from fop_envs import Turn
from fop_envs.smac.maps import map_names
from fop_envs.smac.skirmish import SkirmishEnv

EPISODES = 64
STOP, NORTH, SOUTH, EAST, WEST, TARGET = 1, 2, 3, 4, 5, 6
DIRECTIONS = {NORTH: (0, 1), SOUTH: (0, -1), EAST: (1, 0), WEST: (-1, 0)}
Units = npt.NDArray[np.void]


@dataclass
class Scene:
    """One battle before a step: both sides, which actions the agents have, and what the script remembers."""

    agents: Units
    enemies: Units
    available: npt.NDArray[np.bool_]
    memory: dict[str, Any]

    def distances(self, agent: int) -> npt.NDArray[np.float64]:
        """To each enemy, infinite to the dead."""
        own = self.agents[agent]
        away = np.hypot(self.enemies["x"] - own["x"], self.enemies["y"] - own["y"])
        return np.where(self.enemies["alive"] == 1, away, np.inf)

    def attack(self, agent: int, enemy: int | None) -> int | None:
        """The action, or None if the enemy can't be chosen."""
        return TARGET + enemy if enemy is not None and self.available[agent, TARGET + enemy] else None

    def towards(self, agent: int, x: float, y: float, near: float = 0.3) -> int:
        """A move along the longer way first; stop where the place is near on both axes."""
        dx, dy = x - self.agents["x"][agent], y - self.agents["y"][agent]
        ways = [(abs(dx), EAST if dx > 0 else WEST), (abs(dy), NORTH if dy > 0 else SOUTH)]
        for away, move in sorted(ways, reverse=True):
            if away > near and self.available[agent, move]:
                return move
        return STOP


Script = Callable[[Scene, int], int]
"""An agent's action; called for living agents in their order."""


@dataclass(frozen=True)
class Result:
    """Shares of the episodes, and the mean number of enemies killed."""

    won: float
    timeouts: float
    killed: float


def play(map_name: str, script: Script) -> Result:
    env = SkirmishEnv(map_name, n_envs=EPISODES, seed=11)
    memories: dict[int, dict[str, Any]] = {}

    def policy(turn: Turn) -> Actions:
        actions = np.zeros((env.n_envs, env.spec.n_agents), np.int64)
        for slot in map(int, turn.slots):
            units, memory = env.units(slot), memories.setdefault(int(turn.episodes[slot]), {})
            sides = (units[units["player"] == side] for side in (0, 1))
            scene = Scene(*sides, turn.available[slot], memory)
            for agent in np.flatnonzero(scene.agents["alive"]):
                actions[slot, agent] = script(scene, int(agent))
        return actions

    played = fop_envs.play(env, policy, EPISODES)
    shares = (played.info["battle_won"], played.truncated, played.info["dead_enemies"])
    return Result(*(float(share.mean()) for share in shares))


def stop(scene: Scene, agent: int) -> int:
    return STOP


def stand(scene: Scene, agent: int) -> int:
    """Shoots at the nearest in reach and never moves."""
    return scene.attack(agent, int(scene.distances(agent).argmin())) or STOP


# ---- kiting ----


def kite(scene: Scene, agent: int) -> int:
    """Shoots when the weapon is ready, at the weakest in reach; otherwise keeps away from the Zealots."""
    away = scene.distances(agent)
    nearest = int(away.argmin())
    own = scene.agents[agent]
    if own["cooldown"] <= 4 and away[nearest] > 2.0 and scene.attack(agent, nearest):
        health = scene.enemies["hp"] + scene.enemies["shield"]
        return TARGET + int(np.where(scene.available[agent, TARGET:], health, np.inf).argmin())
    if away[nearest] > 5.0:
        return scene.attack(agent, nearest) or STOP
    living = scene.enemies[scene.enemies["alive"] == 1]

    def room(move: int) -> float:
        """How free it is there: far from every Zealot, and not into the map's corners."""
        x, y = own["x"] + 1.5 * DIRECTIONS[move][0], own["y"] + 1.5 * DIRECTIONS[move][1]
        danger = (4 / (0.3 + np.hypot(living["x"] - x, living["y"] - y)) ** 2).sum()
        return -float(danger) - 0.01 * max(0.0, np.hypot(x - 16, y - 16) - 8) ** 2

    moves = [move for move in DIRECTIONS if scene.available[agent, move]]
    return max(moves, key=room) if moves else STOP


@pytest.mark.parametrize("name", ["3s_vs_3z", "3s_vs_4z"])
def test_kiting_stalkers_beat_zealots_who_beat_standing_ones(name: str) -> None:
    assert play(name, kite).won >= 0.9
    assert play(name, stand).won <= 0.1


def test_marines_who_stand_still_lose_against_a_zealot() -> None:
    assert play("2m_vs_1z", stand).won <= 0.05


# ---- corridor: the choke ----

BEYOND_THE_CHOKE = ((10.8, 10.8), (10.05, 11.55), (11.55, 10.05), (9.3, 11.9), (11.9, 9.3), (10.0, 10.0))
CHOKE = (13.0, 13.0)


def hold_the_choke(scene: Scene, agent: int) -> int:
    """Goes through the choke and stands in an arc behind its mouth; strikes who comes out."""
    away = scene.distances(agent)
    nearest = int(away.argmin())
    if away[nearest] < 2.0:
        return scene.attack(agent, nearest) or STOP
    own = scene.agents[agent]
    place = BEYOND_THE_CHOKE[agent]
    arrived = scene.memory.setdefault("arrived", set())
    if agent in arrived or np.hypot(own["x"] - place[0], own["y"] - place[1]) < 0.8:
        arrived.add(agent)
        return STOP
    return scene.towards(agent, *(CHOKE if own["x"] + own["y"] > 27 else place))


@pytest.mark.xfail(
    strict=True,
    reason="they win 12 % here, SMAC's heuristic policy, which chases, none: docs/fidelity.md, the press of "
    "Zealots",
)
def test_zealots_in_the_open_of_corridor_lose() -> None:
    """As in StarCraft II, where SMAC's heuristic policy, which fights in the open, too, won no episode."""
    assert play("corridor", stand).won <= 0.05


def test_the_choke_of_corridor_helps() -> None:
    choke, open_ground = play("corridor", hold_the_choke), play("corridor", stand)
    assert choke.won >= open_ground.won + 0.05


# ---- 2c_vs_64zg: the cliff ----


def best_sweep(scene: Scene, agent: int) -> int | None:
    """The enemy in reach with most others along the beams' line through it, across the shot."""
    own, enemies = scene.agents[agent], scene.enemies
    best, most = None, -1.0
    for enemy in np.flatnonzero(scene.available[agent, TARGET:]):
        dx, dy = enemies["x"][enemy] - own["x"], enemies["y"][enemy] - own["y"]
        away = float(np.hypot(dx, dy)) + 1e-6
        off_x, off_y = enemies["x"] - enemies["x"][enemy], enemies["y"] - enemies["y"][enemy]
        along, across = (off_y * dx - off_x * dy) / away, (off_x * dx + off_y * dy) / away
        hit = (enemies["alive"] == 1) & (abs(along) < 1.6) & (abs(across) < 0.5)
        if (count := hit.sum() - 0.01 * away) > most:
            best, most = int(enemy), count
    return best


def colossi_at(places: tuple[tuple[float, float], tuple[float, float]]) -> Script:
    """Each goes to its place, stopping for a shot whenever the weapon is ready, and shoots from there."""

    def script(scene: Scene, agent: int) -> int:
        target = best_sweep(scene, agent)
        ready = scene.agents["cooldown"][agent] <= 1 and target is not None
        move = STOP if ready else scene.towards(agent, *places[agent], near=0.6)
        return move if move != STOP else scene.attack(agent, target) or STOP

    return script


def test_the_cliff_of_2c_vs_64zg_helps() -> None:
    # On the cliff's edge and on the cliff itself, where no Zergling can stand; against the plateau's middle.
    cliff = play("2c_vs_64zg", colossi_at(((16.0, 13.75), (19.0, 12.94))))
    open_ground = play("2c_vs_64zg", colossi_at(((16.0, 16.0), (16.0, 14.0))))
    assert cliff.won >= 0.7
    assert open_ground.won <= 0.3


# ---- so_many_baneling: spreading ----

WIDE = ((5.0, 10.0), (8.0, 15.0), (11.5, 12.0), (14.5, 16.5), (8.5, 8.0), (13.0, 8.0), (17.0, 15.0))


def zealots_at(places: tuple[tuple[float, float], ...]) -> Script:
    def script(scene: Scene, agent: int) -> int:
        nearest = int(scene.distances(agent).argmin())
        close = scene.distances(agent)[nearest] < 3.5
        action = scene.attack(agent, nearest) if close else None
        return action or scene.towards(agent, *places[agent])

    return script


def test_zealots_who_spread_survive_the_banelings() -> None:
    assert play("so_many_baneling", zealots_at(WIDE)).won >= 0.7
    clumped = play("so_many_baneling", zealots_at(((11.5, 12.0),) * 7))
    assert clumped.won <= 0.1
    assert clumped.killed <= 16, "five Banelings of a volley kill seven Zealots who stand together"


# ---- 2s_vs_1sc: alternation ----


def alternate(scene: Scene, agent: int) -> int:
    """Who may not outlive the next hit leaves; once both have, they come back with their shields full."""
    agents = scene.agents
    living = agents["alive"] == 1
    tired = scene.memory.setdefault("tired", np.zeros(2, bool))
    tired |= living & (agents["hp"] + agents["shield"] <= 35)
    if (tired | ~living).all() and (agents["shield"][living] >= 79).all():
        tired[:] = False
    crawler = scene.enemies[0]
    if tired[agent]:
        leave = scene.distances(agent)[0] < 9.5 and scene.available[agent, SOUTH]
        return SOUTH if leave else STOP
    return scene.attack(agent, 0) or scene.towards(agent, float(crawler["x"]), float(crawler["y"]))


def advance_and_stand(scene: Scene, agent: int) -> int:
    crawler = scene.enemies[0]
    return scene.attack(agent, 0) or scene.towards(agent, float(crawler["x"]), float(crawler["y"]))


def test_alternation_with_shield_regeneration_beats_the_crawler() -> None:
    assert play("2s_vs_1sc", alternate).won >= 0.9
    assert play("2s_vs_1sc", advance_and_stand).won <= 0.1


# ---- doing nothing ----


@pytest.mark.parametrize("name", [name for name in map_names() if name != "2s_vs_1sc"])
def test_who_does_nothing_loses(name: str) -> None:
    result = play(name, stop)
    assert result.timeouts == 0
    # Banelings burst when they are killed: bane_vs_bane ends well by accident now and then.
    assert result.won <= (0.2 if name == "bane_vs_bane" else 0.05)


def test_a_crawler_that_nobody_approaches_waits_for_the_limit() -> None:
    assert play("2s_vs_1sc", stop) == Result(won=0, timeouts=1, killed=0)
