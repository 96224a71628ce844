"""The kernels' work at the shapes of SMAC batches, done by the native operators and by plain torch.

`eager` fills unavailable actions with -1e10 and takes logsumexp, as code of this field does; torch's CPU
`exp` is some 35 times slower on such numbers. `tuned` is what one writes who knows that: an additive mask and
log_softmax.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
from regression import Pair
from torch import Tensor

from fop_algos import native_ops

# Episodes, steps, agents, actions; the largest map with an eighth of the episodes of a full batch.
SHAPES = {
    "3m": (32, 60, 3, 9),
    "MMM2": (32, 150, 10, 18),
    "2c_vs_64zg": (32, 400, 2, 70),
    "27m_vs_30m": (16, 200, 27, 36),
}
ALPHA = 0.5


@dataclass(frozen=True)
class Batch:
    q: Tensor
    available: Tensor
    grads: tuple[Tensor, ...]
    reward: Tensor
    values: Tensor
    terminated: Tensor
    mask: Tensor

    @staticmethod
    def of(shape: tuple[int, int, int, int]) -> Batch:
        generator = torch.Generator().manual_seed(0)
        b, t = shape[:2]
        available = torch.rand(shape, generator=generator) < 0.6
        available[..., 0] = True
        lengths = torch.randint(t // 2, t + 1, (b, 1), generator=generator)
        return Batch(
            q=torch.randn(shape, generator=generator).requires_grad_(),
            available=available,
            grads=tuple(torch.randn(s, generator=generator) for s in (shape[:3], shape, shape, shape[:3])),
            reward=torch.randn(b, t, generator=generator),
            values=torch.randn(b, t + 1, generator=generator),
            terminated=torch.arange(t) == lengths - 1,
            mask=torch.arange(t) < lengths,
        )


def soft_value_eager(q: Tensor, available: Tensor) -> tuple[Tensor, ...]:
    logits = q.masked_fill(~available, -1e10) / ALPHA
    v = ALPHA * torch.logsumexp(logits, -1)
    policy = torch.softmax(logits, -1)
    log_policy = (logits - (v / ALPHA).unsqueeze(-1)).masked_fill(~available, 0)
    return v, policy, log_policy, -(policy * log_policy).sum(-1)


def soft_value_tuned(q: Tensor, available: Tensor) -> tuple[Tensor, ...]:
    logits = q / ALPHA + (available.to(q.dtype) - 1) * 1e9
    log_policy = logits.log_softmax(-1)
    policy = logits.softmax(-1)
    entropy = -(policy * log_policy).sum(-1)
    return (policy * q).sum(-1) + ALPHA * entropy, policy, log_policy, entropy


def soft_value_fop(q: Tensor, available: Tensor) -> tuple[Tensor, ...]:
    return tuple(native_ops.soft_value(q, available, ALPHA))


def td_lambda_eager(reward: Tensor, values: Tensor, terminated: Tensor, mask: Tensor) -> Tensor:
    targets, after = [], values[:, -1]
    follows = torch.zeros_like(mask[:, 0])
    for t in reversed(range(reward.shape[1])):
        bootstrap = torch.where(follows, 0.2 * values[:, t + 1] + 0.8 * after, values[:, t + 1])
        after = (reward[:, t] + 0.99 * bootstrap * ~terminated[:, t]) * mask[:, t]
        targets.append(after)
        follows = mask[:, t]
    return torch.stack(targets[::-1], 1)


def td_lambda_fop(reward: Tensor, values: Tensor, terminated: Tensor, mask: Tensor) -> Tensor:
    return native_ops.td_lambda(reward, values, terminated, mask, 0.99, 0.8)


SOFT_VALUE = {"fop": soft_value_fop, "eager": soft_value_eager, "tuned": soft_value_tuned}
TD_LAMBDA = {"fop": td_lambda_fop, "eager": td_lambda_eager}
KERNELS = {"soft_value": SOFT_VALUE, "td_lambda": TD_LAMBDA}


def work(kernel: str, function: Callable[..., object], batch: Batch) -> Callable[[], object]:
    """One forward and, where there is one, backward pass; everything asked for is computed and returned."""
    if kernel == "soft_value":
        return partial(_both_ways, function, batch)
    return partial(function, batch.reward, batch.values, batch.terminated, batch.mask)


def _both_ways(function: Callable[..., tuple[Tensor, ...]], batch: Batch) -> object:
    outputs = function(batch.q, batch.available)
    return outputs, torch.autograd.grad(outputs, batch.q, batch.grads)


def pairs() -> Iterable[Pair]:
    torch.set_num_threads(1)
    for name, shape in SHAPES.items():
        batch = Batch.of(shape)
        for kernel, functions in KERNELS.items():
            ours, other = (work(kernel, functions[side], batch) for side in ("fop", "eager"))
            yield Pair(f"{kernel} / {name}", ours, other)
