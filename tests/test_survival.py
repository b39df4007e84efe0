"""Kaplan and Meier's curve, its median and restricted mean: published tables, brute force, properties, coverage."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from sandbox.comparison.survival import kaplan_meier, median_time, restricted_mean
from sandbox.errors import SandboxError

# Weeks in remission, 6-mercaptopurine and placebo: Freireich et al., Blood 21, 1963; in many textbooks.
TREATED = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
RELAPSED = [True] * 9 + [False] * 12
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
CUT = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=25)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def student(values: list[int]) -> tuple[float, float, float, int]:
    """Return the mean with Student's interval."""
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return mean, math.nan, math.nan, n
    half = float(stats.t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half, n


def naive_share(pairs: list[tuple[int, bool]], at: int) -> Fraction:
    """Return the share still waiting after `at`: what is cut short hands its weight on, evenly (Efron 1967)."""
    ordered = sorted(pairs, key=lambda pair: (pair[0], not pair[1]))
    weight = [Fraction(1, len(pairs))] * len(pairs)
    gone = Fraction(0)
    for i, (time, seen) in enumerate(ordered):
        if time > at:
            break
        if seen:
            gone += weight[i]
        for later in range(i + 1, len(ordered)) if not seen else ():
            weight[later] += weight[i] / (len(ordered) - i - 1)
    return 1 - gone


def test_the_example_of_kaplan_and_meier() -> None:
    """Deaths at 0.8, 3.1, 5.4 and 9.2 months, losses at 1.0, 2.7, 7.0 and 12.1 (section 2 of the paper)."""
    curve = kaplan_meier([0.8, 3.1, 5.4, 9.2, 1.0, 2.7, 7.0, 12.1], [True] * 4 + [False] * 4)
    assert curve.time.tolist() == [0.8, 3.1, 5.4, 9.2] and curve.at_risk.tolist() == [8, 5, 4, 2]
    assert curve.share == pytest.approx([7 / 8, 7 / 10, 21 / 40, 21 / 80], abs=1e-12)


def test_the_leukaemia_data() -> None:
    """Medians 23 and 8 weeks; the table, and the mean of 23.287 weeks up to week 35, standard error 2.827."""
    curve = kaplan_meier(TREATED, RELAPSED)
    assert curve.time.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.share == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4)
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6] and curve.events.tolist() == [3, 1, 1, 1, 1, 1, 1]
    treated, placebo = median_time(TREATED, RELAPSED, rng()), median_time(PLACEBO, [True] * 21, rng())
    assert (treated.median, treated.n) == (23, 21) and (placebo.median, placebo.n) == (8, 21)
    assert treated.low == 13 and treated.high == math.inf and placebo.low < 8 < placebo.high <= 12
    mean, low, high, n = restricted_mean(TREATED, RELAPSED)
    assert (round(mean, 3), n) == (23.287, 21) and mean - low == pytest.approx(high - mean)
    student, small_sample = 2.0859634, math.sqrt(21 / 20)  # t(20), and the factor that makes it Student's
    assert (high - mean) / (student * small_sample) == pytest.approx(2.827, abs=5e-4)


@settings(max_examples=150, deadline=None)
@given(CUT)
def test_against_brute_force(pairs: list[tuple[int, bool]]) -> None:
    """Ties included: the curve, its first time at one half or less, and the area under it."""
    times, seen = [t for t, _ in pairs], [s for _, s in pairs]
    curve = kaplan_meier(times, seen)
    assert curve.time.tolist() == sorted({t for t, s in pairs if s})
    assert curve.share == pytest.approx([float(naive_share(pairs, int(t))) for t in curve.time], abs=1e-12)
    at_half = [t for t in curve.time.tolist() if naive_share(pairs, int(t)) <= Fraction(1, 2)]
    assert median_time(times, seen, rng(), 20).median == pytest.approx(min(at_half, default=math.nan), nan_ok=True)
    area = float(sum((naive_share(pairs, t) for t in range(max(times))), Fraction(0)))
    assert restricted_mean(times, seen).mean == pytest.approx(area, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_nothing_cut_short_is_the_empirical_distribution(times: list[int]) -> None:
    seen = [True] * len(times)
    curve = kaplan_meier(times, seen)
    assert curve.share == pytest.approx([np.mean(np.array(times) > t) for t in curve.time], abs=1e-12)
    assert median_time(times, seen, rng(), 20).median == sorted(times)[(len(times) - 1) // 2]
    assert restricted_mean(times, seen) == pytest.approx(student(times), abs=1e-7, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(1, 40))
def test_cut_short_at_one_time_the_restricted_mean_is_a_plain_mean(times: list[int], end: int) -> None:
    """As it is in runs of one length: Student's interval of what was seen."""
    assume(min(times) <= end)
    seen, cut = [t <= end for t in times], [min(t, end) for t in times]
    assert restricted_mean(cut, seen) == pytest.approx(student(cut), abs=1e-7, nan_ok=True)


def test_all_cut_short() -> None:
    """Nothing is known but that it takes longer than that."""
    assert len(kaplan_meier([5, 7, 9], [False] * 3).time) == 0
    median = median_time([5, 7, 9], [False] * 3, rng())
    assert math.isnan(median.median) and math.isnan(median.low) and median.high == math.inf and median.n == 3
    mean = restricted_mean([5, 7, 9], [False] * 3)
    assert mean.mean == 9.0 and math.isnan(mean.low) and math.isnan(mean.high)


def test_no_interval_from_one_time_and_nothing_from_none() -> None:
    assert median_time([4], [True], rng()) == pytest.approx((4.0, math.nan, math.nan, 1), nan_ok=True)
    assert restricted_mean([4], [True]) == pytest.approx((4.0, math.nan, math.nan, 1), nan_ok=True)
    for nothing in (median_time([], [], rng()), restricted_mean([], [])):
        assert nothing == pytest.approx((math.nan, math.nan, math.nan, 0), nan_ok=True)


def test_the_order_of_runs_and_the_block_of_resamples_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = rng(3).permutation(21)
    times, seen = np.array(TREATED)[shuffled].tolist(), np.array(RELAPSED)[shuffled].tolist()
    wanted = median_time(TREATED, RELAPSED, rng(5))
    assert median_time(times, seen, rng(5)) == wanted
    assert restricted_mean(times, seen) == restricted_mean(TREATED, RELAPSED)
    monkeypatch.setattr("sandbox.comparison.survival._AT_ONCE", 170)  # ten resamples at a time
    assert median_time(TREATED, RELAPSED, rng(5)) == wanted


@pytest.mark.parametrize(
    ("times", "seen", "said"),
    [([1.0, 2.0], [True], "one flag"), ([1.0, math.nan], [True] * 2, "finite"), ([-1.0], [True], "finite")],
)
def test_times_that_make_no_sense(times: list[float], seen: list[bool], said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        kaplan_meier(times, seen)


@pytest.mark.parametrize(("n", "until"), [(10, math.inf), (20, math.inf), (10, 1.5), (20, 1.5)])
def test_intervals_cover(n: int, until: float) -> None:
    """Exponential times, cut short at `until`: 95 % intervals hold the truth in about 95 % of 600 trials.

    Student's quantile leaves the mean of skewed times that nothing bounds short of it, as it does everywhere.
    """
    draw = rng(11)
    held = np.zeros(2)
    truth = math.log(2.0), 1.0 - (math.exp(-until) if until < math.inf else 0.0)
    for _ in range(600):
        times = draw.exponential(size=n)
        cut, seen = np.minimum(times, until).tolist(), (times <= until).tolist()
        median, mean = median_time(cut, seen, draw, 200), restricted_mean(cut, seen)
        held += [not median.low > truth[0] and median.high >= truth[0], mean.low <= truth[1] <= mean.high]
    share = held / 600
    assert 0.92 <= share[0] <= 0.985 and (0.86 if until == math.inf else 0.925) <= share[1] <= 0.99, share
