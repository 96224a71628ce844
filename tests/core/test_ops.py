"""The kernels against plain statements of their maths in float64, on every instruction set at hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fop_core import _native, ops

PATHS = ["plain", "avx2", "avx512"][: ["plain", "avx2", "avx512"].index(_native.best_simd()) + 1]
# Widths around every register width, and those of the maps 3m, MMM2, 27m_vs_30m and 2c_vs_64zg.
WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 18, 31, 32, 33, 36, 70]


@pytest.fixture(params=PATHS)
def path(request):
    ops.set_simd(request.param)
    yield request.param
    ops.set_simd("auto")


def soft_value_oracle(q, available, alpha):
    """Row by row, in float64."""
    v, policy, log_policy, entropy = np.zeros(len(q)), np.zeros(q.shape), np.zeros(q.shape), np.zeros(len(q))
    for row, (values, usable) in enumerate(zip(q.astype(np.float64), available, strict=True)):
        if not usable.any():
            continue
        z = (values[usable] - values[usable].max()) / float(alpha[row])
        log_sum = math.log(math.fsum(np.exp(z)))
        log = z - log_sum
        v[row] = values[usable].max() + float(alpha[row]) * log_sum
        policy[row, usable], log_policy[row, usable] = np.exp(log), log
        entropy[row] = -math.fsum(np.exp(log) * log)
    return v, policy, log_policy, entropy


def soft_value_gradient_oracle(q, available, alpha, grads):
    """Through the Jacobian of each output, written out."""
    _, policy, log_policy, entropy = soft_value_oracle(q, available, alpha)
    grad_v, grad_policy, grad_log, grad_entropy = grads
    result = np.zeros(q.shape)
    for row, usable in enumerate(available):
        p, n = policy[row, usable], int(usable.sum())
        d_log = (np.eye(n) - p) / float(alpha[row])  # [b, a]: d log_policy_b / d q_a
        d_policy = p[:, None] * d_log
        d_entropy = -p * (log_policy[row, usable] + entropy[row]) / float(alpha[row])
        result[row, usable] = (
            grad_v[row] * p
            + grad_policy[row, usable] @ d_policy
            + grad_log[row, usable] @ d_log
            + grad_entropy[row] * d_entropy
        )
    return result


def rows(actions, dtype, n=37, seed=0, scale=3.0, share=0.6):
    rng = np.random.default_rng(seed)
    q = (rng.normal(size=(n, actions)) * scale).astype(dtype)
    available = rng.random((n, actions)) < share
    available[3] = False
    return q, available, rng.uniform(0.2, 2.0, n).astype(dtype), rng


def backward(value, available, alpha, grads):
    grad_q = np.empty_like(value.policy)
    _native.soft_value_backward(
        value.policy, value.log_policy, value.entropy, available, alpha, *grads, grad_q, 1
    )
    return grad_q


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 3e-6), (np.float64, 1e-13)])
@pytest.mark.parametrize("actions", WIDTHS)
def test_soft_value_agrees_with_the_oracle(path, actions, dtype, tolerance):
    q, available, alpha, rng = rows(actions, dtype)
    value = ops.soft_value(q, available, alpha)
    for got, expected in zip(value, soft_value_oracle(q, available, alpha), strict=True):
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
    grads = [rng.normal(size=x.shape).astype(dtype) for x in value]
    expected = soft_value_gradient_oracle(q, available, alpha, grads)
    scale = np.abs(expected).max() + 1
    np.testing.assert_allclose(
        backward(value, available, alpha, grads), expected, atol=10 * tolerance * scale
    )


@pytest.mark.parametrize("which", list(itertools.product([True, False], repeat=4)))
def test_each_gradient_may_be_absent(path, which):
    q, available, alpha, rng = rows(9, np.float64)
    value = ops.soft_value(q, available, alpha)
    grads = [rng.normal(size=x.shape) for x in value]
    expected = soft_value_gradient_oracle(
        q, available, alpha, [g * use for g, use in zip(grads, which, strict=True)]
    )
    given_grads = [g if use else None for g, use in zip(grads, which, strict=True)]
    np.testing.assert_allclose(backward(value, available, alpha, given_grads), expected, atol=1e-12)


def test_soft_value_by_hand(path):
    # Two actions, alpha 2, q = (0, 2 log 3): exp(q / alpha) = (1, 3), so v = 2 log 4 and policy (1/4, 3/4).
    value = ops.soft_value(np.array([0.0, 2 * math.log(3), 50.0]), np.array([True, True, False]), 2.0)
    assert value.v == pytest.approx(2 * math.log(4), rel=1e-14)
    np.testing.assert_allclose(value.policy, [0.25, 0.75, 0.0], rtol=1e-14)
    np.testing.assert_allclose(value.log_policy, [math.log(0.25), math.log(0.75), 0.0], rtol=1e-14)
    assert value.entropy == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75), rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("actions", [3, 9, 18, 70])
def test_rows_without_available_actions_are_zero(path, actions, dtype):
    q = np.full((21, actions), np.nan, dtype)
    available = np.zeros((21, actions), bool)
    value = ops.soft_value(q, available, 0.5)
    grads = [np.full(x.shape, np.nan, dtype) for x in value[1:3]]
    ones = np.ones(21, dtype)
    grad = backward(value, available, np.array(0.5, dtype), [ones, *grads, ones])
    for result in (*value, grad):
        assert np.array_equal(result, np.zeros_like(result))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_stays_where_it_is(path, dtype):
    q, available, alpha, _ = rows(18, dtype)
    available[:, 0] = True
    clean = ops.soft_value(np.where(available, q, 0).astype(dtype), available, alpha)
    dirty = ops.soft_value(np.where(available, q, np.nan).astype(dtype), available, alpha)
    for a, b in zip(clean, dirty, strict=True):
        assert np.array_equal(a, b), "an unavailable q is never read"
    q[5, 0] = np.nan
    spoilt = ops.soft_value(q, available, alpha)
    assert np.isnan(spoilt.v[5]), "a NaN that is used is never hidden"
    assert np.isnan(spoilt.entropy[5])
    assert np.isnan(spoilt.policy[5][available[5]]).all()
    assert np.isfinite(np.delete(spoilt.policy, 5, axis=0)).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    actions=st.sampled_from([1, 5, 9, 18, 70]),
    scale=st.sampled_from([1e-3, 1.0, 100.0, 1e4]),
    alpha=st.sampled_from([1e-3, 0.05, 1.0, 100.0]),
    double=st.booleans(),
    path_index=st.integers(0, len(PATHS) - 1),
)
def test_extremes_stay_finite_and_consistent(seed, actions, scale, alpha, double, path_index):
    rng = np.random.default_rng(seed)
    dtype, eps = (np.float64, 2e-16) if double else (np.float32, 1.2e-7)
    q = (rng.uniform(-1, 1, (20, actions)) * scale).astype(dtype)
    available = rng.random((20, actions)) < 0.6
    ops.set_simd(PATHS[path_index])
    try:
        value = ops.soft_value(q, available, alpha)
    finally:
        ops.set_simd("auto")
    assert all(np.isfinite(x).all() for x in value)
    some = available.any(-1)
    highest = np.where(available, q, -np.inf).max(-1)[some].astype(np.float64)
    # max q <= v <= max q + alpha log A
    slack = 8 * eps * (np.abs(highest) + alpha * math.log(actions + 1))
    assert (value.v[some] >= highest - slack).all()
    assert (value.v[some] <= highest + alpha * math.log(actions) + slack).all()
    np.testing.assert_allclose(value.policy.astype(np.float64).sum(-1)[some], 1, atol=1e3 * eps)
    assert (value.entropy >= -1e2 * eps).all()
    assert (value.entropy <= math.log(actions) + 1e2 * eps).all()
    assert (value.policy[~available] == 0).all()
    assert (value.log_policy <= 0).all()


def test_paths_agree_where_policies_vanish():
    q = np.zeros((40, 4))
    q[:, 1] = -np.arange(600, 760, 4)
    for dtype, scale in ((np.float64, 1.0), (np.float32, 0.1)):
        results = []
        for name in PATHS:
            ops.set_simd(name)
            results.append(ops.soft_value((q * scale).astype(dtype), None, 1.0))
        ops.set_simd("auto")
        for other in results[1:]:
            assert np.array_equal(results[0].policy == 0, other.policy == 0)
            np.testing.assert_allclose(results[0].policy, other.policy, rtol=1e-5)
            np.testing.assert_allclose(results[0].log_policy, other.log_policy, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("actions", [9, 70])
def test_the_number_of_threads_changes_no_bit(path, actions, dtype):
    # Large enough that three threads really start, on rows that do not divide evenly.
    n = 40_003 if actions == 9 else 6_001
    q, available, alpha, _ = rows(actions, dtype, n=n)
    alone = ops.soft_value(q, available, alpha, threads=1)
    for threads in (2, 3):
        for a, b in zip(alone, ops.soft_value(q, available, alpha, threads=threads), strict=True):
            assert np.array_equal(a, b)


def test_igo_identity():
    # Equation (15) with lambda_i = alpha / alpha_i: softmax(q_tot / alpha) is the product of the agents'
    # policies, and v_tot is its log-partition.
    rng = np.random.default_rng(1)
    alpha, alphas, agents, actions = 0.7, np.array([0.7, 0.3, 1.4]), 3, 4
    q, v_tot = rng.normal(size=(agents, actions)), np.array(1.3)
    value = ops.soft_value(q, None, alphas)
    joint = list(itertools.product(range(actions), repeat=agents))
    chosen = np.array([[q[i, u] for i, u in enumerate(us)] for us in joint])
    shape = chosen.shape
    q_tot = ops.literal_mix(
        chosen,
        np.broadcast_to(value.v, shape),
        np.broadcast_to(alpha / alphas, shape),
        np.broadcast_to(v_tot, shape[:1]),
    )
    total = ops.soft_value(q_tot, None, alpha)
    assert total.v == pytest.approx(float(v_tot), abs=1e-12)
    product = [math.prod(value.policy[i, u] for i, u in enumerate(us)) for us in joint]
    np.testing.assert_allclose(total.policy, product, rtol=1e-10)


def test_mixes_by_hand():
    q, v, lam = np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]]), np.array([[0.5, 2.0]])
    # literal: 0.5 (1 - 3) + 2 (2 - 5) + 10 = 3; routed: 1 + 2 + 10 + (-0.5)(-2) + 1 (-3) = 11 = 3 + sum v
    assert ops.literal_mix(q, v, lam, np.array([10.0])) == pytest.approx([3.0])
    assert ops.routed_mix(q, v, lam, np.array([10.0])) == pytest.approx([11.0])


def td_lambda_oracle(reward, values, terminated, mask, gamma, lam):
    """Forward view: the lambda-weighted mean of n-step returns of each episode at its own length."""
    target = np.zeros(reward.shape)
    for b in range(len(reward)):
        length = int(mask[b].sum())
        ends = bool(length and terminated[b, length - 1])
        for t in range(length):
            n_step = []
            for n in range(1, length - t + 1):
                tail = 0.0 if ends and t + n == length else gamma**n * values[b, t + n]
                n_step.append(sum(gamma**k * reward[b, t + k] for k in range(n)) + tail)
            weights = [(1 - lam) * lam ** (n - 1) for n in range(1, len(n_step))] + [lam ** (len(n_step) - 1)]
            target[b, t] = math.fsum(w * g for w, g in zip(weights, n_step, strict=True))
    return target


def episodes(seed, n=6, steps=7):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, steps + 1, n)
    lengths[0] = steps
    mask = np.arange(steps) < lengths[:, None]
    terminated = np.zeros((n, steps), bool)
    for b, length in enumerate(lengths):
        if length and b % 2:
            terminated[b, length - 1] = True
    reward = np.where(mask, rng.normal(size=(n, steps)), np.nan)
    values = np.full((n, steps + 1), np.nan)
    for b, length in enumerate(lengths):
        values[b, : length + (not b % 2)] = rng.normal(size=length + (not b % 2))
    return reward, values, terminated, mask


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    gamma=st.sampled_from([0.0, 0.9, 1.0]),
    lam=st.sampled_from([0.0, 0.3, 0.8, 1.0]),
)
def test_td_lambda_agrees_with_the_forward_view(seed, gamma, lam):
    # NaN fills everything that must not be read: padding, and the value after a terminated episode.
    batch = episodes(seed)
    expected = td_lambda_oracle(*batch, gamma, lam)
    np.testing.assert_allclose(ops.td_lambda(*batch, gamma, lam), expected, atol=1e-12)
    single = [x.astype(np.float32) if x.dtype == np.float64 else x for x in batch]
    np.testing.assert_allclose(ops.td_lambda(*single, gamma, lam), expected, atol=1e-4)


def test_td_lambda_by_hand():
    # Three steps, gamma 1/2, lambda 1/2, rewards 1, values 8 throughout; first cut off, then terminated,
    # then cut off after one step.
    reward, values = np.ones((3, 3)), np.full((3, 4), 8.0)
    mask = np.array([[1, 1, 1], [1, 1, 1], [1, 0, 0]], bool)
    terminated = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 0]], bool)
    # cut off: G_2 = 1 + 8/2 = 5; G_1 = 1 + (4 + 2.5)/2 = 4.25; G_0 = 1 + (4 + 2.125)/2 = 4.0625
    # terminated: G_2 = 1; G_1 = 1 + (4 + 0.5)/2 = 3.25; G_0 = 1 + (4 + 1.625)/2 = 3.8125
    expected = [[4.0625, 4.25, 5], [3.8125, 3.25, 1], [5, 0, 0]]
    assert ops.td_lambda(reward, values, terminated, mask, 0.5, 0.5).tolist() == expected


def test_simd_can_be_forced():
    for name in PATHS:
        ops.set_simd(name)
        assert ops.simd() == name
    ops.set_simd("auto")
    assert ops.simd() == PATHS[-1]
    with pytest.raises(ValueError, match="'sse9', must be auto, plain, avx2 or avx512"):
        ops.set_simd("sse9")
    for missing in {"avx2", "avx512"} - set(PATHS):
        with pytest.raises(ValueError, match=f"no {missing}, its best is {PATHS[-1]}"):
            ops.set_simd(missing)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"available": np.ones((2, 4), bool)}, r"available: shape \(2, 4\), expected \(2, 3\)"),
        ({"available": np.ones((2, 3))}, "available: dtype float64, expected bool"),
        ({"alpha": np.ones(3)}, r"alpha: shape \(3,\), expected \(2,\)"),
        ({"alpha": 0.0}, "alpha: 0.0+, must be finite and above 0"),
        ({"alpha": np.array([1.0, np.nan])}, "alpha: nan, must be finite and above 0"),
        ({"q": np.ones((2, 3), np.int64)}, "q: dtype int64, expected float32 or float64"),
        ({"q": np.array(1.0)}, r"q: shape \(\) has too few dimensions"),
        ({"threads": 0}, "threads: 0, must be at least 1"),
    ],
)
def test_bad_arguments_are_named(change, message):
    good = {"q": np.ones((2, 3)), "available": None, "alpha": 1.0, "threads": 1}
    with pytest.raises(ValueError, match=message):
        ops.soft_value(**(good | change))


def test_other_functions_name_bad_arguments_too():
    one = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"lam: shape \(3, 2\), expected \(2, 3\)"):
        ops.routed_mix(one, one, one.T, np.ones(2))
    with pytest.raises(ValueError, match=r"v_state: shape \(3,\), expected \(2,\)"):
        ops.routed_mix(one, one, one, np.ones(3))
    with pytest.raises(ValueError, match="v_tot: dtype float32, expected float64"):
        ops.literal_mix(one, one, one, np.ones(2, np.float32))
    flags = np.ones((2, 3), bool)
    with pytest.raises(ValueError, match=r"values: shape \(2, 3\), expected \(2, 4\)"):
        ops.td_lambda(one, one, flags, flags, 0.9, 0.8)
    with pytest.raises(ValueError, match=r"gamma: 1\.5.*must lie in \[0, 1\]"):
        ops.td_lambda(one, np.ones((2, 4)), flags, flags, 1.5, 0.8)


def test_empty_arrays_and_views():
    assert ops.soft_value(np.ones((0, 4)), None, 1.0).policy.shape == (0, 4)
    assert ops.soft_value(np.ones((2, 0)), None, 1.0).v.tolist() == [0, 0]
    assert ops.routed_mix(*[np.ones((2, 0))] * 3, np.arange(2.0)).tolist() == [0, 1]
    q = np.random.default_rng(0).normal(size=(4, 6))
    view = ops.soft_value(q[:, ::2], None, 1.0)
    assert np.array_equal(view.v, ops.soft_value(q[:, ::2].copy(), None, 1.0).v)
