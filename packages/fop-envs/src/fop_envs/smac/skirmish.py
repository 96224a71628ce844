"""SMAC's maps on the embedded battle engine, many battles at a time.

Actions, masks, observations, state, rewards and ends are those of oxwhirl/smac @ d6aab33, quirks included:
docs/environments/skirmish.md lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fop_core import skirmish
from fop_core.errors import IllegalAction, UnknownName
from fop_core.skirmish import BODY_RADII, ENGINE_VERSION, ORDERS, UNIT_TYPES
from fop_core.types import Actions, Bool, Float, Int, Step, TaskSpec
from fop_envs import vector

from .maps import MapInfo, load_map, native_scenario, native_traits

__all__ = ["BODY_RADII", "ENGINE_VERSION", "ORDERS", "UNIT_TYPES", "SkirmishEnv", "SmacOptions"]


@dataclass(frozen=True)
class SmacOptions:
    """SMAC's options under SMAC's names, with SMAC's defaults; then our own.

    Attributes:
        step_mul: game loops per step; 16 loops are one second of the game's Normal clock.
        move_amount: how far a move order goes, in cells.
        difficulty: accepted and ignored: the maps start no computer player, so it never had an effect.
        continuing_episode: `StarCraft2Env` alone: `info["episode_limit"]` tells that the limit ended an
            episode. The vector interface always says `truncated`.
        obs_all_health: observations show the health (and shield) of all units in sight.
        obs_own_health: observations show one's own health; implied by `obs_all_health`.
        obs_last_action: observations show the last action of allies in sight.
        obs_pathing_grid: observations show whether 8 points around can be walked on.
        obs_terrain_height: observations show the ground's height at 9 points.
        obs_timestep_number: observations end with steps / episode limit.
        obs_instead_of_state: the state is all observations one after the other.
        state_last_action: the state shows all agents' last actions.
        state_timestep_number: the state ends with steps / episode limit.
        reward_sparse: 1 for a win, -1 for a defeat, 0 otherwise (and scaled like other rewards).
        reward_only_positive: own losses cost nothing, and the absolute value of what the enemy lost or
            recovered is paid.
        reward_death_value: paid for each dead enemy.
        reward_win: paid for a win.
        reward_defeat: paid for a defeat.
        reward_negative_scale: weight of own losses without `reward_only_positive`.
        reward_scale: divide by the largest reward of an episode over `reward_scale_rate`.
        reward_scale_rate: see `reward_scale`.
        heuristic_ai: play SMAC's built-in policy; actions given are only remembered as last actions.
        heuristic_rest: that policy moves towards targets that can't be chosen yet.
        client: the StarCraft II client whose arrays are meant: positions in the state are divided by 28
            (4.10) or by 32 (4.6.2).
        first_loops: loops before the first observation: 1 as after a restart of the map, 0 as after a launch.
        scan_interval: loops between an enemy's looks for targets.
        attackers_first: an enemy prefers those who attack it to all other targets.
        cooldown_noise: random addend of -1 to +2 loops to each weapon period.
        random_update_order: units act in a random order within a loop.
        attack_move_answers_damage: a hit makes an attack-moving unit look, and answer, at once.
    """

    step_mul: int = 8
    move_amount: float = 2.0
    difficulty: str = "7"
    continuing_episode: bool = False
    obs_all_health: bool = True
    obs_own_health: bool = True
    obs_last_action: bool = False
    obs_pathing_grid: bool = False
    obs_terrain_height: bool = False
    obs_timestep_number: bool = False
    obs_instead_of_state: bool = False
    state_last_action: bool = True
    state_timestep_number: bool = False
    reward_sparse: bool = False
    reward_only_positive: bool = True
    reward_death_value: float = 10.0
    reward_win: float = 200.0
    reward_defeat: float = 0.0
    reward_negative_scale: float = 0.5
    reward_scale: bool = True
    reward_scale_rate: float = 20.0
    heuristic_ai: bool = False
    heuristic_rest: bool = False
    client: Literal["4.10", "4.6.2"] = "4.10"
    first_loops: int = 1
    scan_interval: int = 8
    attackers_first: bool = True
    cooldown_noise: bool = True
    random_update_order: bool = True
    attack_move_answers_damage: bool = True

    def __post_init__(self) -> None:
        for name, least in (("step_mul", 1), ("first_loops", 0), ("scan_interval", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; at least {least} is needed")
        for name in ("move_amount", "reward_scale_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be positive")
        if self.client not in ("4.10", "4.6.2"):
            raise ValueError(f"client is {self.client!r}; allowed: '4.10', '4.6.2'")

    @staticmethod
    def named(options: Mapping[str, Any]) -> SmacOptions:
        """Options from names and values.

        Raises:
            UnknownName: there is no such option; the nearest names are given.
            ValueError: an impossible value.
        """
        known = [field.name for field in fields(SmacOptions)]
        for name in options:
            if name not in known:
                raise UnknownName("option", name, known)
        return SmacOptions(**options)

    def native(self) -> skirmish.SmacOptions:
        """The engine's form."""
        native, engine = skirmish.SmacOptions(), skirmish.EngineOptions()
        for field in fields(self):
            for part in (native, engine):
                if hasattr(part, field.name):
                    setattr(part, field.name, getattr(self, field.name))
        native.engine = engine
        return native


class SkirmishEnv:
    """`E` battles on one map.

    Args:
        map_name: one of `fop_envs.smac.maps.map_names()`, or a map of your own.
        n_envs: `E`.
        seed: of everything left to chance. Episode `k` of a seed is the same whatever slot plays it.
        threads: that step battles at the same time; results don't depend on it.
        strict: refuse illegal actions. Without it they are replaced by stop (dead agents: no-op) and counted
            in `info["replaced_actions"]`.
        options: SMAC's options; or give them by name.

    Attributes:
        spec: the task.
        obs: `[E, N, O]` float32, rewritten in place.
        state: `[E, S]` float32, rewritten in place.
        available: `[E, N, A]` bool, rewritten in place: 0 no-op (dead agents only), 1 stop, 2-5 north, south,
            east, west, 6+k attack enemy k (a Medivac: heal ally k).
        executed: `[E, N]` int64, rewritten in place: actions as played in the last step, which differ from
            those given with `strict=False` and with `heuristic_ai`.

    Raises:
        UnknownName: no map or option of that name.
        ValueError: an impossible value.
    """

    spec: TaskSpec
    optimum = None

    def __init__(
        self,
        map_name: str | MapInfo,
        *,
        n_envs: int = 1,
        seed: int = 0,
        threads: int = 1,
        strict: bool = True,
        options: SmacOptions | None = None,
        **named_options: Any,
    ) -> None:
        if options is not None and named_options:
            raise ValueError(f"give options as one object or by name, not both: {sorted(named_options)}")
        if not 0 <= seed < 2**64:
            raise ValueError(f"seed is {seed}; allowed: 0 to 2^64 - 1")
        self.map = load_map(map_name) if isinstance(map_name, str) else map_name
        self.options = options or SmacOptions.named(named_options)
        self.n_envs = n_envs
        self.strict = strict
        self.task = skirmish.Task(native_scenario(self.map), native_traits(self.map), self.options.native())
        self._world = skirmish.VectorWorld(self.task, n_envs, seed, threads)
        self._views = self._world.views()
        self.obs: Float = self._views["obs"]
        self.state: Float = self._views["state"]
        self.available: Bool = self._views["available"]
        self.executed: Int = self._views["executed"]
        self.spec = TaskSpec(
            name=self.map.name,
            n_agents=self.task.n_agents,
            n_actions=self.task.n_actions,
            obs_dim=self.task.obs_dim,
            state_dim=self.task.state_dim,
            episode_limit=self.map.episode_limit,
            engine=ENGINE_VERSION,
            ally_feature_dim=0 if self.options.obs_instead_of_state else self.task.state_ally_width,
        )

    def reset(self, envs: Int, episodes: Int) -> None:
        """Starts episode `episodes[k]` in slot `envs[k]`; other slots stay as they are.

        Raises:
            ValueError: a slot or an episode that can't be.
        """
        vector.check_reset(self.n_envs, envs, episodes)
        self._world.reset(envs, episodes)

    def step(self, actions: Actions, active: Bool) -> Step:
        """Plays one step in the active slots.

        Args:
            actions: `[E, N]` int64.
            active: `[E]` bool.

        Returns:
            Reward `[E]`, `terminated` (the battle was decided), `truncated` (the step limit), and in `info`
            `battle_won`, `dead_allies`, `dead_enemies` and `replaced_actions`, `[E]` each.

        Raises:
            IllegalAction: `strict`, and an active agent's action is not available; nothing was played.
            ValueError: wrong shapes, or an active slot whose episode has ended or never began.
        """
        ended = self._world.find_ended(active)
        if ended is not None:
            raise ValueError(f"slot {ended} of {self.map.name} has no episode under way; reset it first")
        if self.strict and not self.options.heuristic_ai:
            self._refuse_illegal(actions, active)
        self._world.step(actions, active)
        views = self._views
        return Step(
            reward=views["reward"].astype(np.float32),
            terminated=views["terminated"].copy(),
            truncated=views["truncated"].copy(),
            info={
                name: views[name].copy()
                for name in ("battle_won", "dead_allies", "dead_enemies", "replaced_actions")
            },
        )

    def _refuse_illegal(self, actions: Actions, active: Bool) -> None:
        illegal = self._world.find_illegal(actions, active)
        if illegal is not None:
            env, agent, action = illegal
            allowed = np.flatnonzero(self.available[env, agent]).tolist()
            raise IllegalAction(
                f"{self.map.name}, slot {env}, agent {agent}: action {action} is not available; "
                f"allowed: {allowed}"
            )

    def random_actions(self, active: Bool, out: Int | None = None) -> Int:
        """Uniformly random available actions `[E, N]`, a function of (seed, episode, step); else 0."""
        actions = np.zeros((self.n_envs, self.spec.n_agents), np.int64) if out is None else out
        self._world.random_actions(active, actions)
        return actions

    def units(self, env: int = 0) -> npt.NDArray[np.void]:
        """All units of a slot, agents in agent order and then enemies by id: a structured array.

        Fields: `id` (in order of creation), `player` (0 the agents'), `type` (index into `UNIT_TYPES`),
        `alive`, `x`, `y`, `facing` (radians, 0 east, counter-clockwise), `speed` (cells per loop), `hp`,
        `hp_max`, `shield`, `shield_max`, `energy`, `cooldown` (loops), `order` (index into `ORDERS`),
        `order_target`, `order_x`, `order_y`, `target`, `attack_phase`, `killer` (ids, -1 for nobody),
        `last_hurt` (loop of the last damage, far below 0 before the first), `attacks` (so far).
        """
        return self._world.units(env)

    def exact_reward(self, env: int) -> float:
        """The last step's reward in double precision; `Step.reward` is it, rounded."""
        return float(self._views["reward"][env])

    def steps(self, env: int) -> int:
        """Steps that the slot's episode has had."""
        return self._world.steps(env)

    def overlooked_bodies(self, env: int) -> int:
        """Bodies that walking units overlooked in the slot's episode, having 12 others to go round already.

        Above 0 in crowds alone: on maps with some 25 units and more (docs/environments/skirmish_motion.md).
        """
        return self._world.overlooked_bodies(env)

    def save(self, env: int) -> bytes:
        """The whole state of a slot's battle, for `load` into any slot of the same map, options and build."""
        return self._world.save(env)

    def load(self, env: int, state: bytes) -> None:
        """Continues a saved battle in a slot, bit for bit.

        Raises:
            ValueError: the bytes are damaged or of another engine version, map or build.
        """
        self._world.load(env, state)

    @property
    def max_reward(self) -> float:
        """Most that an episode can pay before scaling, recovery of enemies aside."""
        return self.task.max_reward

    def close(self) -> None:
        """Nothing to close; part of the protocol."""
