"""Intervals hold the truth as often as they say: small simulations; large ones in `benchmarks/interval_coverage.py`."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from simulation import LAWS, Method, bootstrap_t, cell, drawing_nothing, dropping, ours, percentile, student

from sandbox.comparison.centres import iqm_bounds, median_bounds
from sandbox.comparison.intervals import share_interval, skew_p

SIZES = (10, 20, 30)
# The best of Student's, the studentised, the percentile and the BCa bootstrap at n = 10, 20, 30, measured in 4,000
# samples each and counted up to .95; of 0/1 scores it is what runs that are not all equal leave.
BEST = {
    "normal": (0.95, 0.95, 0.95),
    "lognormal": (0.923, 0.928, 0.93),
    "one in five fails": (0.893, 0.95, 0.95),
    "0/1, .5": (0.95, 0.95, 0.95),
    "0/1, .8": (0.893, 0.95, 0.95),
    "0/1, .9": (0.651, 0.878, 0.95),
}
CONTINUOUS = ("normal", "lognormal", "one in five fails", "exponential", "uniform", "Student, 3")


def short(name: str, n: int, method: Method, trials: int) -> bool:
    """Say that a method covers less than .01 under the best, beyond what chance explains."""
    floor = BEST[name][SIZES.index(n)] - 0.01
    return cell(LAWS[name], n, method, trials).covered < floor - 2 * math.sqrt(floor * (1 - floor) / trials)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", BEST)
def test_means_are_covered(name: str, n: int) -> None:
    assert not short(name, n, ours, 10_000)


@pytest.mark.parametrize("n", SIZES)
def test_the_check_finds_what_falls_short(n: int) -> None:
    assert short("lognormal", n, student, 10_000)
    assert n > 10 or short("normal", n, percentile, 1000)


def of_shares(method: Method, n: int, share: float) -> float:
    """Return how often `method` holds a share, over all samples of 0 and 1 by their probability."""
    k = np.arange(n + 1)
    samples = (np.arange(n) >= n - k[:, None]).astype(np.float64)
    low, high = method(samples, np.random.default_rng(0))
    same = (k == 0) | (k == n)
    held = (np.where(same, k / n, low) <= share) & (share <= np.where(same, k / n, high))
    return float(stats.binom.pmf(k, n, share)[held].sum())


@pytest.mark.parametrize("n", SIZES)
def test_shares_are_covered(n: int) -> None:
    """Only samples that are all equal fall short, and a share that is told as such does not."""
    k = np.arange(n + 1)
    exact = [share_interval(int(j), n) for j in k]
    for share in np.linspace(0.02, 0.98, 97):
        chance = stats.binom.pmf(k, n, share)
        covered = of_shares(ours, n, share)
        assert covered >= min(0.95, 1 - chance[0] - chance[-1]) - 0.015 and covered >= of_shares(student, n, share)
        assert chance[[one.low <= share <= one.high for one in exact]].sum() >= 0.95


def test_bootstraps_fall_short_for_shares() -> None:
    assert of_shares(percentile, 20, 0.8) < 0.93 < 0.97 < of_shares(ours, 20, 0.8)
    assert of_shares(dropping, 20, 0.8) < 0.8  # resamples without spread must not be left out


@pytest.mark.parametrize("n", [3, 5, 8])
@pytest.mark.parametrize("name", ["normal", "lognormal", "one in five fails", "Student, 3"])
def test_few_runs_are_covered_better_than_by_student(name: str, n: int) -> None:
    """By intervals that are no wider than 2.7 times Student's, where the studentised bootstrap has no end."""
    found, theirs = cell(LAWS[name], n, ours, 4000), cell(LAWS[name], n, student, 4000)
    assert theirs.covered <= found.covered <= 0.98 and found.widest < 2.7
    assert name != "lognormal" or found.covered > theirs.covered + 0.04
    assert n > 3 or cell(LAWS[name], n, bootstrap_t, 200).widest > 1000


@pytest.mark.parametrize("n", [5, *SIZES])
@pytest.mark.parametrize("name", LAWS)
def test_two_agents_of_one_law_seldom_differ(name: str, n: int) -> None:
    rng, trials = np.random.default_rng(n), 10_000
    a, b = (LAWS[name].quantile(rng.random((trials, n))) for _ in range(2))
    errors = float((skew_p(a - b) <= 0.05).mean())
    assert errors <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / trials)


def test_the_studentised_bootstrap_errs_on_differences() -> None:
    """Differences of skewed scores are symmetric with long tails, as Student's t with 3 degrees is."""
    law = LAWS["Student, 3"]
    assert cell(law, 20, bootstrap_t, 1000).covered < 0.94 < 0.95 < cell(law, 20, ours, 1000).covered


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", CONTINUOUS)
def test_centres_are_covered(name: str, n: int) -> None:
    law, trials = LAWS[name], 10_000
    for bounds, truth in ((median_bounds, law.median), (iqm_bounds, law.iqm)):
        found = cell(law, n, drawing_nothing(bounds), trials, truth).covered
        assert 0.94 <= found <= 0.98


@pytest.mark.parametrize("n", [3, 5, 8])
def test_centres_of_few_runs_are_covered(n: int) -> None:
    for name in ("normal", "lognormal", "one in five fails"):
        for bounds, truth in ((median_bounds, LAWS[name].median), (iqm_bounds, LAWS[name].iqm)):
            assert 0.92 <= cell(LAWS[name], n, drawing_nothing(bounds), 4000, truth).covered <= 0.985
