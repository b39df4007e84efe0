"""Intervals of means: Student's and Hall's, whichever is wider; shares; nothing is claimed from one run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, stats

from sandbox.comparison.intervals import Interval, mean_interval, paired_difference, share_interval
from sandbox.errors import SandboxError
from sandbox.show.numbers import interval_text, number

NAN, INF = math.nan, math.inf
SCORES = st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=0, max_size=30)
FEW_VALUES = st.lists(st.integers(-2, 2).map(float), min_size=2, max_size=30)
SPREAD = st.lists(st.integers(-1000, 1000).map(float), min_size=3, max_size=30, unique=True)
# Hours of sleep gained under the second drug rather than the first: Student, Biometrika 6, 1908, p. 20.
SLEEP = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0], [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def hall_by_search(values: list[float], quantile: float) -> float:
    """Return the true mean at which Hall's statistic, as his paper has it, is `quantile`."""
    n, mean = len(values), np.mean(values)
    spread, skewness = np.std(values, ddof=1), stats.skew(values, bias=False)

    def transformed(true_mean: float) -> float:
        w, a = (mean - true_mean) / spread, skewness / 3
        return float(math.sqrt(n) * (w + a * w**2 + a**2 * w**3 / 3 + skewness / (6 * n)) - quantile)

    return float(optimize.brentq(transformed, mean - 100 * spread, mean + 100 * spread, xtol=1e-13, rtol=1e-14))


def test_students_data() -> None:
    """Mean 1.58, t = 4.06 with 9 degrees: p = .0028, interval .70 to 2.46; on the long side Hall's bound is wider."""
    found = paired_difference(SLEEP[1], SLEEP[0])
    assert (found.mean, found.n) == (pytest.approx(1.58), 10)
    assert found.p == pytest.approx(0.002833, abs=5e-7) and found.low == pytest.approx(0.7001142, abs=5e-8)
    gaps = np.subtract(SLEEP[1], SLEEP[0]).tolist()
    assert found.high == pytest.approx(hall_by_search(gaps, -stats.t.ppf(0.975, 9))) and found.high > 2.4598858
    assert mean_interval(gaps) == (found.mean, found.low, found.high, 10)


@pytest.mark.parametrize("n", [3, 4, 10, 30])
def test_the_wider_of_student_and_hall(n: int) -> None:
    rng = np.random.default_rng(n)
    for scale in (1e-9, 1.0, 1e9):
        values = (scale * rng.lognormal(size=n)).tolist()
        student = stats.t.interval(0.95, n - 1, np.mean(values), stats.sem(values))
        hall = [hall_by_search(values, q) for q in stats.t.ppf([0.975, 0.025], n - 1)]
        found = mean_interval(values)
        assert found.mean == pytest.approx(np.mean(values), rel=1e-12) and found.n == n
        assert found.low == pytest.approx(min(student[0], hall[0]), rel=1e-7, abs=1e-9 * scale)
        assert found.high == pytest.approx(max(student[1], hall[1]), rel=1e-7)
        assert found.high == pytest.approx(hall[1], rel=1e-7) or stats.skew(values) < 0


@pytest.mark.parametrize("n", [2, 5, 10])
def test_without_skewness_all_is_students(n: int) -> None:
    half = np.random.default_rng(n).normal(size=n)
    values = np.concatenate([1.3 + half, 1.3 - half]) if n > 2 else half
    found, wanted = paired_difference(values.tolist(), [0.0] * len(values)), stats.ttest_1samp(values, 0.0)
    interval = wanted.confidence_interval(0.95)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


@given(SPREAD, st.floats(1e-3, 1e3), st.floats(-1e3, 1e3), st.booleans())
def test_an_affine_map_maps_the_interval(values: list[float], scale: float, shift: float, flip: bool) -> None:
    slope = -scale if flip else scale
    own, mapped = mean_interval(values), mean_interval([slope * v + shift for v in values])
    ends = sorted((slope * own.low + shift, slope * own.high + shift))
    assert [mapped.low, mapped.high] == pytest.approx(ends, rel=1e-6, abs=1e-6 * scale)


@given(st.lists(st.booleans(), min_size=10, max_size=30), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_so_it_does_for_two_values(which: list[bool], one: float, other: float) -> None:
    assume(abs(one - other) > 1e-3)
    own, mapped = mean_interval(np.array(which, float).tolist()), mean_interval([one if w else other for w in which])
    ends = sorted(other + (one - other) * end for end in (own.low, own.high))
    assert [mapped.low, mapped.high] == pytest.approx(ends, rel=1e-6, abs=1e-6)


@given(st.data(), st.one_of(SCORES, FEW_VALUES))
def test_the_order_of_seeds_does_not_matter(data: st.DataObject, values: list[float]) -> None:
    assert repr(mean_interval(data.draw(st.permutations(values)))) == repr(mean_interval(values))


@given(SCORES)
def test_missing_scores_are_left_out(values: list[float]) -> None:
    found, known = mean_interval(values), [value for value in values if not math.isnan(value)]
    assert found.n == len(known)
    assert repr(found) == repr(mean_interval(known))
    if not known:
        assert math.isnan(found.mean)
    if len(known) < 2:
        assert math.isnan(found.low) and math.isnan(found.high)
    else:
        assert found.low <= found.mean <= found.high


@given(SCORES, SCORES)
def test_a_pair_counts_where_both_have_a_score(a: list[float], b: list[float]) -> None:
    n = min(len(a), len(b))
    found = paired_difference(a[:n], b[:n])
    both = [(x, y) for x, y in zip(a[:n], b[:n], strict=True) if not (math.isnan(x) or math.isnan(y))]
    assert found.n == len(both)
    if found.n < 2:
        assert math.isnan(found.p) and math.isnan(found.low)
    else:
        assert 0.0 <= found.p <= 1.0 and (found.p > 0 or len({x - y for x, y in both}) == 1)


@given(st.one_of(SPREAD, FEW_VALUES), st.integers(-3, 3))
def test_p_value_and_interval_agree(values: list[float], true_mean: int) -> None:
    found = paired_difference(values, [float(true_mean)] * len(values))
    assert (found.p <= 0.05) == (not found.low <= 0 <= found.high)
    mirrored = paired_difference([float(true_mean)] * len(values), values)
    assert mirrored.p == pytest.approx(found.p, rel=1e-6)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low), rel=1e-6, abs=1e-9)


def test_pairing_is_by_seed() -> None:
    rng = np.random.default_rng(0)
    level, noise = rng.normal(0, 100, 20), rng.normal(0, 0.1, (2, 20))
    a, b = level + noise[0] + 1, level + noise[1]
    assert paired_difference(a.tolist(), b.tolist()).p < 1e-9
    assert paired_difference(a.tolist(), rng.permutation(b).tolist()).p > 1e-3


def test_no_spread() -> None:
    assert mean_interval([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0, 3)
    assert mean_interval([0.1] * 3) == (0.1, 0.1, 0.1, 3)  # of which the sum is not 0.3
    assert paired_difference([1.0, 2.0], [1.0, 2.0]).p == 1.0
    assert paired_difference([2.0, 3.0], [1.0, 2.0]).p == 0.0


def test_extreme_scores() -> None:
    """No warning, no bound that nobody can know, and no p value of 0 from a spread that is tiny."""
    assert repr(mean_interval([INF, 1.0, 2.0])) == repr(Interval(INF, NAN, NAN, 3))
    assert repr(mean_interval([INF, -INF, 2.0])) == repr(Interval(NAN, NAN, NAN, 3))
    assert math.isnan(paired_difference([1e308, -1e308, 1.0], [-1e308, 1e308, 0.0]).p)
    large = mean_interval([1e200, 2e200, 3e200])
    assert (large.low, large.high) == pytest.approx((-0.4841377e200, 4.4841377e200), rel=1e-6)
    small = mean_interval([1e-200, 2e-200, 3e-200])
    assert (small.low, small.high) == pytest.approx((-0.4841377e-200, 4.4841377e-200), rel=1e-6)
    assert 0.0 < paired_difference([1.0] * 29 + [1.0 + 1e-15], [0.0] * 30).p < 1e-100


@pytest.mark.parametrize(("successes", "n", "low", "high"), [(10, 10, 0.6915, 1.0), (1, 10, 0.0025, 0.4450)])
def test_published_shares(successes: int, n: int, low: float, high: float) -> None:
    """Clopper and Pearson's limits, as tables of the binomial law have them."""
    assert share_interval(successes, n) == (
        successes / n,
        pytest.approx(low, abs=5e-5),
        pytest.approx(high, abs=5e-5),
        n,
    )


def test_shares_are_scipys() -> None:
    for n in (2, 7, 30):
        for k in range(n + 1):
            wanted = stats.binomtest(k, n).proportion_ci(0.95, "exact")
            assert share_interval(k, n) == pytest.approx((k / n, wanted.low, wanted.high, n), rel=1e-9)
    assert math.isnan(share_interval(1, 1).low) and math.isnan(share_interval(0, 0).mean)
    with pytest.raises(SandboxError, match="3 successes of 2 runs"):
        share_interval(3, 2)


def test_two_values_are_a_share() -> None:
    """From ten runs, each value at least twice: bounds stay between the values and hold the exact ones."""
    for n in (10, 20, 30):
        for k in range(2, n - 1):
            found, exact = mean_interval([4.0] * k + [3.0] * (n - k)), share_interval(k, n)
            assert 3.0 <= found.low <= 3.0 + exact.low + 1e-9 and 3.0 + exact.high - 1e-9 <= found.high <= 4.0
            values = [1.0] * k + [0.0] * (n - k)
            student = stats.t.interval(0.95, n - 1, np.mean(values), stats.sem(values))
            wider = max(0.0, min(exact.low, student[0])), min(1.0, max(exact.high, student[1]))
            assert (found.low - 3.0, found.high - 3.0) == pytest.approx(wider, abs=1e-9)


def test_what_is_no_share() -> None:
    """Few runs, a value met once, differences: there may be a third value that nobody has seen."""
    assert mean_interval([0.0, 0.0, 1.0, 1.0, 1.0]).high > 1.0
    assert mean_interval([0.0] + [1.0] * 9).high > 1.0
    one_more = [1.0] * 2 + [0.0] * 18
    assert mean_interval(one_more).low > -1e-12
    assert paired_difference(one_more, [0.0] * 20).low < 0.0 and paired_difference(one_more, [0.0] * 20).p > 0.05


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "–"),
        ([0.0], "0"),
        ([0.5], "0.5000"),
        ([12345.678], "12,346"),
        ([1.0, 2.0, 3.0], "2.0 [-0.5, 4.5]"),
        ([100.0, 200.0], "150 [-485, 785]"),
        ([-12.5], "-12.50"),
    ],
)
def test_numbers_as_people_read_them(values: list[float], text: str) -> None:
    assert interval_text(mean_interval(values)) == text
    assert number(math.nan) == "–"
