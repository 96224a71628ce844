"""The torch operators: registrations, gradients, compilation, and agreement with a plain torch statement."""

import pytest
import torch
from torch.library import opcheck

from fop_algos import native_ops as ops
from fop_core import ops as numpy_ops


@pytest.fixture
def batch():
    """Values of 2 x 3 agents with 5 actions in float64; agent (0, 0) has none available."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    available = torch.rand(2, 3, 5, generator=generator) < 0.6
    available[0, 0] = False
    available[1, 2] = True
    return {
        "q": normal(2, 3, 5),
        "available": available,
        "actions": torch.tensor([[0, 1, 2], [3, 4, 0]]),
        "alpha": torch.tensor(0.5, dtype=torch.float64),
        "chosen": normal(2, 3),
        "v": normal(2, 3),
        "lam": normal(2, 3),
        "v_state": normal(2),
    }


def plain_soft_value(q, available, alpha):
    """Autograd's own derivative of the textbook statement; the kernel's conventions applied by `where`."""
    alpha = torch.as_tensor(alpha, dtype=q.dtype).expand(q.shape[:-1])
    some = available.any(-1)
    usable = available | ~some[..., None]
    logits = torch.where(usable, q, 0) / alpha[..., None]
    logits = logits.masked_fill(~usable, -torch.inf)
    zero = torch.zeros((), dtype=q.dtype)
    log_policy = torch.where(available, logits.log_softmax(-1), zero)
    policy = torch.where(available, log_policy.exp(), zero)
    v = torch.where(some, alpha * logits.logsumexp(-1), zero)
    return v, policy, log_policy, -(policy * log_policy).sum(-1)


def test_opcheck(batch):
    b = batch
    per_row = b["alpha"].expand(2, 3).contiguous()
    opcheck(torch.ops.fop.soft_value.default, (b["q"], b["available"], b["alpha"]))
    opcheck(torch.ops.fop.soft_value.default, (b["q"], None, per_row))
    opcheck(torch.ops.fop.routed_mix.default, (b["chosen"], b["v"], b["lam"], b["v_state"]))
    opcheck(torch.ops.fop.literal_mix.default, (b["chosen"], b["v"], b["lam"], b["v_state"]))
    flags = torch.ones(2, 3, dtype=torch.bool)
    values = torch.randn(2, 4, dtype=torch.float64)
    opcheck(torch.ops.fop.td_lambda.default, (b["chosen"].detach(), values, ~flags, flags, 0.99, 0.8))


def test_opcheck_of_the_gradients(batch):
    b = {name: x.detach() for name, x in batch.items()}
    value = ops.soft_value(b["q"], b["available"], 0.5)
    saved = (*value[1:], b["available"], b["alpha"])
    opcheck(torch.ops.fop.soft_value_backward.default, (*saved, *value))
    opcheck(torch.ops.fop.soft_value_backward.default, (*saved, value.v, None, None, None))
    opcheck(torch.ops.fop.routed_mix_backward.default, (b["chosen"], b["v"], b["v_state"]))
    opcheck(torch.ops.fop.literal_mix_backward.default, (b["chosen"], b["v"], b["lam"], b["v_state"]))


def test_gradcheck(batch):
    b = batch
    assert torch.autograd.gradcheck(lambda q: tuple(ops.soft_value(q, b["available"], 0.5)), b["q"])
    assert torch.autograd.gradcheck(ops.literal_mix, (b["chosen"], b["v"], b["lam"], b["v_state"]))
    # Routed gradients are no derivative of q, only of lambda and v_state.
    chosen, v = b["chosen"].detach(), b["v"].detach()
    assert torch.autograd.gradcheck(
        lambda lam, v_state: ops.routed_mix(chosen, v, lam, v_state), (b["lam"], b["v_state"])
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("shape", [(4, 7, 3, 9), (30, 18), (3, 70)])
@pytest.mark.parametrize("per_row", [False, True])
def test_soft_value_agrees_with_plain_torch(shape, dtype, tolerance, per_row):
    generator = torch.Generator().manual_seed(1)
    q = (torch.randn(shape, generator=generator) * 2).to(dtype).requires_grad_()
    available = torch.rand(shape, generator=generator) < 0.6
    alpha = torch.rand(shape[:-1], generator=generator).to(dtype) + 0.3 if per_row else 0.5
    grads = [torch.randn(s, generator=generator) for s in (shape[:-1], shape, shape, shape[:-1])]

    exact = q.detach().double().requires_grad_()
    expected = plain_soft_value(exact, available, alpha)
    torch.autograd.backward(expected, [g.double() for g in grads])
    got = ops.soft_value(q, available, alpha)
    torch.autograd.backward(tuple(got), [g.to(dtype) for g in grads])
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(a.double(), b, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(q.grad.double(), exact.grad, rtol=10 * tolerance, atol=10 * tolerance)


def test_soft_value_gradient_of_one_output_alone(batch):
    for index in range(4):
        exact = batch["q"].detach().clone().requires_grad_()
        plain_soft_value(exact, batch["available"], 0.5)[index].square().sum().backward()
        q = batch["q"].detach().clone().requires_grad_()
        ops.soft_value(q, batch["available"], 0.5)[index].square().sum().backward()
        torch.testing.assert_close(q.grad, exact.grad)


def test_routed_gradients_are_those_of_the_published_routing(batch):
    b = batch
    q_tot = ops.routed_mix(b["chosen"], b["v"], b["lam"], b["v_state"])
    value = (b["lam"] * (b["chosen"] - b["v"])).sum(-1) + b["v_state"] + b["v"].sum(-1)
    torch.testing.assert_close(q_tot, value)
    q_tot.sum().backward()
    assert torch.equal(b["chosen"].grad, torch.ones(2, 3, dtype=torch.float64))
    assert b["v"].grad is None
    assert torch.equal(b["v_state"].grad, torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(b["lam"].grad, (b["chosen"] - b["v"]).detach())


def test_td_lambda_is_the_kernel_and_a_constant():
    reward = torch.randn(3, 4, requires_grad=True)
    values = torch.randn(3, 5, requires_grad=True)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]], dtype=torch.bool)
    terminated = torch.zeros(3, 4, dtype=torch.bool)
    terminated[1, 1] = True
    target = ops.td_lambda(reward, values, terminated, mask, 0.99, 0.8)
    assert not target.requires_grad
    arrays = [x.detach().numpy() for x in (reward, values, terminated, mask)]
    assert (target.numpy() == numpy_ops.td_lambda(*arrays, 0.99, 0.8)).all()


def test_inputs_need_not_be_contiguous(batch):
    q = batch["q"].detach()
    turned = q.transpose(0, 2).contiguous().transpose(0, 2)
    available = batch["available"].transpose(0, 2).contiguous().transpose(0, 2)
    assert not turned.is_contiguous()
    for a, b in zip(
        ops.soft_value(turned, available, 0.5), ops.soft_value(q, batch["available"], 0.5), strict=True
    ):
        assert torch.equal(a, b)
    q = q.clone().requires_grad_()
    ops.soft_value(q, batch["available"], 0.5).policy.sum().backward()  # its gradient is expanded
    torch.testing.assert_close(q.grad, torch.zeros_like(q), atol=1e-15, rtol=0)


def test_a_padded_row_gives_no_nan(batch):
    q = batch["q"].detach().clone()
    q[0, 0] = torch.nan
    q.requires_grad_()
    value = ops.soft_value(q, batch["available"], 0.5)
    sum(x.sum() for x in value).backward()
    assert torch.equal(q.grad[0, 0], torch.zeros(5, dtype=torch.float64))
    assert torch.isfinite(q.grad).all()
    assert all(torch.isfinite(x).all() for x in value)


def test_alpha_gets_no_gradient(batch):
    alpha = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    ops.soft_value(batch["q"], batch["available"], alpha).v.sum().backward()
    assert alpha.grad is None


def test_the_number_of_threads_changes_no_bit():
    generator = torch.Generator().manual_seed(2)
    q = torch.randn(4000, 3, 18, generator=generator, requires_grad=True)
    available = torch.rand(q.shape, generator=generator) < 0.6
    lam, v_state = torch.rand(4000, 3, generator=generator), torch.rand(4000, generator=generator)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            value = ops.soft_value(q, available, 0.1)
            q_tot = ops.routed_mix(q[..., 0], value.v, lam, v_state)
            grad = torch.autograd.grad((*value, q_tot), q, [torch.ones_like(x) for x in (*value, q_tot)])
            results.append([*value, q_tot, *grad])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def loss(q, available, actions, alpha, lam, v_state, reward, values, terminated, mask):
    value = ops.soft_value(q, available, alpha)
    chosen = q.gather(-1, actions[..., None])[..., 0]
    both = ops.routed_mix(chosen, value.v, lam, v_state) + ops.literal_mix(chosen, value.v, lam, v_state)
    target = ops.td_lambda(reward, values, terminated, mask, 0.99, 0.8)
    return (both - target.sum(-1)).square().mean() - value.entropy.mean() + value.policy.square().sum()


@pytest.mark.parametrize("alpha", [0.5, torch.tensor(0.5)], ids=["number", "tensor"])
def test_compiles_as_one_graph(batch, alpha):
    # aot_eager traces forward and backward through the operators' registrations without a C++ compiler.
    steps = (
        torch.randn(2, 4, dtype=torch.float64),
        torch.randn(2, 5, dtype=torch.float64),
        torch.zeros(2, 4, dtype=torch.bool),
        torch.ones(2, 4, dtype=torch.bool),
    )
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    results = []
    for function in (loss, compiled):
        q, lam, v_state = (batch[name].detach().clone().requires_grad_() for name in ("q", "lam", "v_state"))
        value = function(q, batch["available"], batch["actions"], alpha, lam, v_state, *steps)
        results.append((value.detach(), *torch.autograd.grad(value, (q, lam, v_state))))
    for eager, traced in zip(*results, strict=True):
        torch.testing.assert_close(eager, traced)


def test_bad_arguments_are_named(batch):
    b = batch
    with pytest.raises(ValueError, match=r"available: shape \(2, 3, 4\), expected \(2, 3, 5\)"):
        ops.soft_value(b["q"], b["available"][..., :4], 0.5)
    with pytest.raises(ValueError, match=r"alpha: shape \(3,\), expected \(2, 3\)"):
        ops.soft_value(b["q"], None, torch.ones(3))
    with pytest.raises(ValueError, match=r"alpha: -1\.0+, must be finite and above 0"):
        ops.soft_value(b["q"], None, -1.0)
    with pytest.raises(ValueError, match=r"lam: shape \(2,\), expected \(2, 3\)"):
        ops.routed_mix(b["chosen"], b["v"], b["v_state"], b["v_state"])
    with pytest.raises(ValueError, match="lam: dtype float32, expected float64"):
        ops.routed_mix(b["chosen"], b["v"], b["lam"].float(), b["v_state"])
    with pytest.raises(ValueError, match=r"values: shape \(2, 3\), expected \(2, 4\)"):
        ops.td_lambda(b["chosen"], b["v"], b["v"] > 0, b["v"] > 0, 0.99, 0.8)
