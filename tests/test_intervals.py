"""Intervals and differences are those of scipy; nothing is claimed from one run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sandbox.comparison.intervals import mean_interval, paired_difference
from sandbox.result import number, show


def fresh() -> np.random.Generator:
    return np.random.default_rng(0)


_scores = st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=0, max_size=30)


@pytest.mark.parametrize("n", [2, 3, 10, 200])
def test_student_interval_is_scipys(n: int) -> None:
    rng = np.random.default_rng(n)
    for scale in (1e-9, 1.0, 1e9):
        values = rng.normal(3.0, scale, n)
        found = mean_interval(values.tolist(), fresh())
        low, high = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
        assert (found.mean, found.low, found.high) == pytest.approx((values.mean(), low, high), rel=1e-12)
        assert found.n == n


@pytest.mark.parametrize("n", [2, 3, 10, 200])
def test_paired_difference_is_scipys(n: int) -> None:
    rng = np.random.default_rng(n)
    for shift in (0.0, 0.3, 40.0):
        a, b = rng.normal(0, 1, n), rng.normal(shift, 1, n)
        found, wanted = paired_difference(a.tolist(), b.tolist(), fresh()), stats.ttest_rel(a, b)
        interval = wanted.confidence_interval(0.95)
        assert found.p == pytest.approx(wanted.pvalue, rel=1e-9)
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9, abs=1e-12)
        assert found.mean == pytest.approx((a - b).mean(), rel=1e-9) and found.n == n


def test_pairing_is_by_seed() -> None:
    rng = np.random.default_rng(0)
    level, noise = rng.normal(0, 100, 20), rng.normal(0, 0.1, (2, 20))
    a, b = level + noise[0] + 1, level + noise[1]
    assert paired_difference(a.tolist(), b.tolist(), fresh()).p < 1e-9
    assert paired_difference(a.tolist(), rng.permutation(b).tolist(), fresh()).p > 1e-3


@given(_scores)
def test_missing_scores_are_left_out(values: list[float]) -> None:
    found, known = mean_interval(values, fresh()), [value for value in values if not math.isnan(value)]
    assert found.n == len(known)
    assert repr(found) == repr(mean_interval(known, fresh()))
    if not known:
        assert math.isnan(found.mean)
    if len(known) < 2:
        assert math.isnan(found.low) and math.isnan(found.high)
    else:
        assert found.low <= found.mean <= found.high


@given(_scores, _scores)
def test_a_pair_counts_where_both_have_a_score(a: list[float], b: list[float]) -> None:
    n = min(len(a), len(b))
    found = paired_difference(a[:n], b[:n], fresh())
    both = [(x, y) for x, y in zip(a[:n], b[:n], strict=True) if not (math.isnan(x) or math.isnan(y))]
    assert found.n == len(both)
    mirrored = paired_difference(b[:n], a[:n], fresh())
    assert (mirrored.mean, mirrored.p) == pytest.approx((-found.mean, found.p), nan_ok=True)
    if found.n < 2:
        assert math.isnan(found.p) and math.isnan(found.low)
    else:
        assert 0.0 <= found.p <= 1.0


def test_no_spread() -> None:
    assert mean_interval([2.0, 2.0, 2.0], fresh()) == (2.0, 2.0, 2.0, 3)
    assert paired_difference([1.0, 2.0], [1.0, 2.0], fresh()).p == 1.0
    assert paired_difference([2.0, 3.0], [1.0, 2.0], fresh()).p == 0.0


def test_intervals_cover() -> None:
    rng = np.random.default_rng(1)
    covered = [
        i.low <= 0 <= i.high for i in (mean_interval(rng.normal(size=10).tolist(), fresh()) for _ in range(4000))
    ]
    assert abs(np.mean(covered) - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 4000)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "–"),
        ([0.0], "0"),
        ([0.5], "0.5000"),
        ([12345.678], "12,346"),
        ([1.0, 2.0, 3.0], "2.000 ± 2.484"),
        ([100.0, 200.0], "150.0 ± 635.3"),
        ([-12.5], "-12.50"),
    ],
)
def test_numbers_as_people_read_them(values: list[float], text: str) -> None:
    assert show(mean_interval(values, fresh())) == text
    assert number(math.nan) == "–"
