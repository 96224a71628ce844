"""Small games as tables: the general one, and the two classes in which every policy's q_tot is additive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
Int: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Game:
    """A cooperative game on `S` joint trajectories that never ends.

    Attributes:
        reward: `[S, U]`.
        transition: `[S, U, S]`, each row a distribution over the next tau.
        gamma: discount in [0, 1).
        views: `[N, S]` the number of tau_i at each tau: where they are equal, agent i sees the same.
        n_actions: `A`.
    """

    reward: Array
    transition: Array
    gamma: float
    views: Int
    n_actions: int

    @property
    def n_agents(self) -> int:
        return len(self.views)

    def seen(self, x: Array) -> Array:
        """Averages `[N, S, ...]` over the tau that agent i can't tell apart: a function of tau_i."""
        same = (self.views[:, :, None] == self.views[:, None, :]).astype(np.float64)
        mean: Array = np.einsum("nst,nt...->ns...", same / same.sum(-1, keepdims=True), x)
        return mean


def everything_seen(n_agents: int, n_states: int) -> Int:
    """The views of agents that all see tau itself."""
    return np.tile(np.arange(n_states), (n_agents, 1))


def repeated(payoff: npt.ArrayLike, gamma: float) -> Game:
    """A matrix game `[A] * N` played again and again: one tau, so `q_tot = payoff + gamma v_tot`."""
    table = np.asarray(payoff, np.float64)
    reward = table.reshape(1, -1)
    views = everything_seen(table.ndim, 1)
    return Game(reward, np.ones((1, table.size, 1)), gamma, views, table.shape[0])


def random_game(rng: np.random.Generator, n_states: int, n_agents: int, n_actions: int, gamma: float) -> Game:
    """No structure: rewards are normal, transitions uniform on the simplex, everything seen."""
    joint = n_actions**n_agents
    reward = rng.normal(size=(n_states, joint))
    transition = rng.dirichlet(np.ones(n_states), (n_states, joint))
    return Game(reward, transition, gamma, everything_seen(n_agents, n_states), n_actions)


def additive_game(
    rng: np.random.Generator, n_states: int, n_agents: int, n_actions: int, gamma: float
) -> Game:
    """`r = sum_i r_i(tau, u_i)`, `P = sum_i w_i P_i(. | tau, u_i)`, everything seen.

    Then `r + gamma P v` is additive in the actions for every `v`, so every policy's q_tot is.
    """
    rewards = rng.normal(size=(n_agents, n_states, n_actions))
    kernels = rng.dirichlet(np.ones(n_states), (n_agents, n_states, n_actions))
    shares = rng.dirichlet(np.ones(n_agents))
    mixture = sum_of(shares[:, None, None, None] * kernels)
    return Game(sum_of(rewards), mixture, gamma, everything_seen(n_agents, n_states), n_actions)


def independent_game(
    rng: np.random.Generator, n_local: int, n_agents: int, n_actions: int, gamma: float
) -> Game:
    """Agents that share the reward only: `tau = (tau_1, .., tau_N)`, `r = sum_i r_i`, `P = prod_i P_i`.

    Each sees its own tau_i alone. Then `v_tot = sum_i v_i(tau_i)` for every product policy, and q_tot is
    additive with parts that depend on tau_i and u_i only.
    """
    n_states = n_local**n_agents
    views = np.array(np.unravel_index(np.arange(n_states), (n_local,) * n_agents), np.int64)
    local_rewards = rng.normal(size=(n_agents, n_local, n_actions))
    local_kernels = rng.dirichlet(np.ones(n_local), (n_agents, n_local, n_actions))
    rewards = np.stack([r[view] for r, view in zip(local_rewards, views, strict=True)])
    kernels = np.stack([p[view][:, :, view] for p, view in zip(local_kernels, views, strict=True)])
    return Game(sum_of(rewards), product_of(kernels), gamma, views, n_actions)


def random_policies(rng: np.random.Generator, game: Game) -> Array:
    """`[N, S, A]`, each uniform on the simplex where an agent sees everything."""
    return game.seen(rng.dirichlet(np.ones(game.n_actions), game.views.shape))


def sum_of(parts: Array) -> Array:
    """`sum_i x_i(tau_i, u_i)`: `[N, S, A, ...]` to `[S, U, ...]`."""
    return _over_agents(np.add, parts)


def product_of(parts: Array) -> Array:
    """`prod_i x_i(tau_i, u_i)`: `[N, S, A, ...]` to `[S, U, ...]`."""
    return _over_agents(np.multiply, parts)


def _over_agents(combine: np.ufunc, parts: Array) -> Array:
    total: Array = parts[0]
    for part in parts[1:]:
        total = combine(total[:, :, None], part[:, None]).reshape(len(part), -1, *part.shape[2:])
    return total


def own_actions(n_agents: int, n_actions: int) -> Int:
    """`[N, U]`: agent i's action in joint action u."""
    joint = np.arange(n_actions**n_agents)
    return np.array(np.unravel_index(joint, (n_actions,) * n_agents), np.int64)
