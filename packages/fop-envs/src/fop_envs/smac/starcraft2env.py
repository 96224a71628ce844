"""SMAC's own interface on the embedded engine: for code written against `smac.env.StarCraft2Env`.

env = StarCraft2Env(map_name="3m", seed=1)
obs, state = env.reset()
reward, terminated, info = env.step([env.get_avail_agent_actions(i).index(1) for i in range(env.n_agents)])
"""

from __future__ import annotations

import json
from collections.abc import MutableSequence, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, SupportsInt

import numpy as np
import numpy.typing as npt

from fop_core.types import Float

from .maps import SIZE, MapInfo
from .skirmish import UNIT_TYPES, SkirmishEnv, SmacOptions

SIGHT_RANGE = 9.0
_GAME_TYPE_IDS = {
    "Marine": 48, "Marauder": 51, "Medivac": 54, "Stalker": 74, "Zealot": 73, "Colossus": 4,
    "Zergling": 105, "Baneling": 9, "Hydralisk": 107, "SpineCrawler": 98,
}  # fmt: skip
_FIRST_ALLY_TYPE_ID = (
    2005  # the maps' own copies get numbers above the game's; only their order has a meaning
)
_SLOT = np.array([0])
_ACTIVE = np.array([True])


class StarCraft2Env:
    """One battle at a time, called as in oxwhirl/smac @ d6aab33.

    Args:
        map_name: one of the 23 maps, or a `MapInfo` of your own.
        seed: of everything left to chance; by default a new one each time. Episode `k` of a seed is always
            the same, given the same actions.
        game_version: `4.10` (also by default) or `4.6.2`: whose arrays are meant, see `SmacOptions.client`.
        replay_dir: where `save_replay` writes; by default the current folder.
        replay_prefix: how its files' names begin; by default the map's name.
        window_size_x: accepted and ignored.
        window_size_y: accepted and ignored.
        debug: accepted and ignored.
        strict: see `SkirmishEnv`.
        options: see `SmacOptions`; names and defaults are SMAC's.

    What differs from the original:

    - An illegal action raises `IllegalAction` with the mask instead of an `AssertionError`; `strict=False`
      replaces and counts it (`info["replaced_actions"]`).
    - `step` after the end of an episode raises `ValueError`; the original plays on.
    - The first episode is observed after one loop, as all later ones are; `first_loops=0` gives what the
      original sees right after a launch.
    - Allied unit types have numbers from 2005 on; the original's depend on the game's version.
    - With `obs_timestep_number` the observation has `get_obs_size()` entries; the original's has one more,
      a zero before the last.
    - `save_replay` writes a JSON file of seed and actions; `render` draws text.
    - `difficulty` has no effect, as it has none in the original.
    """

    def __init__(
        self,
        map_name: str | MapInfo = "8m",
        seed: int | None = None,
        *,
        game_version: str | None = None,
        replay_dir: str = "",
        replay_prefix: str = "",
        window_size_x: int = 1920,
        window_size_y: int = 1200,
        debug: bool = False,
        strict: bool = True,
        **options: Any,
    ) -> None:
        if game_version is not None:
            options.setdefault("client", game_version)
        self._seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        self._env = SkirmishEnv(map_name, seed=self._seed, strict=strict, **options)
        spec, info = self._env.spec, self._env.map
        self.map_name = info.name
        self.map_type = info.map_type
        self.n_agents, self.n_actions = spec.n_agents, spec.n_actions
        self.n_enemies = self._env.task.n_enemies
        self.episode_limit = spec.episode_limit
        self.shield_bits_ally = int(info.ally_race == "P")
        self.shield_bits_enemy = int(info.enemy_race == "P")
        self.unit_type_bits = info.unit_type_bits
        self.max_reward = self._env.max_reward
        self.battles_won = self.battles_game = self.timeouts = 0
        self._episode = -1
        self._actions: list[list[int]] = []
        self._replay_dir, self._replay_prefix = Path(replay_dir), replay_prefix or info.name

    @property
    def options(self) -> SmacOptions:
        """All options in force."""
        return self._env.options

    def reset(self) -> tuple[list[Float], Float]:
        """Starts the next episode. Returns observations and state."""
        self._episode += 1
        self._actions = []
        self._env.reset(_SLOT, np.array([self._episode]))
        return self.get_obs(), self.get_state()

    def step(self, actions: Sequence[SupportsInt]) -> tuple[float, bool, dict[str, Any]]:
        """Plays one action per agent.

        With `heuristic_ai` the actions played are written over `actions`, as in the original.

        Returns:
            Reward, whether the episode ended (step limit included), and info: `battle_won`, `dead_allies`,
            `dead_enemies`; `episode_limit` at the limit with `continuing_episode`; `replaced_actions` without
            `strict`.

        Raises:
            IllegalAction: an action is not available; nothing was played.
            ValueError: not one action per agent, or no episode is under way.
        """
        chosen = [int(action) for action in actions]
        if len(chosen) != self.n_agents:
            raise ValueError(f"actions has {len(chosen)} entries; {self.map_name} has {self.n_agents} agents")
        result = self._env.step(np.array([chosen], np.int64), _ACTIVE)
        self._actions.append(self._env.executed[0].tolist())
        if self.options.heuristic_ai and isinstance(actions, MutableSequence | np.ndarray):
            actions[:] = self._actions[-1]
        info: dict[str, Any] = {
            "battle_won": bool(result.info["battle_won"][0]),
            "dead_allies": int(result.info["dead_allies"][0]),
            "dead_enemies": int(result.info["dead_enemies"][0]),
        }
        if not self._env.strict:
            info["replaced_actions"] = int(result.info["replaced_actions"][0])
        timeout = bool(result.truncated[0])
        if timeout and self.options.continuing_episode:
            info["episode_limit"] = True
        terminated = bool(result.terminated[0]) or timeout
        self.battles_won += info["battle_won"]
        self.battles_game += terminated
        self.timeouts += timeout
        return self._env.exact_reward(0), terminated, info

    def get_obs(self) -> list[Float]:
        """`N` observations `[O]`."""
        return list(self._env.obs[0].copy())

    def get_obs_agent(self, agent_id: int) -> Float:
        """One agent's observation `[O]`."""
        return np.array(self._env.obs[0, agent_id])

    def get_state(self) -> Float:
        """The state `[S]`."""
        return np.array(self._env.state[0])

    def get_avail_actions(self) -> list[list[int]]:
        """For each agent a list of `A` zeros and ones."""
        return [self.get_avail_agent_actions(agent) for agent in range(self.n_agents)]

    def get_avail_agent_actions(self, agent_id: int) -> list[int]:
        """`A` zeros and ones."""
        return [int(flag) for flag in self._env.available[0, agent_id]]

    def get_total_actions(self) -> int:
        """`A`."""
        return self.n_actions

    def get_obs_size(self) -> int:
        """`O`."""
        return self._env.spec.obs_dim

    def get_state_size(self) -> int:
        """`S`."""
        return self._env.spec.state_dim

    def get_obs_move_feats_size(self) -> int:
        """Width of the part about where one can go."""
        return self._env.task.move_width

    def get_obs_enemy_feats_size(self) -> tuple[int, int]:
        """Number of enemies, width of one's part."""
        return self.n_enemies, self._env.task.obs_enemy_width

    def get_obs_ally_feats_size(self) -> tuple[int, int]:
        """Number of other agents, width of one's part."""
        return self.n_agents - 1, self._env.task.obs_ally_width

    def get_obs_own_feats_size(self) -> int:
        """Width of the part about oneself, the time included if it is shown."""
        return self._env.task.own_width + int(self.options.obs_timestep_number)

    def get_visibility_matrix(self) -> npt.NDArray[np.bool_]:
        """`[N, N + enemies]`: who sees whom, allies first. Nobody sees himself or the dead."""
        units = self._env.units(0)
        x, y, alive = units["x"].astype(np.float64), units["y"].astype(np.float64), units["alive"] != 0
        seen: npt.NDArray[np.bool_] = np.hypot(x[:, None] - x, y[:, None] - y) < SIGHT_RANGE
        seen &= alive[:, None] & alive
        np.fill_diagonal(seen, False)
        return seen[: self.n_agents]

    def get_unit_types(self) -> list[int]:
        """Type numbers, agents first; only the order of the agents' numbers has a meaning."""
        names = [UNIT_TYPES[type_] for type_ in self._env.units(0)["type"]]
        allies = sorted(set(names[: self.n_agents]))
        return [
            _FIRST_ALLY_TYPE_ID + allies.index(name) if i < self.n_agents else _GAME_TYPE_IDS[name]
            for i, name in enumerate(names)
        ]

    def get_stats(self) -> dict[str, float]:
        """Battles so far; `battles_draw` are those that the step limit ended."""
        return {
            "battles_won": self.battles_won,
            "battles_game": self.battles_game,
            "battles_draw": self.timeouts,
            "win_rate": self.battles_won / max(self.battles_game, 1),
            "timeouts": self.timeouts,
            "restarts": 0,
        }

    def get_env_info(self) -> dict[str, Any]:
        """Sizes, and the names of one ally's and one enemy's features in the state."""
        types = [f"type_{bit}" for bit in range(self.unit_type_bits)]
        return {
            "state_shape": self.get_state_size(),
            "obs_shape": self.get_obs_size(),
            "n_actions": self.n_actions,
            "n_agents": self.n_agents,
            "episode_limit": self.episode_limit,
            "agent_features": ["health", "energy/cooldown", "rel_x", "rel_y"]
            + ["shield"] * self.shield_bits_ally
            + types,
            "enemy_features": ["health", "rel_x", "rel_y"] + ["shield"] * self.shield_bits_enemy + types,
        }

    def seed(self) -> int:
        """The seed in use."""
        return self._seed

    def save_replay(self) -> Path:
        """Writes map, options, seed, episode and the actions played so far as JSON; returns the file's path.

        The same engine version plays the same battle from it.
        """
        replay = {
            "engine": self._env.spec.engine,
            "map": self.map_name,
            "options": asdict(self.options),
            "seed": self._seed,
            "episode": self._episode,
            "actions": self._actions,
        }
        self._replay_dir.mkdir(parents=True, exist_ok=True)
        path = self._replay_dir / f"{self._replay_prefix}_{self._seed}_{self._episode}.json"
        path.write_text(json.dumps(replay), encoding="utf-8")
        return path

    def render(self, mode: str = "human") -> str | None:
        """The battle as text, north at the top: agents are numbers (modulo 10), enemies the first letters of
        their types, walls `#`. `human` prints it, `ansi` returns it.

        Raises:
            ValueError: another mode.
        """
        if mode not in ("human", "ansi"):
            raise ValueError(f"mode is {mode!r}; allowed: 'human', 'ansi'")
        rows = [["." if cell else "#" for cell in row] for row in self._env.map.terrain.walkable_open]
        for i, unit in enumerate(self._env.units(0)):
            if unit["alive"]:
                column, row = (min(max(int(unit[axis]), 0), SIZE - 1) for axis in "xy")
                rows[row][column] = str(i % 10) if i < self.n_agents else UNIT_TYPES[unit["type"]][0]
        picture = "\n".join("".join(row) for row in reversed(rows))
        if mode == "ansi":
            return picture
        print(picture)
        return None

    def close(self) -> None:
        """Nothing to close."""
