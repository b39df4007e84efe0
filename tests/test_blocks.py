"""One run on real data, cut into ten stretches: a published example, brute force, properties, coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sandbox.comparison.blocks import block_interval, paired_block_difference, stretch_differences, trend_p
from sandbox.comparison.intervals import mean_interval, paired_difference
from sandbox.errors import SandboxError
from sandbox.table import FloatArray

# Additional hours of sleep with two drugs, ten patients: Student, Biometrika 6, 1908.
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
BINS = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 5)), min_size=20, max_size=80)


def in_bins(levels: list[float]) -> tuple[FloatArray, FloatArray]:
    """Return sums and numbers of two bins for each level, of 3 values each, whose mean is the level."""
    total = np.array([[3 * level + 1.5, 3 * level - 1.5] for level in levels]).ravel()
    return total, np.full(len(total), 3.0)


def series(random: np.random.Generator, keeps: float, n: int = 512) -> FloatArray:
    noise = random.standard_normal(n)
    noise[1:] *= math.sqrt(1.0 - keeps**2)
    for k in range(1, n):
        noise[k] += keeps * noise[k - 1]
    return noise


def test_students_sleep_data() -> None:
    """Mean 1.58 hours, t = 4.0621 with 9 degrees of freedom, p = .00283, interval .70 to 2.46."""
    found = paired_block_difference(*in_bins(SECOND), *in_bins(FIRST))
    assert found.mean == pytest.approx(1.58) and found.n == 10
    assert found.p == pytest.approx(0.00283, abs=5e-6)
    assert (round(found.low, 2), round(found.high, 2)) == (0.70, 2.46)
    assert stretch_differences(*in_bins(SECOND), *in_bins(FIRST)) == pytest.approx(np.subtract(SECOND, FIRST))
    one = block_interval(*in_bins(FIRST))
    assert one.mean == pytest.approx(0.75) and one.high - one.mean == pytest.approx(2.2621572 * 1.789010 / 10**0.5)


def reweighted(total: FloatArray, number: FloatArray, weight: FloatArray) -> float:
    return float((total * weight).sum() / (number * weight).sum())


@settings(max_examples=60, deadline=None)
@given(BINS, st.integers(0, 3))
def test_unequal_bins_against_brute_force(bins: list[tuple[int, int, int]], gaps: int) -> None:
    """The error is that of the means' derivatives by each stretch's weight, taken numerically; gaps do not matter."""
    a, b, number = (np.array(part, dtype=float) for part in zip(*bins, strict=True))
    found = paired_block_difference(a, number, b, number)
    assert found.mean == pytest.approx((a.sum() - b.sum()) / number.sum())
    places = 10 * (np.cumsum(number) - number / 2) // number.sum()
    assert (found.n == 10) == (len(set(places)) == 10)
    assume(found.n == 10)
    pulls = []
    for k in range(10):
        inside = (places == k).astype(float)
        up, down = (reweighted(a - b, number, 1 + step * inside) for step in (1e-5, -1e-5))
        pulls.append((up - down) / 2e-5 * 10)
    error = math.sqrt(sum(pull**2 for pull in pulls) / 90)
    assert found.high - found.mean == pytest.approx(2.2621572 * error, rel=1e-5, abs=1e-7)
    holes = [np.insert(part, gaps, 0.0) for part in (a, number, b, number)]
    assert paired_block_difference(*holes) == pytest.approx(found)


@given(BINS, st.floats(0.01, 100), st.floats(-5, 5))
def test_order_units_and_p(bins: list[tuple[int, int, int]], scale: float, shift: float) -> None:
    a, b, number = (np.array(part, dtype=float) for part in zip(*bins, strict=True))
    found, other = paired_block_difference(a, number, b, number), paired_block_difference(b, number, a, number)
    assert (other.low, other.mean, other.high) == pytest.approx((-found.high, -found.mean, -found.low), nan_ok=True)
    assert math.isnan(found.p) == math.isnan(found.low) == (found.n == 1)
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0) or found.p == pytest.approx(0.05)
    moved = paired_block_difference(scale * (a + shift * number), number, scale * (b + shift * number), number)
    assert moved[:3] == pytest.approx([scale * part for part in found[:3]], abs=1e-9 * scale * 100, nan_ok=True)
    assert block_interval(a - b, number)[:3] == pytest.approx(found[:3], abs=1e-9, nan_ok=True)


def test_coverage_of_what_forgets_within_a_stretch() -> None:
    random, one, three = np.random.default_rng(1), np.ones(512), np.full(512, 3.0)
    for keeps, least in ((0.0, 0.93), (0.5, 0.93), (0.9, 0.90)):
        held = pairs = 0
        for _ in range(600):
            gap = series(random, keeps)
            shared = 10.0 * series(random, 0.9)  # what both see does not count
            found = paired_block_difference(3.0 * (gap + shared), three, shared, one)
            held += found.low <= 0.0 <= found.high
            naive = mean_interval(gap.tolist())
            pairs += naive.low <= 0.0 <= naive.high
        assert least < held / 600 < 0.975
        assert keeps == 0.0 or pairs / 600 < 0.8  # bins taken for independent


def test_early_learning_widens_and_is_told() -> None:
    random, one = np.random.default_rng(2), np.ones(512)
    found = []
    for tau in (1e-9, 100.0):
        early = np.exp(-np.arange(512) / tau)
        gaps = [series(random, 0.5) + early for _ in range(200)]
        pairs = [paired_block_difference(gap, one, 0.0 * one, one) for gap in gaps]
        held = np.mean([low <= early.mean() <= high for _, low, high, _, _ in pairs])
        told = np.mean([trend_p(stretch_differences(gap, one, 0.0 * one, one)) < 0.05 for gap in gaps])
        found.append((float(np.mean([pair.high - pair.low for pair in pairs])), float(held), float(told)))
    steady, learning = found
    assert learning[0] > 1.2 * steady[0] and learning[1] > 0.97 and steady[1] > 0.91
    assert steady[2] < 0.1 and learning[2] > 0.4


def test_trends_by_hand() -> None:
    assert trend_p(np.array([1.0, 2.0, 3.0, 4.0])) == 0.0 and trend_p(np.ones(10)) == 1.0
    assert math.isnan(trend_p(np.array([1.0, 2.0])))
    # r = .6 of five: t = 1.299 with 3 degrees of freedom
    assert trend_p(np.array([1.0, 3.0, 2.0, 5.0, 1.0]) + 0.0) > 0.5
    assert trend_p(np.array([1.0, 4.0, 2.0, 3.0, 5.0])) == pytest.approx(0.1881, abs=5e-4)  # r = .7


def test_runs_that_are_equal_and_steady() -> None:
    total, number = np.arange(40.0), np.ones(40)
    same = paired_block_difference(total, number, total, number)
    assert same == (0.0, 0.0, 0.0, 1.0, 10)
    apart = paired_block_difference(total + 0.1, number, total, number)
    assert apart.mean == pytest.approx(0.1) and apart.low == apart.mean == apart.high and apart.p == 0.0
    assert paired_difference([0.1] * 10, [0.0] * 10).p == apart.p


def test_too_little_of_a_stream_has_no_interval() -> None:
    total, number = np.arange(19.0), np.ones(19)
    found = block_interval(total, number)
    assert (found.mean, found.n) == (9.0, 1) and math.isnan(found.low)
    pair = paired_block_difference(total, number, total, number)
    assert (pair.mean, pair.n) == (0.0, 1) and math.isnan(pair.p) and math.isnan(pair.high)
    assert len(stretch_differences(total, number, total, number)) == 0
    nothing = block_interval(np.zeros(30), np.zeros(30))
    assert math.isnan(nothing.mean) and nothing.n == 0
    total, number = np.ones(40), np.ones(40)
    late = np.where(np.arange(40) < 8, 0.0, 1.0)  # one of the two has no value in the first stretches
    assert math.isnan(paired_block_difference(total, number, late, late).low)
    assert paired_block_difference(total, number, 0 * late, 0 * late).n == 0


def test_bad_input_is_named() -> None:
    with pytest.raises(SandboxError, match="as many"):
        paired_block_difference(np.ones(40), np.ones(40), np.ones(41), np.ones(41))
    with pytest.raises(SandboxError, match="shapes"):
        block_interval(np.ones(40), np.ones(41))
    with pytest.raises(SandboxError, match="not finite"):
        block_interval(np.array([1.0, math.nan]), np.ones(2))
