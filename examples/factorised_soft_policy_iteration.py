"""Theorem 1 of FOP on tables: where it holds every q_tot rises to the optimum; elsewhere it may not.

Run: python examples/factorised_soft_policy_iteration.py [figure.png]
"""

import itertools
import sys

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot

from fop_bench.report.figure_style import COLOURS, STYLE
from fop_bench.studies.theory import games
from fop_bench.studies.theory.factorisation import joint_policy
from fop_bench.studies.theory.iteration import factorised_soft_policy_iteration
from fop_bench.studies.theory.soft_values import exact_v, optimal_q
from fop_envs.games.matrix import payoff_table

GAMMA, PLACES, STEPS = 0.9, 10, 8
path = sys.argv[1] if len(sys.argv) > 1 else "monotone_improvement.png"


def iterate(game, policies, alpha, **options):
    """The first iterates. Any alpha_i do: they only set the unit of agent i's values."""
    alpha_i = np.array([alpha, 2 * alpha])
    iteration = factorised_soft_policy_iteration(game, policies, alpha, alpha_i, **options)
    return list(itertools.islice(iteration, STEPS + 1))


def per_step(game, policies, alpha, **options):
    """`E r + alpha H` at each iterate of a game that is played again and again."""
    iterates = iterate(game, policies, alpha, **options)
    return [(1 - GAMMA) * exact_v(game, joint_policy(k.policies), alpha).item() for k in iterates]


# 1. Additive: a row of places; each step one of the two agents, drawn by lot, moves the team by its action.
# Staying back pays 0.2 to each; going forward pays 1, at the last place only.
place = np.arange(PLACES)
kernels, rewards = np.zeros((2, PLACES, 2, PLACES)), np.zeros((2, PLACES, 2))
kernels[:, place, 0, np.maximum(place - 1, 0)] = kernels[:, place, 1, np.minimum(place + 1, PLACES - 1)] = 0.5
rewards[:, :, 0], rewards[:, -1, 1] = 0.2, 1.0
views = games.everything_seen(2, PLACES)
row = games.Game(games.sum_of(rewards), games.sum_of(kernels), GAMMA, views, n_actions=2)
rising = np.stack([k.q_tot for k in iterate(row, np.tile([0.95, 0.05], (2, PLACES, 1)), 0.1)])
best = optimal_q(row, 0.1)
for k, gap in enumerate(np.abs(best - rising).max((1, 2))):
    print(f"iteration {k}: farthest q_tot from the optimum {gap:.1e}")
print(f"least rise of any q_tot in any iteration: {np.diff(rising, axis=0).min():.0e}")

# 2. Not additive: (15) can only be fitted, to the agents' own play or to random play.
paper, differ = (games.repeated(table, GAMMA) for table in (payoff_table("paper"), [[0, 1], [1, 0]]))
near_a, random = np.tile([0.9, 0.05, 0.05], (2, 1, 1)), np.full((2, 1, 3), 1 / 3)
start = np.tile([0.6, 0.4], (2, 1, 1))
panels = {
    "the paper's matrix game": {
        "from near (A, A)": per_step(paper, near_a, 1.0),
        "from random play": per_step(paper, random, 1.0),
        "from near (A, A), fitted to random play": per_step(paper, near_a, 1.0, measure="uniform"),
    },
    "choose differently": {
        "both at once": per_step(differ, start, 0.1),
        "one after the other": per_step(differ, start, 0.1, in_turn=True),
    },
}
with pyplot.rc_context(STYLE):
    figure, axes = pyplot.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
    for at in place:
        shade = pyplot.get_cmap("viridis")(at / PLACES)
        axes[0].plot(rising[:, at], color=shade, linewidth=0.8)
        axes[0].plot([STEPS + 0.3] * 4, best[at], "<", color=shade, markersize=3)
    axes[0].set(title="additive: a row of ten places", ylabel="q_tot(τ, u)")
    for axis, (title, lines) in zip(axes[1:], panels.items(), strict=True):
        for colour, (name, values) in zip(COLOURS, lines.items(), strict=False):
            print(f"{title}, {name}: " + " ".join(f"{v:.3f}" for v in values))
            axis.plot(values, color=colour, label=name, marker=".")
        axis.set(title=title, ylabel="value per step")
        axis.legend(fontsize=7)
    figure.supxlabel("iteration", fontsize=9)
    figure.savefig(path, dpi=120)
print(f"drew {path}")
