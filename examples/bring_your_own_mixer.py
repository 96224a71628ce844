"""Trains VDN's agents with a mixer of your own: a non-negative weight per agent, learned from the state.

Run: python examples/bring_your_own_mixer.py [updates]
"""

import sys

import torch
from torch import Tensor, nn

import fop_envs
from fop_algos.algorithms import value_decomposition as vd
from fop_algos.networks.mixers.base import Mixer, Utilities
from fop_algos.training.train import Trained, TrainState, train
from fop_core.replay import EpisodeReplay
from fop_core.types import TaskSpec


class WeightedSum(Mixer):
    """`q_tot = sum_i w_i(s) q_i + b(s)` with `w_i >= 0`."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__()
        self.weights = nn.Linear(spec.state_dim, spec.n_agents)
        self.bias = nn.Linear(spec.state_dim, 1)

    def forward(self, utilities: Utilities, state: Tensor) -> Tensor:
        weighted = (self.weights(state).abs() * utilities.chosen).sum(-1)
        return weighted + self.bias(state).squeeze(-1)


updates = int(sys.argv[1]) if len(sys.argv) > 1 else 400
torch.set_num_threads(1)
env = fop_envs.make("dummy", n_envs=8, seed=0)
config = vd.ValueDecompositionConfig(mixer="vdn", episodes_per_round=8, updates_per_round=8)
algorithm = vd.ValueDecomposition("weighted sum", env.spec, config, seed=0, mixer=WeightedSum(env.spec))
state = TrainState(algorithm, EpisodeReplay(env.spec, config.buffer_episodes, seed=0))

for event in train(state, env, updates=updates):
    if isinstance(event, Trained) and event.clock.episodes % 80 == 0:
        print(
            f"{event.clock.env_steps:6d} steps  episode return {event.returns.mean():6.2f}  {event.metrics}"
        )
