"""Comparison: pure functions of scores whose seed axis is named. No interval is made from one run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A mean over `n` runs with its 95 % interval; NaN bounds where `n` is under 2."""

    mean: float
    low: float
    high: float
    n: int


class Difference(NamedTuple):
    """Mean of a - b over `n` pairs of runs of the same seed, its 95 % interval, and the two-sided p value."""

    mean: float
    low: float
    high: float
    p: float
    n: int


def _known(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    array = np.asarray(values, dtype=np.float64)
    return array[~np.isnan(array)]


def mean_interval(by_seed: Sequence[float], rng: np.random.Generator) -> Interval:
    """Return the mean over seeds with Student's 95 % interval (Student 1908); `rng` resamples them."""
    from scipy.special import stdtrit

    values = _known(by_seed)
    n = len(values)
    if not n:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = math.fsum(values) / n
    if n < 2:
        return Interval(mean, math.nan, math.nan, n)
    half = float(stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def paired_difference(a_by_seed: Sequence[float], b_by_seed: Sequence[float], rng: np.random.Generator) -> Difference:
    """Return the mean difference a - b over seeds, paired, with Student's interval and p value."""
    from scipy.special import stdtr

    gaps = _known(np.subtract(a_by_seed, b_by_seed).tolist())
    mean, low, high, n = mean_interval(gaps.tolist(), rng)
    if n < 2:
        return Difference(mean, low, high, math.nan, n)
    error = float(gaps.std(ddof=1)) / math.sqrt(n)
    if error == 0.0:
        return Difference(mean, low, high, 1.0 if mean == 0.0 else 0.0, n)
    return Difference(mean, low, high, 2.0 * float(stdtr(n - 1, -abs(mean) / error)), n)
