"""Mixers: what each can and can't represent, and where its gradients go."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from fop_algos.algorithms.fop_variants import Routing, RoutingMixer
from fop_algos.batch import onehot
from fop_algos.native_ops import literal_mix, soft_value
from fop_algos.networks.agents import PerAgentMlp
from fop_algos.networks.mixers.base import Utilities
from fop_algos.networks.mixers.fop import AttentionWeights, FopMixer, HeadWeights, MlpWeights, weight_net
from fop_algos.networks.mixers.qatten import QattenMixer
from fop_algos.networks.mixers.qmix import QmixMixer
from fop_algos.networks.mixers.qplex import DeepHeadWeights, QplexMixer
from fop_algos.networks.mixers.vdn import VdnMixer
from fop_core.types import TaskSpec

SPEC = TaskSpec("t", n_agents=3, n_actions=4, obs_dim=2, state_dim=14, episode_limit=5, ally_feature_dim=4)
GAME = TaskSpec("g", n_agents=2, n_actions=3, obs_dim=1, state_dim=1, episode_limit=1)


def utilities(q: torch.Tensor, v: torch.Tensor) -> Utilities:
    return Utilities(q, v, onehot(torch.randint(4, q.shape), 4))


def test_vdn_is_the_sum() -> None:
    q = torch.tensor([[1.0, 2.0, -4.0]])
    assert VdnMixer().forward(utilities(q, q), torch.zeros(1, 14)).tolist() == [-1.0]


def test_qmix_is_monotone_and_depends_on_the_state() -> None:
    torch.manual_seed(0)
    mixer, state = QmixMixer(SPEC, 32, 64), torch.randn(200, 14)
    q = (3 * torch.randn(200, 3)).requires_grad_()
    out = mixer.forward(utilities(q, q), state)
    out.sum().backward()
    assert q.grad is not None
    assert (q.grad >= 0).all()
    assert (q.grad > 0).any(0).all()
    assert not torch.allclose(out, mixer.forward(utilities(q, q), torch.randn(200, 14)))


def test_qmix_by_hand() -> None:
    mixer = QmixMixer(SPEC, 2, 4)
    for parameter in mixer.parameters():
        torch.nn.init.zeros_(parameter)
    mixer.w1[-1].bias.data = torch.tensor([1.0, -1.0, 2.0, 0.0, 0.0, 3.0])  # [N=3, embed=2], through abs
    mixer.w2[-1].bias.data = torch.tensor([1.0, -2.0])
    mixer.v[-1].bias.data = torch.tensor([0.5])
    q = torch.tensor([[1.0, 2.0, -1.0]])  # hidden: 1 + 4 = 5 and 1 - 3 = -2
    expected = 5 + 2 * (torch.tensor(-2.0).exp() - 1) + 0.5
    assert mixer.forward(utilities(q, q), torch.zeros(1, 14)).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("kind", ["heads", "attention", "mlp"])
def test_fop_routes_gradients_and_equals_the_factorisation(kind: str) -> None:
    torch.manual_seed(1)
    mixer = FopMixer(weight_net(kind, SPEC, 4, 16), torch.nn.Linear(14, 1))
    state = torch.randn(6, 14)
    q, v = torch.randn(6, 3, requires_grad=True), torch.randn(6, 3, requires_grad=True)
    u = utilities(q, v)
    q_tot = mixer.forward(u, state)
    lam = mixer.weights(state, u.onehot)
    literal = literal_mix(q, v, lam, mixer.v(state).squeeze(-1) + v.sum(-1))
    assert (lam >= 0).all()
    assert torch.allclose(q_tot, literal, atol=1e-5)
    q_tot.sum().backward()
    assert q.grad is not None
    assert (q.grad == 1).all()
    assert v.grad is None or (v.grad == 0).all()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in mixer.parameters())


@pytest.mark.parametrize("gradient", ["one", "weight"])
@pytest.mark.parametrize("v_i", ["constant", "learned"])
@pytest.mark.parametrize("v_jt", ["sum", "free"])
def test_every_routing_has_its_value_and_its_gradients(gradient: str, v_i: str, v_jt: str) -> None:
    """Values are `sum_i lambda_i (q_i - v_i) + v_jt`; the slopes are worked out from the routing's words."""
    torch.manual_seed(2)
    routing = Routing(gradient, v_i, v_jt)
    mixer = RoutingMixer(weight_net("mlp", SPEC, 4, 16), torch.nn.Linear(14, 1), routing)
    state = torch.randn(6, 14)
    q, v = torch.randn(6, 3, requires_grad=True), torch.randn(6, 3, requires_grad=True)
    u = utilities(q, v)
    lam, v_state = mixer.weights(state, u.onehot), mixer.v(state).squeeze(-1)
    q_tot = mixer.forward(u, state)
    expected = (lam * (q - v)).sum(-1) + v_state + (v.sum(-1) if v_jt == "sum" else 0)
    torch.testing.assert_close(q_tot, expected)

    parameters = list(mixer.weights.parameters())
    slope_q, slope_v, *slopes = torch.autograd.grad(
        q_tot.sum(), [q, v, *parameters], allow_unused=True, retain_graph=True
    )
    to_advantage = lam.detach() if gradient == "weight" else torch.ones(6, 3)
    torch.testing.assert_close(slope_q, to_advantage)
    in_v_jt = 1.0 if v_jt == "sum" else 0.0
    to_v = in_v_jt - to_advantage if v_i == "learned" else torch.zeros(6, 3)
    torch.testing.assert_close(torch.zeros(6, 3) if slope_v is None else slope_v, to_v)
    to_weights = torch.autograd.grad((lam * (q - v).detach()).sum(), parameters)
    for slope, needed in zip(slopes, to_weights, strict=True):
        torch.testing.assert_close(slope, needed)


def test_qatten_by_hand() -> None:
    mixer = QattenMixer(SPEC, heads=2, embed=1, hypernet_hidden=4, logit_penalty=0.5)
    for parameter in mixer.parameters():
        torch.nn.init.zeros_(parameter)
    for query, value in zip(mixer.queries, (1.0, -1.0), strict=True):
        query[0].bias.data[0] = 1.0
        query[2].weight.data[0, 0] = value
    mixer.key.weight.data[:, 0] = torch.tensor([1.0, 2.0])  # both heads read an agent's first feature
    mixer.scale[-1].bias.data = torch.tensor([3.0, -2.0])  # through abs
    mixer.c[-1].bias.data = torch.tensor([0.25])
    state = torch.zeros(1, 14)
    state[0, 0], state[0, 4] = math.log(2), math.log(4)  # the first features: log 2, log 4, 0
    q = torch.tensor([[7.0, 14.0, -7.0]])
    # head 0: weights 2/7, 4/7, 1/7: 2 + 8 - 1 = 9; head 1: 1/4, 1/16, 1 by 21/16: 4/21, 1/21, 16/21
    expected = 3 * 9 + 2 * (4 * 7 + 14 - 16 * 7) / 21 + 0.25
    assert mixer.forward(utilities(q, q), state).item() == pytest.approx(expected, rel=1e-5)
    squares = math.log(2) ** 2 + math.log(4) ** 2
    assert mixer.penalty(state).item() == pytest.approx(0.5 * (squares + 4 * squares) / 3, rel=1e-5)


@pytest.mark.parametrize("spec", [SPEC, GAME])
def test_qatten_is_monotone_and_its_heads_share_out_one(spec: TaskSpec) -> None:
    torch.manual_seed(4)
    mixer = QattenMixer(spec, heads=4, embed=8, hypernet_hidden=16, logit_penalty=1e-3)
    state, q = torch.randn(50, spec.state_dim), 3 * torch.randn(50, spec.n_agents)
    attention = mixer.attention(state)
    assert attention.shape == (50, 4, spec.n_agents)
    assert torch.allclose(attention.sum(-1), torch.ones(50, 4))
    assert attention.std() > 1e-3
    before = mixer.forward(utilities(q, q), state)
    for i in range(spec.n_agents):
        more = q.clone()
        more[:, i] += 2.0
        assert (mixer.forward(utilities(more, q), state) > before).all()
    # Linear in q: twice the step, twice the effect.
    assert torch.allclose(
        mixer.forward(utilities(q + 2, q), state) - before,
        2 * (mixer.forward(utilities(q + 1, q), state) - before),
        atol=1e-4,
    )


def qplex(deep: bool) -> QplexMixer:
    return QplexMixer(SPEC, DeepHeadWeights(SPEC, 10, 16) if deep else HeadWeights(SPEC, 4), 16)


@pytest.mark.parametrize("deep", [False, True])
def test_qplex_has_its_optimum_where_every_agent_has_its_own(deep: bool) -> None:
    """IGM, by brute force over the 64 joint actions of 20 random nets, states and tables."""
    joint = torch.tensor(list(itertools.product(range(4), repeat=3)))
    for seed in range(20):
        torch.manual_seed(seed)
        mixer, state, q = qplex(deep), torch.randn(14), 3 * torch.randn(3, 4)
        chosen = q.gather(1, joint.T).T
        baseline = q.amax(1).expand_as(chosen).contiguous()
        states = state.expand(64, 14)
        q_tot = mixer.forward(Utilities(chosen, baseline, onehot(joint, 4)), states)
        assert joint[q_tot.argmax()].tolist() == q.argmax(1).tolist()
        v_tot = ((mixer.w(state).abs() + 1e-10) * q.amax(1) + mixer.b(state)).sum()
        assert q_tot.max().item() == pytest.approx(v_tot.item(), rel=1e-4, abs=1e-4)
        advantage = q_tot - v_tot
        assert (advantage <= 1e-5).all()
        assert (advantage < -1e-6).sum() == 63


@pytest.mark.parametrize("deep", [False, True])
def test_qplex_routes_gradients(deep: bool) -> None:
    """`w_i(s)` to every `q_i`, none to the baseline, the advantage to `lambda_i`."""
    torch.manual_seed(1)
    mixer, state = qplex(deep), torch.randn(6, 14)
    q, best = torch.randn(6, 3, requires_grad=True), torch.randn(6, 3, requires_grad=True)
    q_tot = mixer.forward(utilities(q, best), state)
    q_tot.sum().backward()
    w = mixer.w(state).abs()
    assert q.grad is not None
    assert torch.allclose(q.grad, w, atol=1e-6)
    assert best.grad is None or (best.grad == 0).all()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in mixer.parameters())


def test_deep_head_weights_head_by_head() -> None:
    torch.manual_seed(5)
    net = DeepHeadWeights(SPEC, 3, 5)
    state, joint = torch.randn(2, 14), onehot(torch.tensor([[0, 1, 2], [3, 1, 0]]), 4)

    def plain(maps: PerAgentMlp, head: int, x: torch.Tensor) -> torch.Tensor:
        for layer, (weight, bias) in enumerate(zip(maps.weights, maps.biases, strict=True)):
            x = x @ weight[head] + bias[head]
            x = x.relu() if layer < 2 else x
        return x

    both = torch.cat((state, joint.flatten(1)), 1)
    expected = torch.zeros(2, 3)
    for head in range(3):
        parts = plain(net.keys, head, state).abs(), plain(net.agents, head, state).sigmoid()
        expected += parts[0] * parts[1] * plain(net.actions, head, both).sigmoid()
    assert torch.allclose(net(state, joint), expected, atol=1e-6)


@pytest.mark.parametrize(
    "net",
    [HeadWeights(SPEC, 4), DeepHeadWeights(SPEC, 4, 8), AttentionWeights(SPEC, 4, 8), MlpWeights(SPEC, 8)],
)
def test_weights_depend_on_the_joint_action(net: torch.nn.Module) -> None:
    state = torch.randn(1, 14).expand(2, 14)
    joint = onehot(torch.tensor([[0, 1, 2], [0, 1, 3]]), 4)  # agent 2 alone chooses otherwise
    lam = net(state, joint)
    assert (lam[0] != lam[1]).all()


def test_head_weights_by_hand() -> None:
    net = HeadWeights(SPEC, 2)
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    net.of_state.bias.data[:2] = torch.tensor([-2.0, 4.0])  # |key| 2 and 4; both sigmoids are 1/2
    lam = net(torch.zeros(1, 14), onehot(torch.zeros(1, 3, dtype=torch.int64), 4))
    assert lam[0].tolist() == pytest.approx([1.5, 1.5, 1.5])


def test_attention_needs_a_block_per_agent() -> None:
    with pytest.raises(ValueError, match="weight_net=heads"):
        weight_net("attention", TaskSpec("matrix", 2, 3, 1, 1, 1), 4, 8)


def test_factorisation_with_the_true_temperatures_is_igo() -> None:
    """(15) with lambda_i = alpha / alpha_i: softmax(q_tot / alpha) is the product of the agents' own."""
    torch.manual_seed(2)
    alpha, alphas = 0.7, torch.tensor([0.3, 1.1], dtype=torch.float64)
    q = torch.randn(2, 3, dtype=torch.float64)
    v = soft_value(q, None, alphas).v
    v_tot = torch.tensor(0.4, dtype=torch.float64)
    joint = torch.tensor(list(itertools.product(range(3), repeat=2)))
    chosen = torch.stack([q[0, joint[:, 0]], q[1, joint[:, 1]]], -1)
    q_tot = literal_mix(
        chosen,
        v.expand(9, 2).contiguous(),
        (alpha / alphas).expand(9, 2).contiguous(),
        v_tot.expand(9).contiguous(),
    )
    each = soft_value(q, None, alphas).policy
    product = each[0, joint[:, 0]] * each[1, joint[:, 1]]
    assert torch.allclose((q_tot / alpha).softmax(0), product, atol=1e-9)
    assert (alpha * (q_tot / alpha).logsumexp(0)).item() == pytest.approx(0.4, abs=1e-9)


def test_divergence_of_factored_policies_is_a_sum() -> None:
    """KL(pi || pi*) = sum_i KL(pi_i || pi*_i) when both factorise (A.1)."""
    torch.manual_seed(3)
    pi, best = torch.randn(2, 3).softmax(-1), torch.randn(2, 3).softmax(-1)
    joint, joint_best = torch.outer(pi[0], pi[1]), torch.outer(best[0], best[1])
    whole = (joint * (joint / joint_best).log()).sum()
    assert whole.item() == pytest.approx((pi * (pi / best).log()).sum().item(), rel=1e-5)
