"""Settings of all entries that learn, with their sources; "D.1" and the like are sections of FOP's appendix.

What isn't set here is each method's own setting for the games, which is in its file in `fop_algos.algorithms`
with its source (`fop-bench list NAME` shows it). Reported seeds are 0 to 19; nothing was tuned on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fop_algos.functional.schedules import LinearSchedule, Temperature
from fop_envs.games.differential import DifferentialGame

SEEDS = 20
"""Of each cell where there is chance, unless the command line says otherwise."""

MOST, FEW = 0.9, 0.1
"""Ours: share of seeds at the optimum of a method that finds it (18 of 20), of one that doesn't (2 of 20)."""

# ---- matrix game ----

MATRIX_UPDATES = 10_000
"""D.1: learning steps over which exploration falls; every method gets as many."""

AS_IN_D1 = "epsilon 1 to 0.01 over all updates, step size 3e-4"
"""For people. D.1, of value-based methods; DOP's and FacMADDPG's exploration isn't stated: ours, the same."""

Settings = Mapping[str, Mapping[str, Any]]
"""What of a method's config is set otherwise, by a name for people."""

SWEEP_OF_VALUES: Settings = {
    "epsilon 1 throughout": {"epsilon": LinearSchedule(1.0, 1.0)},
    "epsilon 0.1 throughout": {"epsilon": LinearSchedule(0.1, 0.1)},
    "step size 1e-3": {"learning_rate": 1e-3},
}
"""Ours: VDN and QMIX otherwise than D.1 has them."""

SWEEP_OF_DOP: Settings = {
    "no epsilon": {"epsilon": LinearSchedule(0.0, 0.0)},
    "epsilon 0.5 to 0.05 over all updates": {"epsilon": LinearSchedule(0.5, 0.05, MATRIX_UPDATES, "updates")},
    "the critic's step size 3e-3": {"critic_learning_rate": 3e-3},
    "step sizes 1e-3": {"learning_rate": 1e-3, "critic_learning_rate": 1e-3},
}
"""Ours; the second epsilon is that of DOP's published code, stretched over all updates."""

SWEEP_OF_FACMADDPG: Settings = {
    "epsilon 1 throughout": {"epsilon": LinearSchedule(1.0, 1.0)},
    "no epsilon": {"epsilon": LinearSchedule(0.0, 0.0)},
    "step sizes 1e-3": {"learning_rate": 1e-3, "critic_learning_rate": 1e-3},
}
"""Ours."""

MATRIX_ALPHA = Temperature(1.0, 0.01, MATRIX_UPDATES, "updates", target_entropy=0.1)
"""D.1, and FOP's default for the game. The target (ours), in nats an agent, counts where alpha is learned."""

MATRIX_ALPHAS = {
    "linear": MATRIX_ALPHA,
    "exponential": replace(MATRIX_ALPHA, kind="exponential"),
    "automatic": replace(MATRIX_ALPHA, kind="automatic"),
}
"""Ways of setting alpha in the matrix game; only the first is D.1's."""

MATRIX_FIRST_ALPHAS = (0.01, 0.1, 10.0)
"""Beside D.1's 1; with 0.01 alpha stays where it is."""

FINAL_ALPHAS = (1.0, 0.5, 0.1, 0.01)
"""Table 2's could not be read; these are ours."""

# ---- wider games ----

WIDER_GAMES = ("paper", "climbing", "penalty-100", "random-2x6-0", "random-3x4-0", "random-4x3-0")
"""Ours: the paper's, two of the literature; for 2, 3 and 4 agents the first random one of a middle size."""

FOR_UNKNOWN_GAMES: Mapping[str, Any] = {
    "alpha": replace(MATRIX_ALPHA, start=10.0),
    "epsilon": LinearSchedule(0.1, 0.1),
}
"""FOP for games of which nothing is known; docs/algorithms/fop.md has the reasons."""

# ---- differential game ----

DIFFERENTIAL_UPDATES = 20_000
"""Ours: D.3's slowest schedule takes about as many to anneal alpha from 1, and so does a learned alpha."""

BASELINE_UPDATES, SIGMA_UPDATES = 10_000, 5_000
"""Ours: MAAC's and MASQL's alpha is at its least after 10,000; deterministic methods stand still long before
5,000, which is what other values of `SIGMA` get."""

SUCCESS = DifferentialGame.optimum.success_above
"""9, and ours: more needs both actions within 1 of the global optimum at (5, 5), whose reward is 10."""

SIGMA, SIGMAS = 2.0, (1.0, 3.0, 5.0)
"""Ours: spread of the deterministic methods' exploration. 2 is a fifth of half the range; the others show
what it decides."""

WARM_UPS = (0, 64)
"""Ours: uniform episodes before play begins, the same for all methods."""


@dataclass(frozen=True)
class Schedule:
    """A way of annealing alpha (D.3), with the learning steps that show it to its end.

    Attributes:
        name: the paper's formula for one learning step.
        alpha: the same as a setting. Its first and least value, 1 and 0.01 as in the matrix game, are ours.
        updates: of a run.
    """

    name: str
    alpha: Temperature
    updates: int


SCHEDULES = (
    Schedule("log alpha - 1e-3", Temperature(1.0, 0.01, 4_605, "updates", kind="exponential"), 8_000),
    Schedule("log alpha - 5e-4", Temperature(1.0, 0.01, 9_210, "updates", kind="exponential"), 12_000),
    Schedule("alpha - 1e-4", Temperature(1.0, 0.01, 9_900, "updates"), 12_000),
    Schedule("alpha - 5e-5", Temperature(1.0, 0.01, 19_800, "updates"), DIFFERENTIAL_UPDATES),
)
AUTOMATIC = "automatic"
"""D.3's fifth way, which is FOP's default in the differential game."""

REWARD_SCALES = (0.05, 1.0)
"""What critics' rewards are multiplied by in Figure 5: our default for all methods, and nothing."""

UNSCALED: dict[str, Any] = {"reward_scale": 1.0}
"""Rewards as they are."""

FIRST_ALPHAS = (1.0, 20.0)
"""With rewards as they are. 1 is the matrix game's; 20 is 1 over the scale that we give the rewards
otherwise: about three standard deviations of uniform play's rewards, which is 7.0."""

GREEDY: dict[str, Any] = {"alpha": Temperature(0.0, 0.0)}
"""D.3: alpha and alpha_i fixed to 0, the weights lambda kept."""
