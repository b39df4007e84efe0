"""Times of which some are cut short: Kaplan and Meier's curve, its median, and its mean up to the longest time.

Of a time that was cut short (right-censored) we know only that the event comes later; where both fall on one time, the
event came first. E. L. Kaplan, P. Meier: Nonparametric estimation from incomplete observations, JASA 53, 1958.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.comparison.intervals import Interval
from sandbox.errors import SandboxError
from sandbox.table import FloatArray

RESAMPLES = 2000
_AT_ONCE = 4_000_000  # numbers held while resampling
_ROUNDING = 1e-12  # a share of exactly one half may come out above it


class Survival(NamedTuple):
    """The share for which the event is yet to come, a step function: 1 before the first time."""

    time: FloatArray  # (m,) times at which events happened, ascending
    share: FloatArray  # (m,) the share from that time on
    at_risk: FloatArray  # (m,) how many were still waiting just before
    events: FloatArray  # (m,) how many events happened


class Median(NamedTuple):
    """A median over `n` times with its 95 % interval.

    `median` is NaN where the curve stays above one half. `high` is infinity where no upper bound can be given. Both
    bounds are NaN where `n` is under 2.
    """

    median: float
    low: float
    high: float
    n: int


class _Pairs(NamedTuple):
    """Distinct (time, observed) with their number, ascending, an event before what is cut short at its time."""

    time: FloatArray  # (p,)
    observed: NDArray[np.bool_]  # (p,)
    number: FloatArray  # (p,)


def _pairs_of(times: Sequence[float], observed: Sequence[bool]) -> _Pairs:
    if len(times) != len(observed):
        raise SandboxError(f"there are {len(times)} times and {len(observed)} flags; give one flag for each time")
    time = np.asarray(times, dtype=np.float64)
    if not np.isfinite(time).all() or (time < 0).any():
        raise SandboxError("a time is not a finite number from 0; give the time at which it was cut short")
    seen = ~np.asarray(observed, dtype=np.bool_)
    pairs, number = np.unique(np.stack([time, seen.astype(np.float64)], axis=1), axis=0, return_counts=True)
    return _Pairs(pairs[:, 0], pairs[:, 1] == 0.0, number.astype(np.float64))


def _at_risk(number: FloatArray) -> FloatArray:
    """Return how many were still waiting just before each pair, for rows of numbers (r, p)."""
    return np.asarray(np.cumsum(number[:, ::-1], axis=1)[:, ::-1])


def _shares(number: FloatArray, observed: NDArray[np.bool_]) -> FloatArray:
    """Return the product-limit estimate (r, p) after each pair, for rows of numbers (r, p)."""
    waiting = np.maximum(_at_risk(number), 1.0)  # where nobody waits, nothing happens either
    return np.asarray(np.cumprod(np.where(observed, 1.0 - number / waiting, 1.0), axis=1))


def kaplan_meier(times: Sequence[float], observed: Sequence[bool]) -> Survival:
    """Return the product-limit curve of `times`; `observed`: whether the event came at that time, else it was cut."""
    pairs = _pairs_of(times, observed)
    share = _shares(pairs.number[None], pairs.observed)[0]
    at_risk = _at_risk(pairs.number[None])[0]
    events = pairs.observed
    return Survival(pairs.time[events], share[events], at_risk[events], pairs.number[events])


def _medians(number: FloatArray, pairs: _Pairs) -> FloatArray:
    """Return for rows of numbers (r, p) the first time at which at most, and less than, half are waiting (2, r).

    Infinity where that is never.
    """
    shares = _shares(number, pairs.observed)
    both = (shares <= 0.5 + _ROUNDING, shares < 0.5 - _ROUNDING)
    return np.stack([np.where(c.any(axis=1), pairs.time[c.argmax(axis=1)], np.inf) for c in both])


def median_time(
    times: Sequence[float], observed: Sequence[bool], rng: np.random.Generator, resamples: int = RESAMPLES
) -> Median:
    """Return the first time at which at most half are waiting, with its percentile bootstrap interval.

    Pairs (time, observed) are drawn with replacement (B. Efron: Censored data and the bootstrap, JASA 76, 1981). Bounds
    are order statistics of the resamples' medians; one that is not reached counts as infinite. Where a resample has
    exactly half waiting for a while, its first time counts below and its last above: on the first alone, intervals
    from 10 and 20 times cover .91 and .92.
    """
    n = len(times)
    if not n:
        return Median(math.nan, math.nan, math.nan, 0)
    pairs = _pairs_of(times, observed)
    median = float(_medians(pairs.number[None], pairs)[0, 0])
    told = median if math.isfinite(median) else math.nan
    if n < 2:
        return Median(told, math.nan, math.nan, n)
    rows = max(1, _AT_ONCE // len(pairs.time))
    drawn = [
        _medians(rng.multinomial(n, pairs.number / n, size=min(rows, resamples - k)).astype(np.float64), pairs)
        for k in range(0, resamples, rows)
    ]
    lower, upper = np.sort(np.concatenate(drawn, axis=1), axis=1)
    low, high = float(lower[int(0.025 * resamples)]), float(upper[math.ceil(0.975 * resamples) - 1])
    return Median(told, low if math.isfinite(low) else math.nan, high, n)


def restricted_mean(times: Sequence[float], observed: Sequence[bool]) -> Interval:
    """Return the mean time up to the longest time: the area under the curve, with a 95 % interval.

    Its variance is Greenwood's (Kaplan and Meier, section 6.2) times n / (n - 1), its quantile Student's with n - 1
    degrees: where nothing is cut short before the longest time, that is Student's interval of the mean. It covers
    better than the percentile bootstrap, which misses by up to .1 for 10 times. There is none where no event was seen,
    or from one time.
    """
    from scipy.special import stdtrit

    n = len(times)
    if not n:
        return Interval(math.nan, math.nan, math.nan, 0)
    pairs = _pairs_of(times, observed)
    share = _shares(pairs.number[None], pairs.observed)[0]
    area = np.diff(pairs.time, append=pairs.time[-1]) * share  # after each pair
    mean = float(pairs.time[0] + area.sum())
    if n < 2 or not pairs.observed.any():
        return Interval(mean, math.nan, math.nan, n)
    to_come = np.cumsum(area[::-1])[::-1]
    at_risk = _at_risk(pairs.number[None])[0]
    left = at_risk - pairs.number
    counted = pairs.observed & (left > 0)  # where none is left, nothing is to come
    greenwood = to_come[counted] ** 2 * pairs.number[counted] / (at_risk[counted] * left[counted])
    half = float(stdtrit(n - 1, 0.975)) * math.sqrt(float(greenwood.sum()) * n / (n - 1.0))
    return Interval(mean, mean - half, mean + half, n)
