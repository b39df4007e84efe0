"""Bands on curves: published shares, brute force, properties, and how often they hold the whole curve."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from sandbox.comparison.bands import (
    Band,
    difference_band,
    mean_of,
    simultaneous_band,
    tolerance_band,
    tolerance_content,
)
from sandbox.errors import SandboxError
from sandbox.table import FloatArray


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def curves(random: np.random.Generator, n: int, points: int = 100, keeps: float = 0.9) -> FloatArray:
    """Return n stationary Gaussian AR(1) curves of mean 0 and variance 1."""
    noise = random.standard_normal((n, points))
    noise[:, 1:] *= math.sqrt(1.0 - keeps**2)
    for k in range(1, points):
        noise[:, k] += keeps * noise[:, k - 1]
    return noise


def skewed(random: np.random.Generator, n: int) -> FloatArray:
    """Return n curves of chi-square(4) values less their mean 4, of skewness 1.4, as persistent as AR(.9)."""
    return np.asarray(special.chdtri(4, 1.0 - special.ndtr(curves(random, n))) - 4.0)


def holds(band: Band, truth: float = 0.0) -> bool:
    return bool(((band.low <= truth) & (truth <= band.high)).all())


def pointwise_holds(values: FloatArray) -> bool:
    n = len(values)
    half = special.stdtrit(n - 1, 0.975) * values.std(axis=0, ddof=1) / math.sqrt(n)
    return bool((np.abs(values.mean(axis=0)) <= half).all())


@pytest.mark.parametrize(("n", "trials"), [(5, 800), (10, 500), (20, 100)])
def test_the_band_holds_the_whole_curve_where_pointwise_bands_do_not(n: int, trials: int) -> None:
    random, flips = rng(n), rng(1)
    drawn = [curves(random, n) for _ in range(trials)]
    share = sum(holds(simultaneous_band(x, flips)) for x in drawn) / trials
    three = 3.0 * math.sqrt(0.95 * 0.05 / trials)
    assert 0.95 - three < share < 0.95 + three + 0.015 * (n == 5)
    assert sum(pointwise_holds(x) for x in drawn) / trials < 0.3


def test_skewed_noise_is_covered_too() -> None:
    """Flips of signs alone, without the transformation, hold 78 % of these."""
    random, flips = rng(3), rng(1)
    assert sum(holds(simultaneous_band(skewed(random, 10), flips)) for _ in range(400)) / 400 > 0.915


def test_it_finds_a_difference_of_one_and_where_it_is() -> None:
    random, found = rng(5), 0
    for _ in range(25):
        a, b = curves(random, 12), curves(random, 12)
        b[:, 50:] += 2.0
        side = difference_band(a, b, rng(1)).side()
        assert (side[:40] == 0).all() or (side[:40] != 0).sum() < 40
        found += bool((side[50:] == -1).any())
    assert found >= 23


def test_pairs_make_the_band_of_their_difference() -> None:
    random = rng(6)
    shared = 10.0 * curves(random, 12)
    a, b = shared + curves(random, 12) + 1.5, shared + curves(random, 12)
    band = difference_band(a, b, rng(1))
    one = simultaneous_band(a - b, rng(1))
    assert np.array_equal(band.low, one.low) and np.array_equal(band.high, one.high) and band.n == 12
    assert (band.side() == 1).any()  # which the spread of the two alone would hide
    assert not (simultaneous_band(a, rng(1)).low > 10.0).any()
    with pytest.raises(SandboxError, match="pair by seed"):
        difference_band(a, b[:5], rng(1))


@settings(max_examples=30, deadline=None)
@given(st.integers(6, 8), st.integers(1, 12), st.integers(0, 2**32))
def test_against_all_flips_by_hand(n: int, points: int, seed: int) -> None:
    """The transformed deviation of the mean reaches to the 95th percentile of the largest over all flips."""
    values = rng(seed).standard_normal((n, points)) + np.arange(points)
    band = simultaneous_band(values, rng(0))
    near = max(1, round(0.1 * points))

    def transformed(x: FloatArray, off: FloatArray) -> FloatArray:
        t = off / (x.std(axis=0, ddof=1) / math.sqrt(n))
        skewness = stats.skew(x, axis=0)
        local = [skewness[max(0, k - near) : k + near + 1].mean() for k in range(points)]
        g = np.clip(local, -0.055 * 3 * n**0.5, 0.055 * 3 * n**0.5)
        return np.asarray(t + g * t**2 / 3 / n**0.5 + g**2 * t**3 / 27 / n + g / 6 / n**0.5)

    off = values - values.mean(axis=0)
    flips = [np.array(signs)[:, None] * off for signs in product([1.0, -1.0], repeat=n)]
    largest = [np.abs(transformed(x, x.mean(axis=0))).max() for x in flips]
    bound = np.quantile(largest, 0.95, method="higher")
    for edge, sign in ((band.low, 1.0), (band.high, -1.0)):
        assert transformed(values, values.mean(axis=0) - edge) == pytest.approx(np.full(points, sign * bound))


def test_where_all_agree_the_band_has_no_width_and_harms_no_other_point() -> None:
    values = curves(rng(1), 10)
    with_start = np.concatenate([np.full((10, 20), 0.1), values], axis=1)
    band, plain = simultaneous_band(with_start, rng(2)), simultaneous_band(values, rng(2))
    assert band.low[:20] == pytest.approx(np.full(20, 0.1), rel=1e-12) and np.array_equal(band.low[:20], band.high[:20])
    assert np.array_equal(band.low[20:], plain.low) and np.array_equal(band.high[20:], plain.high)
    flat = simultaneous_band(np.ones((10, 5)), rng(2))
    assert flat.low.tolist() == flat.high.tolist() == flat.mean.tolist() == [1.0] * 5
    one_differs = np.zeros((10, 3))
    one_differs[4] = 1.0
    band = simultaneous_band(one_differs, rng(2))
    assert np.isfinite(band.low).all() and np.isfinite(band.high).all() and (band.low < 0.1).all()
    halves = simultaneous_band(np.repeat([[0.0], [1.0]], 5, axis=0), rng(2))  # flips may make them all alike
    assert 0.5 - halves.low[0] == pytest.approx(halves.high[0] - 0.5) and halves.high[0] < 2.0


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 14), st.integers(0, 2**32), st.floats(1e-200, 1e150), st.floats(-1e3, 1e3))
def test_units_do_not_matter(n: int, seed: int, scale: float, shift: float) -> None:
    values = rng(seed).standard_normal((n, 7))
    one, other = simultaneous_band(values, rng(1)), simultaneous_band((values + shift) * scale, rng(1))
    assert (one.low < one.mean).all() and (one.mean < one.high).all()
    for mine, theirs in zip(one[:3], other[:3], strict=True):
        assert theirs / scale - shift == pytest.approx(mine, rel=1e-6, abs=1e-9 * (1 + abs(shift)))


def test_few_seeds() -> None:
    values = curves(rng(1), 4)
    band = simultaneous_band(values, rng(2))
    half = special.stdtrit(3, 1 - 0.025 / 100) * stats.sem(values, axis=0)
    assert band.high - band.mean == pytest.approx(half) and band.mean - band.low == pytest.approx(half)
    more = curves(rng(1), 5)
    band, alone = simultaneous_band(more, rng(2)), simultaneous_band(more[:4], rng(2))
    half = special.stdtrit(4, 1 - 0.025 / 100) * stats.sem(more, axis=0)
    assert (band.high - band.mean >= half - 1e-12).all() and (band.mean - band.low > half + 0.1).any()
    assert alone.high - alone.mean == pytest.approx(alone.mean - alone.low)  # signs of four say nothing of skewness
    single = simultaneous_band(values[:1], rng(2))
    assert np.array_equal(single.mean, values[0]) and np.isnan(single.low).all() and np.isnan(single.high).all()
    assert single.n == 1 and (single.side() == 0).all()
    empty = simultaneous_band(np.empty((0, 4)), rng(2))
    assert empty.n == 0 and np.isnan(empty.mean).all()


def test_points_that_too_few_seeds_reach() -> None:
    values = curves(rng(1), 12, points=6)
    values[6:, 4] = values[7:, 3] = values[4:, 5] = np.nan
    band = simultaneous_band(values, rng(2))
    assert np.isnan(band.mean).tolist() == np.isnan(band.low).tolist() == [False] * 5 + [True]
    assert band.mean[3] == pytest.approx(values[:7, 3].mean()) and band.n == 12
    fewer = simultaneous_band(values[:6, 3:], rng(2))  # 6, 6 and 4 seeds: a mean from 4, but no band
    assert np.isfinite(fewer.low).tolist() == [True, True, False] and np.isfinite(fewer.mean).all()
    assert mean_of(np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 5.0]])).tolist()[0] == 2.0


def test_same_data_same_band_and_level() -> None:
    values = curves(rng(1), 30)
    one, again = simultaneous_band(values, rng(4)), simultaneous_band(values, rng(4))
    assert np.array_equal(one.low, again.low) and np.array_equal(one.high, again.high)
    wide, narrow = simultaneous_band(values, rng(4), level=0.99), simultaneous_band(values, rng(4), level=0.8)
    assert (wide.low < one.low).all() and (one.low < narrow.low).all() and (narrow.high < wide.high).all()


def test_bad_input_is_named() -> None:
    with pytest.raises(SandboxError, match="one row for each seed"):
        simultaneous_band(np.ones(4), rng())
    with pytest.raises(SandboxError, match="level=1"):
        simultaneous_band(np.ones((4, 4)), rng(), level=1.0)
    with pytest.raises(SandboxError, match="infinite"):
        simultaneous_band(np.array([[1.0, np.inf], [1.0, 2.0]]), rng())
    with pytest.raises(SandboxError, match="confidence=0"):
        tolerance_content(10, 0.0)


@pytest.mark.parametrize(("n", "content"), [(38, 0.88), (46, 0.90), (93, 0.95), (473, 0.99)])
def test_published_numbers_of_runs(n: int, content: float) -> None:
    """Two-sided: 46, 93, 473 runs for .90, .95, .99 with confidence .95 (tables after Wilks 1941)."""
    if n > 40:
        assert tolerance_content(n - 1) < content <= tolerance_content(n)
    assert 1 - n * content ** (n - 1) + (n - 1) * content**n == pytest.approx(0.95, abs=0.01)
    assert tolerance_content(10) == pytest.approx(0.6058, abs=1e-4)


@given(st.integers(2, 60), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_share_solves_the_equation_of_wilks(n: int, confidence: float) -> None:
    p = Fraction(tolerance_content(n, confidence))
    assert float(n * p ** (n - 1) - (n - 1) * p**n) == pytest.approx(1 - confidence, abs=1e-12)
    assert tolerance_content(n + 1, confidence) > p and tolerance_content(1, confidence) == 0.0


def test_the_range_of_runs_holds_what_it_says() -> None:
    low, high = np.sort(rng(1).random((20_000, 10)), axis=1)[:, [0, -1]].T
    assert (high - low >= tolerance_content(10)).mean() == pytest.approx(0.95, abs=0.006)
    values = np.array([[1.0, 5.0, 1.0], [2.0, np.nan, np.nan], [4.0, 3.0, np.nan]])
    band = tolerance_band(values)
    assert band.low[:2].tolist() == [1.0, 3.0] and band.high[:2].tolist() == [4.0, 5.0] and np.isnan(band.low[2])
    assert band.content == tolerance_content(2)
