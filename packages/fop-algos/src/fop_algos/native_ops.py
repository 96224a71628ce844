"""The core's kernels as torch operators (`torch.ops.fop.*`); the one file where torch meets the native core.

Legend: `...` any leading shape, `N` agents, `A` actions, `T` steps. Values are float32 or float64, all of one
kind, on the CPU. As many threads as `torch.get_num_threads()`; their number never changes a result. The
operators work under `torch.compile(fullgraph=True)`. A wrong shape or dtype raises ValueError naming the
argument. docs/kernels.md states the contracts.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from fop_core import kernels


class SoftValue(NamedTuple):
    """What `soft_value` gives: `v` and `entropy` `[...]`, `policy` and `log_policy` `[..., A]`."""

    v: Tensor
    policy: Tensor
    log_policy: Tensor
    entropy: Tensor


def soft_value(q: Tensor, available: Tensor | None, alpha: Tensor | float) -> SoftValue:
    """Soft value and Boltzmann policy over the available actions: `v = alpha log sum_a exp(q_a / alpha)`.

    Args:
        q: `[..., A]`.
        available: `[..., A]` bool, or None where every action is available.
        alpha: temperature > 0: a number, or a tensor `[]` or `[...]`. Gets no gradient.

    Returns:
        `v`, `policy = exp((q - v) / alpha)`, its log and its entropy. Unavailable actions have policy 0 and
        log-policy 0 (so that `policy * log_policy` is right); rows without available actions are zero.
        Gradients reach `q` from all four.
    """
    _expect("available", available, q.shape)
    return SoftValue(*_call_soft_value(q, available, _temperature(alpha, q, q.shape[:-1])))


def routed_mix(q: Tensor, v: Tensor, lam: Tensor, v_state: Tensor) -> Tensor:
    """FOP's joint value with split gradients: `sum_i q_i + v_state + sum_i (lam_i - 1) sg(q_i - v_i)`.

    Numerically `sum_i lam_i (q_i - v_i) + v_jt` with `v_jt = v_state + sum_i v_i`. The gradient is 1 to every
    `q_i` and to `v_state`, `q_i - v_i` to `lam_i`, and none to `v_i`.

    Args:
        q: `[..., N]` values of the chosen actions.
        v: `[..., N]` soft values.
        lam: `[..., N]` weights.
        v_state: `[...]` the state's own value.

    Returns:
        `q_tot` `[...]`.
    """
    _expect("v", v, q.shape)
    _expect("lam", lam, q.shape)
    _expect("v_state", v_state, q.shape[:-1])
    return _call_routed_mix(q, v, lam, v_state)  # type: ignore[no-any-return]


def literal_mix(q: Tensor, v: Tensor, lam: Tensor, v_tot: Tensor) -> Tensor:
    """Equation (18) as printed, with all its gradients: `sum_i lam_i (q_i - v_i) + v_tot`.

    Args:
        q: `[..., N]` values of the chosen actions.
        v: `[..., N]` soft values.
        lam: `[..., N]` weights.
        v_tot: `[...]` the joint soft value.

    Returns:
        `q_tot` `[...]`.
    """
    _expect("v", v, q.shape)
    _expect("lam", lam, q.shape)
    _expect("v_tot", v_tot, q.shape[:-1])
    return _call_literal_mix(q, v, lam, v_tot)  # type: ignore[no-any-return]


def td_lambda(
    reward: Tensor, values: Tensor, terminated: Tensor, mask: Tensor, gamma: float, lam: float
) -> Tensor:
    """TD(lambda) targets `G_t = r_t + gamma (1 - term_t) [(1 - lam) V_{t+1} + lam G_{t+1}]`, as constants.

    At an episode's own last step `G_{t+1} = V_{t+1}`: an episode that was cut off bootstraps from the value
    after its last step, whatever the length of the others. Padding is never read: NaN there does no harm.

    Args:
        reward: `[..., T]`.
        values: `[..., T+1]`; step `t` bootstraps from the value at `t + 1`.
        terminated: `[..., T]` bool: the task ended the episode at this step.
        mask: `[..., T]` bool: real steps.
        gamma: discount in [0, 1].
        lam: in [0, 1]: 0 for one-step targets, 1 for Monte-Carlo returns.

    Returns:
        `[..., T]` targets without gradient, zero on padding.
    """
    _expect("values", values, (*reward.shape[:-1], reward.shape[-1] + 1))
    _expect("terminated", terminated, reward.shape)
    _expect("mask", mask, reward.shape)
    with torch.no_grad():
        return torch.ops.fop.td_lambda(reward, values, terminated, mask, gamma, lam)  # type: ignore[no-any-return]


def _expect(name: str, tensor: Tensor | None, shape: tuple[int, ...]) -> None:
    if tensor is not None and tensor.shape != shape:
        raise ValueError(f"{name}: shape {tuple(tensor.shape)}, expected {tuple(shape)}")


def _temperature(alpha: Tensor | float, q: Tensor, rows: tuple[int, ...]) -> Tensor:
    if not isinstance(alpha, Tensor):
        return q.new_full((), alpha)
    if alpha.ndim:
        _expect("alpha", alpha, rows)
    return alpha.detach().to(q.dtype)


# --- The operators -----------------------------------------------------------------------------------------
# Each has a CPU kernel, a shape function for tracing (`fake`), and a gradient that is an operator itself.
# torch.library.Library instead of torch.library.custom_op: the wrapper of the latter costs as much time as
# the kernel at the size of a 3m batch.

_library: Any = torch.library.Library("fop", "DEF")


def _np(tensor: Tensor | None) -> Any:
    return None if tensor is None else tensor.contiguous().numpy(force=True)


def _threads() -> int:
    return torch.get_num_threads()


def _define(schema: str, kernel: Any, fake: Any, backward: Any = None, setup_context: Any = None) -> Any:
    """Registers `torch.ops.fop.<name>` and returns what the public function calls.

    Outside of tracing that is an autograd function around the kernel itself: the dispatcher's detour through
    Python costs some 60 microseconds per forward and backward pass, half of the work of a 3m batch.
    """
    name = schema.split("(")[0]
    _library.define(schema)
    _library.impl(name, kernel, "CPU")
    torch.library.register_fake(f"fop::{name}", fake, lib=_library)
    operator = getattr(torch.ops.fop, name)
    if backward is None:
        return operator
    torch.library.register_autograd(f"fop::{name}", backward, setup_context=setup_context, lib=_library)

    def forward(ctx: Any, *inputs: Any) -> Any:
        # With a setup_context of its own, apply() would inspect the signature anew in each call.
        output = kernel(*inputs)
        setup_context(ctx, inputs, output)
        return output

    members = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    direct: Any = type(name, (torch.autograd.Function,), members)

    def call(first: Tensor, *rest: Any) -> Any:
        if (
            torch.compiler.is_compiling()
            or type(first) not in (Tensor, torch.nn.Parameter)
            or not first.is_cpu
        ):
            return operator(first, *rest)
        return direct.apply(first, *rest)

    return call


def _empty(like: Tensor, drop: int = 0) -> Tensor:
    """An empty dense tensor like `like` without its last `drop` dimensions."""
    return like.new_empty(like.shape[: like.ndim - drop])


# soft_value


def _soft_value_fake(
    q: Tensor, available: Tensor | None, alpha: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return _empty(q, 1), _empty(q), _empty(q), _empty(q, 1)


def _soft_value(q: Tensor, available: Tensor | None, alpha: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    v, policy, log_policy, entropy = results = _soft_value_fake(q, available, alpha)
    outputs = v.numpy(), policy.numpy(), log_policy.numpy(), entropy.numpy()
    kernels.soft_value(_np(q), _np(available), _np(alpha), *outputs, _threads())
    return results


def _soft_value_backward_fake(
    policy: Tensor,
    log_policy: Tensor,
    entropy: Tensor,
    available: Tensor | None,
    alpha: Tensor,
    grad_v: Tensor | None,
    grad_policy: Tensor | None,
    grad_log_policy: Tensor | None,
    grad_entropy: Tensor | None,
) -> Tensor:
    return _empty(policy)


def _soft_value_backward(
    policy: Tensor,
    log_policy: Tensor,
    entropy: Tensor,
    available: Tensor | None,
    alpha: Tensor,
    grad_v: Tensor | None,
    grad_policy: Tensor | None,
    grad_log_policy: Tensor | None,
    grad_entropy: Tensor | None,
) -> Tensor:
    grad_q = _empty(policy)
    saved = _np(policy), _np(log_policy), _np(entropy), _np(available), _np(alpha)
    grads = _np(grad_v), _np(grad_policy), _np(grad_log_policy), _np(grad_entropy)
    kernels.soft_value_backward(*saved, *grads, grad_q.numpy(), _threads())
    return grad_q


def _soft_value_setup(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    _, available, alpha = inputs
    _, policy, log_policy, entropy = output
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(policy, log_policy, entropy, available, alpha)


def _soft_value_grad(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
    return torch.ops.fop.soft_value_backward(*ctx.saved_tensors, *grads), None, None


_define(
    "soft_value_backward(Tensor policy, Tensor log_policy, Tensor entropy, Tensor? available, Tensor alpha,"
    " Tensor? grad_v, Tensor? grad_policy, Tensor? grad_log_policy, Tensor? grad_entropy) -> Tensor",
    _soft_value_backward,
    _soft_value_backward_fake,
)
_call_soft_value = _define(
    "soft_value(Tensor q, Tensor? available, Tensor alpha) -> (Tensor, Tensor, Tensor, Tensor)",
    _soft_value,
    _soft_value_fake,
    _soft_value_grad,
    _soft_value_setup,
)


# routed_mix, literal_mix


def _mix_fake(q: Tensor, v: Tensor, lam: Tensor, base: Tensor) -> Tensor:
    return _empty(q, 1)


def _routed_mix(q: Tensor, v: Tensor, lam: Tensor, v_state: Tensor) -> Tensor:
    q_tot = _empty(q, 1)
    kernels.routed_mix(_np(q), _np(v), _np(lam), _np(v_state), q_tot.numpy(), _threads())
    return q_tot


def _routed_mix_backward_fake(q: Tensor, v: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    return _empty(q), _empty(q)


def _routed_mix_backward(q: Tensor, v: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    grad_q, grad_lam = _empty(q), _empty(q)
    kernels.routed_mix_backward(_np(q), _np(v), _np(grad), grad_q.numpy(), grad_lam.numpy(), _threads())
    return grad_q, grad_lam


def _routed_mix_setup(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    q, v, _, _ = inputs
    ctx.save_for_backward(q, v)


def _routed_mix_grad(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    q, v = ctx.saved_tensors
    grad_q, grad_lam = torch.ops.fop.routed_mix_backward(q, v, grad)
    return grad_q, None, grad_lam, grad


_define(
    "routed_mix_backward(Tensor q, Tensor v, Tensor grad) -> (Tensor, Tensor)",
    _routed_mix_backward,
    _routed_mix_backward_fake,
)
_call_routed_mix = _define(
    "routed_mix(Tensor q, Tensor v, Tensor lam, Tensor v_state) -> Tensor",
    _routed_mix,
    _mix_fake,
    _routed_mix_grad,
    _routed_mix_setup,
)


def _literal_mix(q: Tensor, v: Tensor, lam: Tensor, v_tot: Tensor) -> Tensor:
    q_tot = _empty(q, 1)
    kernels.literal_mix(_np(q), _np(v), _np(lam), _np(v_tot), q_tot.numpy(), _threads())
    return q_tot


def _literal_mix_backward_fake(
    q: Tensor, v: Tensor, lam: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return _empty(q), _empty(q), _empty(q)


def _literal_mix_backward(q: Tensor, v: Tensor, lam: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    grad_q, grad_v, grad_lam = _empty(q), _empty(q), _empty(q)
    outputs = grad_q.numpy(), grad_v.numpy(), grad_lam.numpy()
    kernels.literal_mix_backward(_np(q), _np(v), _np(lam), _np(grad), *outputs, _threads())
    return grad_q, grad_v, grad_lam


def _literal_mix_setup(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    q, v, lam, _ = inputs
    ctx.save_for_backward(q, v, lam)


def _literal_mix_grad(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    return *torch.ops.fop.literal_mix_backward(*ctx.saved_tensors, grad), grad


_define(
    "literal_mix_backward(Tensor q, Tensor v, Tensor lam, Tensor grad) -> (Tensor, Tensor, Tensor)",
    _literal_mix_backward,
    _literal_mix_backward_fake,
)
_call_literal_mix = _define(
    "literal_mix(Tensor q, Tensor v, Tensor lam, Tensor v_tot) -> Tensor",
    _literal_mix,
    _mix_fake,
    _literal_mix_grad,
    _literal_mix_setup,
)


# td_lambda: targets are constants, so it has no gradient


def _td_lambda_fake(
    reward: Tensor, values: Tensor, terminated: Tensor, mask: Tensor, gamma: float, lam: float
) -> Tensor:
    return _empty(reward)


def _td_lambda(
    reward: Tensor, values: Tensor, terminated: Tensor, mask: Tensor, gamma: float, lam: float
) -> Tensor:
    target = _empty(reward)
    inputs = _np(reward), _np(values), _np(terminated), _np(mask)
    kernels.td_lambda(*inputs, gamma, lam, target.numpy(), _threads())
    return target


_define(
    "td_lambda(Tensor reward, Tensor values, Tensor terminated, Tensor mask, float gamma, float lam)"
    " -> Tensor",
    _td_lambda,
    _td_lambda_fake,
)
