"""The speed watch itself: what it must and must not report, on made-up numbers."""

import json
import random

import kernel_cases
import pytest
import regression
import torch

BASELINE = {"soft_value / 3m": 9.0, "td_lambda / MMM2": 150.0}


def test_a_slow_down_by_30_percent_fails():
    measured = {"soft_value / 3m": 9.0 / 1.3, "td_lambda / MMM2": 150.0}
    assert regression.regressions(BASELINE, measured) == {"soft_value / 3m": pytest.approx(0.3)}


def test_noise_and_speed_ups_pass():
    noise = random.Random(0)
    for _ in range(100):
        measured = {name: ratio * noise.uniform(0.85, 1.5) for name, ratio in BASELINE.items()}
        assert regression.regressions(BASELINE, measured) == {}


def test_a_row_that_vanished_fails_and_a_new_one_passes():
    measured = {"soft_value / 3m": 9.0, "replay / 3m": 2.0}
    assert set(regression.regressions(BASELINE, measured)) == {"td_lambda / MMM2"}


def test_measure_sees_the_work():
    pair = regression.Pair("sum", lambda: sum(range(20_000)), lambda: [sum(range(20_000)) for _ in range(8)])
    assert regression.measure(pair, seconds=0.05) > 2


def test_check_fails_on_a_slower_kernel(monkeypatch, tmp_path, capsys):
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps({"reason": "test", "ratios": {"a": 13.0, "b": 10.0}}))
    monkeypatch.setattr(regression, "BASELINE", baseline)
    same = regression.Pair("a", int, int), regression.Pair("b", int, int)
    monkeypatch.setattr(regression, "suites", lambda: same)
    monkeypatch.setattr(regression, "measure", lambda pair: 10.0)
    assert regression.check(regression.TOLERANCE) == 1
    report = capsys.readouterr().out.splitlines()
    assert report[0].endswith("SLOWER")
    assert not report[1].endswith("SLOWER")
    monkeypatch.setattr(regression, "measure", lambda pair: 12.0)
    assert regression.check(regression.TOLERANCE) == 0


def test_the_stored_baseline_covers_every_pair():
    stored = json.loads(regression.BASELINE.read_text())
    assert stored["reason"]
    names = [f"{kernel} / {name}" for name in kernel_cases.SHAPES for kernel in kernel_cases.KERNELS]
    assert set(names) <= set(stored["ratios"])


@pytest.mark.parametrize("kernel", list(kernel_cases.KERNELS))
def test_the_sides_do_the_same_work(kernel):
    batch = kernel_cases.Batch.of((3, 6, 2, 5))
    results = {
        name: kernel_cases.work(kernel, f, batch)() for name, f in kernel_cases.KERNELS[kernel].items()
    }
    for name, result in results.items():
        if kernel == "soft_value":  # a log-policy of an unavailable action is a matter of convention
            available = batch.available
            (v, policy, log_policy, entropy), _ = result
            result = v, policy, log_policy[available], entropy
            expected, _ = results["fop"]
            expected = *expected[:2], expected[2][available], expected[3]
        else:
            expected = results["fop"]
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")
