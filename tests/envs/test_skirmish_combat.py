"""Whole battles: what the rules of the fight add up to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import fop_envs
from fop_core.types import Actions, Step
from fop_envs import Turn
from fop_envs.smac.maps import map_names
from fop_envs.smac.skirmish import SkirmishEnv

Policy = Callable[[SkirmishEnv, int], np.ndarray]  # actions [N] of a slot


def stand(env: SkirmishEnv, slot: int) -> np.ndarray:
    return np.where(env.available[slot, :, 0], 0, 1)


def kite(env: SkirmishEnv, slot: int) -> np.ndarray:
    """Ready: shoot, or go to meet the enemy. Reloading: keep away from it, and from the edge of the map."""
    actions = stand(env, slot)
    units, n = env.units(slot), env.spec.n_agents
    enemies = units[n:][units[n:]["alive"] == 1]
    for agent in np.flatnonzero(units["alive"][:n]):
        x, y = units["x"][agent], units["y"][agent]
        in_reach = np.flatnonzero(env.available[slot, agent, 6:])
        ready = units["cooldown"][agent] <= 4
        if ready and len(in_reach):
            targets = units[n + in_reach]
            actions[agent] = 6 + in_reach[np.argmin(np.hypot(targets["x"] - x, targets["y"] - y))]
            continue

        def score(action: int, ready: bool = ready, x: float = x, y: float = y) -> float:
            dx, dy = {1: (0, 0), 2: (0, 1.5), 3: (0, -1.5), 4: (1.5, 0), 5: (-1.5, 0)}[action]
            gap = np.hypot(enemies["x"] - x - dx, enemies["y"] - y - dy).min()
            from_centre = np.hypot(x + dx - 16, y + dy - 16)
            return float(-gap if ready else min(gap, 6) - 0.2 * from_centre)

        actions[agent] = max((a for a in range(1, 6) if env.available[slot, agent, a]), key=score)
    return actions


def play(env: SkirmishEnv, choose: Policy) -> tuple[fop_envs.Played, np.ndarray]:
    """One episode in each slot; checks on the way what must hold in every step.

    Returns:
        How they ended; and of each step, whichever the slot, the reward before scaling and whether it won.
    """
    e = env.n_envs
    raw = []
    dead = [np.zeros(env.spec.n_agents + env.task.n_enemies, bool) for _ in range(e)]

    def policy(turn: Turn) -> Actions:
        return np.stack([(choose if turn.active[k] else stand)(env, k) for k in range(e)])

    def check(turn: Turn, actions: Actions, step: Step) -> None:
        for slot in turn.slots:
            units = env.units(slot)
            assert (units["hp"] >= 0).all()
            assert (units["hp"] <= units["hp_max"]).all()
            assert (units["shield"] >= 0).all()
            assert (units["shield"] <= units["shield_max"]).all()
            assert ((units["hp"] > 0) == (units["alive"] == 1)).all()
            assert not (dead[slot] & (units["alive"] == 1)).any(), "nobody rises again"
            dead[slot] |= units["alive"] == 0
            raw.append((float(step.reward[slot]) * env.max_reward / 20, bool(step.info["battle_won"][slot])))

    return fop_envs.play(env, policy, e, on_step=check), np.array(raw)


@pytest.mark.parametrize("name", map_names())
def test_the_heuristic_policy_finishes_every_battle(name: str) -> None:
    env = fop_envs.make(name, n_envs=2, seed=3, heuristic_ai=True)
    result, _ = play(env, stand)
    assert not result.truncated.any()
    assert (result.returns > 0).all()


def test_rewards_on_3m_are_whole_hits_and_kills() -> None:
    """Recorded rewards of SC2 4.10: 6 a hit, 3 and 10 more with the eighth, 200 for the win; 20 in all."""
    fought, raw = play(fop_envs.make("3m", n_envs=16, seed=0, heuristic_ai=True), stand)
    lost, raw_of_lost = play(fop_envs.make("3m", n_envs=16, seed=0), stand)
    sums = {6 * hits + 13 * kills for hits in range(25) for kills in range(4)}
    for amount, won in (*raw, *raw_of_lost):
        assert any(abs(amount - 200 * won - s) < 1e-3 for s in sums)
    assert fought.won.any()
    assert not lost.won.any()
    np.testing.assert_allclose(fought.returns[fought.won], 20, rtol=1e-6)


def test_standing_still_loses_but_for_the_crawler_that_cannot_come() -> None:
    for name in ("2m_vs_1z", "3m", "2s3z", "corridor"):
        result, _ = play(fop_envs.make(name, n_envs=2, seed=0), stand)
        assert not (result.won | result.truncated).any(), name
    waiting, _ = play(fop_envs.make("2s_vs_1sc", n_envs=1, seed=0), stand)
    assert waiting.truncated.all()


def test_kiting_stalkers_beat_zealots() -> None:
    result, _ = play(fop_envs.make("3s_vs_3z", n_envs=4, seed=0), kite)
    assert result.won.all()
