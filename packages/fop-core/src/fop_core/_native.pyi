"""The compiled module. Only `fop_core` imports it: use `ops`, `kernels`, `replay`, `rng` and `skirmish`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# --- rng ---

_Words = npt.NDArray[np.uint32]

PURPOSES: dict[str, int]

def philox(counter: Sequence[int], key: Sequence[int]) -> list[int]: ...
def uniform(seed: int, purpose: int, episodes: _Words, times: _Words, n: int) -> npt.NDArray[np.float32]: ...
def uniform64(
    seed: int, purpose: int, episodes: _Words, times: _Words, n: int
) -> npt.NDArray[np.float64]: ...
def normal(seed: int, purpose: int, episodes: _Words, times: _Words, n: int) -> npt.NDArray[np.float32]: ...
def below(
    seed: int, purpose: int, episodes: _Words, times: _Words, n: int, bound: _Words
) -> npt.NDArray[np.int64]: ...

# --- skirmish ---

ENGINE_VERSION: str
UNIT_TYPES: list[str]
BODY_RADII: list[float]
ORDERS: list[str]

class EngineOptions:
    client: str
    scan_interval: int
    attackers_first: bool
    cooldown_noise: bool
    random_update_order: bool
    attack_move_answers_damage: bool
    def __init__(self) -> None: ...

class SmacOptions:
    step_mul: int
    move_amount: float
    obs_all_health: bool
    obs_own_health: bool
    obs_last_action: bool
    obs_pathing_grid: bool
    obs_terrain_height: bool
    obs_timestep_number: bool
    obs_instead_of_state: bool
    state_last_action: bool
    state_timestep_number: bool
    reward_sparse: bool
    reward_only_positive: bool
    reward_death_value: float
    reward_win: float
    reward_defeat: float
    reward_negative_scale: float
    reward_scale: bool
    reward_scale_rate: float
    heuristic_ai: bool
    heuristic_rest: bool
    first_loops: int
    engine: EngineOptions
    def __init__(self) -> None: ...

class Player:
    def __init__(
        self, commander: str, order: str = "none", order_points: Sequence[tuple[float, float]] = ()
    ) -> None: ...
    @property
    def commander(self) -> str: ...
    @property
    def order(self) -> str: ...

class Scenario:
    def __init__(
        self,
        *,
        name: str,
        players: tuple[Player, Player],
        spawn_calls: Sequence[tuple[int, str, int, float, float]],
        walkable: npt.NDArray[np.bool_],
        walkable_open: npt.NDArray[np.bool_],
        episode_limit: int,
    ) -> None: ...
    @property
    def n_allies(self) -> int: ...
    @property
    def n_enemies(self) -> int: ...

class MapTraits:
    def __init__(
        self,
        *,
        ally_shields: bool,
        enemy_shields: bool,
        unit_type_bits: int,
        map_type: str,
        height: npt.NDArray[np.uint8],
    ) -> None: ...

class Task:
    def __init__(self, scenario: Scenario, traits: MapTraits, options: SmacOptions) -> None: ...
    @property
    def n_agents(self) -> int: ...
    @property
    def n_enemies(self) -> int: ...
    @property
    def n_actions(self) -> int: ...
    @property
    def obs_dim(self) -> int: ...
    @property
    def state_dim(self) -> int: ...
    @property
    def move_width(self) -> int: ...
    @property
    def obs_enemy_width(self) -> int: ...
    @property
    def obs_ally_width(self) -> int: ...
    @property
    def own_width(self) -> int: ...
    @property
    def state_ally_width(self) -> int: ...
    @property
    def state_enemy_width(self) -> int: ...
    @property
    def max_reward(self) -> float: ...

class World:
    def __init__(self, task: Task, seed: int = 0, episode: int = 0, first_loops: int = 0) -> None: ...
    def step(self, loops: int = 1) -> None: ...
    def stop(self, unit: int) -> None: ...
    def move(self, unit: int, x: float, y: float) -> None: ...
    def attack(self, unit: int, target: int) -> None: ...
    def heal(self, unit: int, target: int) -> None: ...
    def set(self, unit: int, field: str, value: float) -> None: ...
    def units(self) -> npt.NDArray[np.void]: ...
    @property
    def loop(self) -> int: ...

class VectorWorld:
    def __init__(self, task: Task, n_envs: int, seed: int, threads: int = 1) -> None: ...
    def views(self) -> dict[str, npt.NDArray[Any]]: ...
    def reset(self, envs: npt.NDArray[np.int64], episodes: npt.NDArray[np.int64]) -> None: ...
    def find_illegal(
        self, actions: npt.NDArray[Any], active: npt.NDArray[np.bool_]
    ) -> tuple[int, int, int] | None: ...
    def find_ended(self, active: npt.NDArray[np.bool_]) -> int | None: ...
    def step(self, actions: npt.NDArray[Any], active: npt.NDArray[np.bool_]) -> None: ...
    def random_actions(self, active: npt.NDArray[np.bool_], actions: npt.NDArray[np.int64]) -> None: ...
    def save(self, env: int) -> bytes: ...
    def load(self, env: int, bytes: bytes) -> None: ...
    def units(self, env: int) -> npt.NDArray[np.void]: ...
    def overlooked_bodies(self, env: int) -> int: ...
    def steps(self, env: int) -> int: ...

# --- replay ---

class EpisodeRing:
    def __init__(
        self,
        *,
        n_agents: int,
        n_actions: int,
        obs_dim: int,
        state_dim: int,
        action_dim: int,
        episode_limit: int,
        capacity: int,
    ) -> None: ...
    def __len__(self) -> int: ...
    @property
    def nbytes(self) -> int: ...
    def add(
        self,
        steps: int,
        obs: npt.NDArray[np.float32],
        state: npt.NDArray[np.float32],
        available: npt.NDArray[np.bool_],
        actions: npt.NDArray[np.int64] | npt.NDArray[np.float32],
        reward: npt.NDArray[np.float32],
        terminated: npt.NDArray[np.bool_],
        lengths: npt.NDArray[np.int64],
        label: npt.NDArray[np.int64],
    ) -> None: ...
    def longest(self, ages: npt.NDArray[np.int64]) -> int: ...
    def gather(
        self,
        ages: npt.NDArray[np.int64],
        steps: int,
        obs: npt.NDArray[np.float32],
        state: npt.NDArray[np.float32],
        available: npt.NDArray[np.bool_],
        actions: npt.NDArray[np.int64] | npt.NDArray[np.float32],
        reward: npt.NDArray[np.float32],
        terminated: npt.NDArray[np.bool_],
        mask: npt.NDArray[np.bool_],
        lengths: npt.NDArray[np.int64],
        label: npt.NDArray[np.int64],
    ) -> None: ...
    def content(self) -> dict[str, npt.NDArray[np.int64] | npt.NDArray[np.uint8]]: ...
    def restore(
        self,
        lengths: npt.NDArray[np.int64],
        terminated: npt.NDArray[np.uint8],
        obs_values: npt.NDArray[np.int64],
        state_values: npt.NDArray[np.int64],
        label: npt.NDArray[np.int64],
        blocks: npt.NDArray[np.uint8],
    ) -> None: ...

class Sampler:
    def __init__(self, seed: int, draws: int = 0) -> None: ...
    def draw(self, size: int, n: int) -> npt.NDArray[np.int64]: ...
    @property
    def seed(self) -> int: ...
    @property
    def draws(self) -> int: ...

# --- kernels: outputs are given; shapes as in fop_core.ops ---

_Array = npt.NDArray[Any]

def simd() -> str: ...
def best_simd() -> str: ...
def set_simd(name: str) -> None: ...
def soft_value(
    q: _Array,
    available: _Array | None,
    alpha: _Array,
    v: _Array,
    policy: _Array,
    log_policy: _Array,
    entropy: _Array,
    threads: int,
) -> None: ...
def soft_value_backward(
    policy: _Array,
    log_policy: _Array,
    entropy: _Array,
    available: _Array | None,
    alpha: _Array,
    grad_v: _Array | None,
    grad_policy: _Array | None,
    grad_log_policy: _Array | None,
    grad_entropy: _Array | None,
    grad_q: _Array,
    threads: int,
) -> None: ...
def routed_mix(q: _Array, v: _Array, lam: _Array, v_state: _Array, q_tot: _Array, threads: int) -> None: ...
def literal_mix(q: _Array, v: _Array, lam: _Array, v_tot: _Array, q_tot: _Array, threads: int) -> None: ...
def routed_mix_backward(
    q: _Array, v: _Array, grad: _Array, grad_q: _Array, grad_lam: _Array, threads: int
) -> None: ...
def literal_mix_backward(
    q: _Array,
    v: _Array,
    lam: _Array,
    grad: _Array,
    grad_q: _Array,
    grad_v: _Array,
    grad_lam: _Array,
    threads: int,
) -> None: ...
def td_lambda(
    reward: _Array,
    values: _Array,
    terminated: _Array,
    mask: _Array,
    gamma: float,
    lam: float,
    target: _Array,
    threads: int,
) -> None: ...
