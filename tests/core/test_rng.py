"""Counter-based random numbers: known answers, independence of what is drawn together, distribution."""

import math

import numpy as np
import pytest
from scipy import stats

from fop_core import _native, rng
from fop_core.rng import Purpose

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_answers(counter, key, expected):
    """kat_vectors of the Random123 distribution, philox4x32 with 10 rounds."""
    assert tuple(_native.philox(counter, key)) == expected


def plain_words(seed: int, purpose: int, episode: int, time: int, n: int) -> list[int]:
    """The documented counter layout, stated in Python: word `i` is word `i % 4` of block `i // 4`."""

    def philox(c, k):
        for _ in range(10):
            low, high = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = ((high >> 32) ^ c[1] ^ k[0], high & ONES, (low >> 32) ^ c[3] ^ k[1], low & ONES)
            k = ((k[0] + 0x9E3779B9) & ONES, (k[1] + 0xBB67AE85) & ONES)
        return c

    key = (seed & ONES, seed >> 32)
    return [philox((i // 4, time, episode, purpose), key)[i % 4] for i in range(n)]


def test_rows_follow_the_documented_layout():
    seed, episodes, times, n = 2**40 + 5, [0, 9, ONES], [3, 0, ONES], 11
    bound = np.arange(1, 3 * n + 1).reshape(3, n)
    drawn = rng.uniform(seed, Purpose.GAME, episodes, times, n)
    integers = rng.below(seed, Purpose.GAME, episodes, times, n, bound)
    wide = rng.uniform64(seed, Purpose.GAME, episodes, times, n)
    bells = rng.normal(seed, Purpose.GAME, episodes, times, n)
    assert [a.dtype for a in (drawn, integers, wide, bells)] == ["float32", "int64", "float64", "float32"]
    for e in range(3):
        words = plain_words(seed, Purpose.GAME, episodes[e], times[e], 2 * n + 4)
        doubles = [(words[2 * i] << 21 | words[2 * i + 1] >> 11) / 2**53 for i in range(n + 1)]
        assert drawn[e].tolist() == [(w >> 8) / 2**24 for w in words[:n]]
        assert integers[e].tolist() == [(w * int(b)) >> 32 for w, b in zip(words, bound[e], strict=False)]
        assert wide[e].tolist() == doubles[:n]
        for i in range(n):
            radius = math.sqrt(-2 * math.log(1 - doubles[i - i % 2]))
            angle = 2 * math.pi * doubles[i - i % 2 + 1]
            assert bells[e, i] == pytest.approx(radius * (math.sin if i % 2 else math.cos)(angle), rel=1e-6)


@pytest.mark.parametrize("draw", [rng.uniform, rng.uniform64, rng.normal])
def test_a_row_does_not_depend_on_its_companions_or_on_n(draw):
    together = draw(3, Purpose.ACTION_NOISE, [5, 1, 8, 1], [0, 2, 2, 3], 9)
    for e, (episode, time) in enumerate([(5, 0), (1, 2), (8, 2), (1, 3)]):
        alone = draw(3, Purpose.ACTION_NOISE, [episode], [time], 4)
        np.testing.assert_array_equal(alone[0], together[e, :4])
    one_time = draw(3, Purpose.GAME, [1, 2], 7, 3)
    np.testing.assert_array_equal(one_time, draw(3, Purpose.GAME, [1, 2], [7, 7], 3))


def test_purposes_agree_with_the_native_enumeration():
    assert {p.name: p.value for p in Purpose} == _native.PURPOSES


def test_streams_differ_by_seed_purpose_episode_and_time():
    rows = [
        rng.uniform(seed, purpose, [episode], [time], 8).tobytes()
        for seed in (0, 1, 2**32)
        for purpose in Purpose
        for episode in (0, 1)
        for time in (0, 1)
    ]
    assert len(set(rows)) == len(rows)


def test_uniform_passes_a_chi_square_over_cells_pairs_and_neighbouring_episodes():
    x = rng.uniform(0, Purpose.ACTION_NOISE, np.arange(1000), 0, 100)
    cells = np.bincount((x * 64).astype(int).ravel(), minlength=64)
    assert stats.chisquare(cells).pvalue > 1e-4
    along = np.bincount(((x[:, :-1] * 8).astype(int) * 8 + (x[:, 1:] * 8).astype(int)).ravel(), minlength=64)
    assert stats.chisquare(along).pvalue > 1e-4
    across = np.bincount(((x[:-1] * 8).astype(int) * 8 + (x[1:] * 8).astype(int)).ravel(), minlength=64)
    assert stats.chisquare(across).pvalue > 1e-4


def test_below_is_uniform_and_stays_below():
    drawn = rng.below(4, Purpose.RANDOM_POLICY, np.arange(500), 1, 60, 7)
    assert drawn.min() == 0
    assert drawn.max() == 6
    assert stats.chisquare(np.bincount(drawn.ravel())).pvalue > 1e-4
    assert not rng.below(4, Purpose.RANDOM_POLICY, [0], 0, 50, 1).any()


def test_normal_is_standard_normal():
    x = rng.normal(2, Purpose.ACTION_NOISE, np.arange(400), 0, 50)
    assert stats.kstest(x.ravel(), "norm").pvalue > 1e-4
    assert abs(np.corrcoef(x[:, 0], x[:, 1])[0, 1]) < 0.2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, [0], [0], 1), "seed is -1"),
        ((2**64, [0], [0], 1), "seed is 18446744073709551616"),
        ((0, [-1], [0], 1), "episodes holds -1"),
        ((0, [0], [2**32], 1), "times holds 4294967296"),
        ((0, [0.5], [0], 1), "episodes has dtype float64"),
        ((0, [[0]], [0], 1), "episodes has shape"),
        ((0, [0, 1], [0, 1, 2], 1), "times has shape"),
        ((0, [0], [0], -1), "n is -1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    seed, episodes, times, n = arguments
    with pytest.raises(ValueError, match=message):
        rng.uniform(seed, Purpose.GAME, episodes, times, n)


def test_below_refuses_a_bound_of_zero():
    with pytest.raises(ValueError, match="bound holds 0 to 3"):
        rng.below(0, Purpose.GAME, [0], 0, 2, [3, 0])


def test_no_rows_and_no_numbers_are_fine():
    assert rng.uniform(0, Purpose.GAME, [], [], 3).shape == (0, 3)
    assert rng.normal(0, Purpose.GAME, [1], 0, 0).shape == (1, 0)
