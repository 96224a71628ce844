"""Trains FOP on the matrix game of its paper and prints what it found (10,000 updates: about a minute).

Run: python examples/train_fop_on_the_matrix_game.py [updates]
"""

import itertools
import sys

import torch

import fop_envs
from fop_algos import catalogue
from fop_algos.training.train import Trained, TrainState, train
from fop_core.replay import EpisodeReplay

updates = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
torch.set_num_threads(1)  # the nets are tiny, and a fixed number of threads gives the same numbers every time

env = fop_envs.make("matrix", seed=0)
fop = catalogue.build("fop", env.spec, seed=0)
state = TrainState(fop, EpisodeReplay(env.spec, fop.config.buffer_episodes, seed=0))

for event in train(state, env, updates=updates):
    if isinstance(event, Trained) and event.clock.updates % 1000 == 0 and event.metrics:
        print(
            f"{event.clock.updates:6d} updates  "
            + "  ".join(f"{k} {v:.3f}" for k, v in event.metrics.items())
        )

joint = torch.tensor(list(itertools.product(range(3), repeat=2)))
obs, states, available = (
    torch.from_numpy(a).repeat_interleave(9, 0) for a in (env.obs, env.state, env.available)
)
print("q_tot of all joint actions (the payoff is 8 -12 -12 / -12 0 0 / -12 0 0):")
print(fop.joint_value(obs, states, available, joint, state.clock).view(3, 3))
