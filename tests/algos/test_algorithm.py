"""What algorithms share: registered nets, views of a batch, values to ask for."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import fop_envs
from fop_algos import catalogue
from fop_algos.algorithm import Algorithm, HasIndividualValues, HasJointValue, Metrics, RoundConfig, seeded
from fop_algos.batch import EpisodeBatch
from fop_algos.functional.losses import masked_mean
from fop_algos.networks.layers import Linear
from fop_core.protocols import Samples
from fop_core.types import Clock, TaskSpec

SPEC = TaskSpec("t", 2, 3, 4, 5, 6)


class Least(Algorithm):
    """A net and two nets with copies, a net without, and nothing more than the interface asks for."""

    def __init__(self, name: str, spec: TaskSpec, config: RoundConfig, seed: int) -> None:
        super().__init__(name, spec, config, seed)
        with seeded(seed):
            self.q, self.target_q = self.register("q", Linear(spec.obs_dim, 3), target=True)
            self.twins, self.target_twins = self.register(
                "twins", [nn.Linear(1, 1), nn.Linear(1, 2)], target=True
            )
            self.v = self.register("v", nn.Linear(1, 1))
        self.optimiser = self.register_optimiser("all", "adam", 1e-2, self.q, *self.twins)

    def start(self, rows: int) -> Tensor:
        return self.memory(rows, 0)

    def act(
        self, obs: Tensor, available: Tensor, memory: Tensor, uniform: Tensor, clock: Clock, explore: bool
    ) -> tuple[Tensor, Tensor]:
        return self.q(obs).argmax(-1), memory

    def update(self, replay: Samples, clock: Clock) -> Metrics:
        batch = EpisodeBatch.of(replay.sample(2))
        return self.gradient_step(
            "loss",
            masked_mean(self.q(batch.now.obs).square().mean((-2, -1)), batch.mask),
            self.optimiser,
            1.0,
            clock,
        )


def test_a_registered_net_is_saved_copied_and_optimised() -> None:
    least = Least("least", SPEC, RoundConfig(), 0)
    assert list(least.modules) == ["q", "target_q", "twins", "target_twins", "v"]
    assert set(least.optimisers) == {"all"}
    assert least.modules["q"] is least.q
    assert least.modules["target_twins"][1] is least.target_twins[1]
    learning = {name for name, p in least.modules.named_parameters() if p.requires_grad}
    assert learning == {"q.weight", "q.bias", "v.weight", "v.bias"} | {
        f"twins.{k}.{what}" for k in (0, 1) for what in ("weight", "bias")
    }
    assert len(least.optimiser.param_groups[0]["params"]) == 6
    with torch.no_grad():
        for net in (least.q, *least.twins):
            net.weight.add_(1.0)
    least.copy_targets(Clock(episodes=9), 10)
    assert not torch.equal(least.target_q.weight, least.q.weight)
    least.copy_targets(Clock(episodes=10), 10)
    assert torch.equal(least.target_q.weight, least.q.weight)
    assert torch.equal(least.target_twins[1].weight, least.twins[1].weight)


def test_nets_are_a_function_of_the_seed_alone() -> None:
    before = torch.random.get_rng_state()
    one = Least("least", SPEC, RoundConfig(), 0)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(1)
    assert torch.equal(Least("least", SPEC, RoundConfig(), 0).q.weight, one.q.weight)
    assert not torch.equal(Least("least", SPEC, RoundConfig(), 1).q.weight, one.q.weight)


def test_now_and_next_are_views(new_batch) -> None:
    batch = new_batch([3, 5], [True, False])
    for name in ("obs", "state", "available", "last_onehot"):
        whole, now, then = (getattr(x, name) for x in (batch, batch.now, batch.next))
        assert torch.equal(now, whole[:, :5])
        assert torch.equal(then, whole[:, 1:])
        for view in (now, then):
            assert view.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr()
    values = torch.rand(2, 6, 2, 7)
    assert torch.equal(batch.now.of(values), values[:, :5])
    assert torch.equal(batch.next.of(values), values[:, 1:])


@pytest.mark.parametrize("name", list(catalogue.CATALOGUE))
def test_who_has_values_says_so(name: str) -> None:
    """IQL and FMQ have no joint value; where actions are continuous, there are no values of single ones."""
    entry = catalogue.entry(name)
    for kind in entry.action_kinds:
        spec = fop_envs.make("matrix" if kind == "discrete" else "differential").spec
        algorithm = catalogue.build(name, spec)
        assert isinstance(algorithm, HasJointValue) == (name not in ("iql", "fmq"))
        assert isinstance(algorithm, HasIndividualValues) == (kind == "discrete")
    assert not isinstance(Least("least", SPEC, RoundConfig(), 0), HasJointValue | HasIndividualValues)
