"""Median and interquartile mean: published tables, brute force on small cases, properties."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from sandbox.comparison.centres import Estimate, iqm_interval, iqms, median_interval, medians

NAN, INF = math.nan, math.inf
SCORES = st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=0, max_size=30)
WHOLE = st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=30)
BOTH = pytest.mark.parametrize("interval", [median_interval, iqm_interval])
Interval = Callable[[list[float]], Estimate]


def student(values: list[float]) -> tuple[float, float]:
    return stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))


@pytest.mark.parametrize(
    ("n", "rank", "within", "inside"),
    [(6, 1, 0.969, 0.781), (10, 2, 0.979, 0.891), (15, 4, 0.965, 0.882), (20, 6, 0.959, 0.885)],
)
def test_between_the_tabulated_order_statistics(n: int, rank: int, within: float, inside: float) -> None:
    """Tables of the sign test give the confidences; Hettmansperger and Sheather's formula interpolates them."""
    share = (within - 0.95) / (within - inside)
    inner = (n - rank) * share / (rank + (n - 2 * rank) * share)
    found = median_interval([float(k) for k in range(1, n + 1)])
    assert found == (
        (n + 1) / 2,
        pytest.approx(rank + inner, abs=0.02),
        pytest.approx(n + 1 - rank - inner, abs=0.02),
        n,
    )


@pytest.mark.parametrize("n", [6, 7, 8, 11, 30, 60])
def test_median_by_counting(n: int) -> None:
    values = np.sort(np.random.default_rng(n).normal(size=n)).tolist()

    def within(k: int) -> Fraction:
        return 1 - 2 * Fraction(sum(math.comb(n, j) for j in range(k)), 2**n)

    d = max(k for k in range(1, n // 2 + 1) if within(k) >= Fraction(19, 20))
    share = (within(d) - Fraction(19, 20)) / (within(d) - within(d + 1))
    inner = float((n - d) * share / (d + (n - 2 * d) * share))
    found = median_interval(values)
    assert found.value == pytest.approx(np.median(values))
    assert found.low == pytest.approx(values[d - 1] + inner * (values[d] - values[d - 1]))
    assert found.high == pytest.approx(values[n - d] - inner * (values[n - d] - values[n - d - 1]))


@BOTH
@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_few_runs_have_the_wider_of_range_and_student(interval: Interval, n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(5):
        values = rng.lognormal(size=n).tolist()
        low, high = student(values)
        found = interval(values)
        assert found.low == pytest.approx(min(low, *values)) and found.high == pytest.approx(max(high, *values))


@pytest.mark.parametrize(
    ("values", "wanted"),
    [([1, 2], 1.5), ([0, 3, 9], 3.5), ([1, 2, 3, 40], 2.5), ([1, 2, 3, 4, 5], 3.0), ([0, 0, 0, 8, 8, 9], 4.0)],
)
def test_outermost_runs_count_partly(values: list[float], wanted: float) -> None:
    """A sixth, two thirds, a sixth of three; three quarters of the second of five."""
    assert iqm_interval([float(v) for v in values]).value == pytest.approx(wanted)


@given(WHOLE)
def test_the_middle_half_of_four_copies(values: list[float]) -> None:
    """Four copies of each run can be cut at the quartiles exactly."""
    four = np.repeat(np.sort(values), 4)
    assert iqm_interval(values).value == pytest.approx(stats.trim_mean(four, 0.25), abs=1e-9)
    assert float(medians(np.sort(values)[None])[0]) == np.median(values)
    assert float(iqms(np.sort(values)[None])[0]) == pytest.approx(stats.trim_mean(four, 0.25), abs=1e-9)


@pytest.mark.parametrize("n", [6, 7, 8, 9, 10, 30])
def test_error_of_the_winsorised_sample(n: int) -> None:
    """Quartiles by Hazen's rule; for n = 10 that moves two runs on each side, as Tukey and McLaughlin do."""
    values = np.sort(np.random.default_rng(n).lognormal(size=n))
    inner = np.clip(values, *np.quantile(values, [0.25, 0.75], method="hazen"))
    assert n != 10 or inner.tolist() == stats.mstats.winsorize(values, (0.2, 0.2)).tolist()
    half = stats.t.ppf(0.975, n / 2) * stats.sem(inner) / 0.5
    value = stats.trim_mean(np.repeat(values, 4), 0.25)
    assert iqm_interval(values.tolist()) == pytest.approx((value, value - half, value + half, n))


def test_a_middle_half_without_spread() -> None:
    """Two failures of ten: the middle half knows nothing of them, the share below the quartile may be .56."""
    found = iqm_interval([0.0] * 2 + [1.0] * 8)
    shift = stats.t.ppf(0.975, 9) * math.sqrt(0.25 * 0.75 / 10)
    assert found.value == 1.0 and found.high == 1.0
    # The half of the runs that begins .25 - shift from below, which is before the first: .2 - (.25 - shift) of it is 0.
    assert found.low == pytest.approx(1 - (0.2 - (0.25 - shift)) / 0.5)
    mirrored = iqm_interval([0.0] * 8 + [1.0] * 2)
    assert (mirrored.low, mirrored.high) == (0.0, pytest.approx(1 - found.low))


@BOTH
@given(st.data(), WHOLE)
def test_the_order_of_seeds_does_not_matter(interval: Interval, data: st.DataObject, values: list[float]) -> None:
    assert interval(data.draw(st.permutations(values))) == interval(values)


@BOTH
@given(WHOLE, st.floats(0.1, 100), st.integers(-1000, 1000), st.booleans())
def test_an_affine_map_maps_the_interval(
    interval: Interval, values: list[float], scale: float, shift: int, flip: bool
) -> None:
    slope = -scale if flip else scale
    inner = np.clip(values, *np.quantile(values, [0.25, 0.75], method="hazen"))
    assume(np.ptp(inner) == 0 or np.ptp(inner) > 1e-3)  # what has no spread has none when mapped
    own, mapped = interval(values), interval([slope * v + shift for v in values])
    ends = sorted((slope * own.low + shift, slope * own.high + shift))
    assert [mapped.low, mapped.high] == pytest.approx(ends, rel=1e-6, abs=1e-6)
    assert mapped.value == pytest.approx(slope * own.value + shift, rel=1e-6, abs=1e-6)


@BOTH
@given(values=SCORES)
def test_missing_scores_are_left_out(interval: Interval, values: list[float]) -> None:
    found, known = interval(values), [value for value in values if not math.isnan(value)]
    assert found.n == len(known) and repr(found) == repr(interval(known))
    assert math.isnan(found.value) == (not known)
    if len(known) < 2:
        assert math.isnan(found.low) and math.isnan(found.high)
    else:
        assert found.low <= found.value <= found.high


@BOTH
def test_no_spread_and_no_end(interval: Interval) -> None:
    assert interval([0.1] * 3) == (0.1, 0.1, 0.1, 3)
    assert interval([7.0]).value == 7.0
    found = interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, INF])
    assert math.isfinite(found.value) and math.isfinite(found.high)
    few = interval([1.0, 2.0, 3.0, 4.0, INF])
    assert few.value == 3.0 and (few.low, few.high) == (1.0, INF)


def test_odd_runs_do_not_move_them() -> None:
    values = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9]
    odd = [-1e9, *values[1:-1], 1e9]
    assert iqm_interval(odd) == iqm_interval(values)
    assert median_interval(odd).value == median_interval(values).value
