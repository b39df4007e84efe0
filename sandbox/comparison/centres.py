"""Centres that a few odd runs do not move, with 95 % intervals: the median and the interquartile mean over seeds.

Pure functions of scores, one per seed; nothing is drawn. One run has no interval. `benchmarks/interval_coverage.py`
measures them beside bootstraps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sandbox.comparison.intervals import CONFIDENCE, known, shape_of, student_quantile
from sandbox.table import FloatArray

_MANY = 6  # runs; the range of fewer covers the median in less than 95 %
_QUARTER = 0.25


class Estimate(NamedTuple):
    """A value over `n` runs with its 95 % interval; NaN bounds where `n` is under 2."""

    value: float
    low: float
    high: float
    n: int


def medians(samples: FloatArray) -> FloatArray:
    """Return the medians (t,) of samples (t, n), each row ascending."""
    n = samples.shape[1]
    return np.asarray((samples[:, (n - 1) // 2] + samples[:, n // 2]) / 2)


def _few_bounds(samples: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray]:
    """Return the wider of the range and Student's interval, which five runs cannot tell from that of their middle."""
    shape = shape_of(samples)
    half = shape.error * student_quantile(samples.shape[1] - 1, confidence)
    return np.fmin(samples[:, 0], shape.mean - half), np.fmax(samples[:, -1], shape.mean + half)


def median_bounds(samples: FloatArray, confidence: float = CONFIDENCE) -> tuple[FloatArray, FloatArray]:
    """Return the bounds (t,), (t,) of the medians of samples (t, n), n >= 2, each row ascending.

    From six runs, between the two pairs of order statistics whose binomial confidences are just over and just under
    the wanted one (T. P. Hettmansperger, S. J. Sheather: Confidence intervals based on interpolated order statistics,
    Statistics & Probability Letters 4, 1986). Fewer have no outer pair: the range, or Student's interval if wider.
    """
    from scipy.special import bdtr

    n = samples.shape[1]
    if n < _MANY:
        return _few_bounds(samples, confidence)
    within = 1 - 2 * bdtr(np.arange(n // 2, dtype=np.float64), n, 0.5)  # of the k-th from below to the k-th from above
    d = int(np.count_nonzero(within >= confidence))
    share = float((within[d - 1] - confidence) / (within[d - 1] - (within[d] if d < len(within) else 0.0)))
    inner = (n - d) * share / (d + (n - 2 * d) * share)
    low = (1 - inner) * samples[:, d - 1] + inner * samples[:, d]
    return low, (1 - inner) * samples[:, n - d] + inner * samples[:, n - d - 1]


def _window_means(samples: FloatArray, begin: float, end: float) -> FloatArray:
    """Return the means (t,) of each row's quantiles from `begin` to `end`, shares of the runs.

    A run that is only partly inside counts partly. Before 0 and after 1 the extreme runs go on.
    """
    n = samples.shape[1]
    edge = np.arange(n + 1) / n
    weight = np.maximum(0.0, np.minimum(edge[1:], end) - np.maximum(edge[:-1], begin))
    weight[0] += max(0.0, min(0.0, end) - begin)
    weight[-1] += max(0.0, end - max(1.0, begin))
    inside = weight > 0
    return np.asarray(samples[:, inside] @ (weight[inside] / (end - begin)))


def iqms(samples: FloatArray) -> FloatArray:
    """Return the interquartile means (t,) of samples (t, n), each row ascending.

    The mean of the middle half of the runs; where n is no multiple of 4, the outermost of them count partly. For two
    runs it is their mean, for four that of the inner two.
    """
    return _window_means(samples, _QUARTER, 1 - _QUARTER)


def _winsorised(samples: FloatArray) -> FloatArray:
    """Return samples with the outer quarters moved to the quartiles, each run standing for the middle of its share."""
    n = samples.shape[1]
    position = max(0.0, _QUARTER * n - 0.5)
    k = int(position)
    part = position - k
    lower = (1 - part) * samples[:, k] + part * samples[:, k + 1] if part else samples[:, k]
    upper = (1 - part) * samples[:, -1 - k] + part * samples[:, -2 - k] if part else samples[:, -1 - k]
    return np.clip(samples, lower[:, None], upper[:, None])


def iqm_bounds(samples: FloatArray, confidence: float = CONFIDENCE) -> tuple[FloatArray, FloatArray]:
    """Return the bounds (t,), (t,) of the interquartile means of samples (t, n), n >= 2, each row ascending.

    From six runs, Student's t of a trimmed mean, its error from the winsorised sample (J. W. Tukey, D. H. McLaughlin,
    Sankhya A 25, 1963), with half as many degrees of freedom as there are runs. Where the middle half has no spread
    but the rest has, the bounds are the means of a lower and of a higher half, shifted by what the share of runs below
    a quartile may err. Under six runs, as for the median.
    """
    n = samples.shape[1]
    if n < _MANY:
        return _few_bounds(samples, confidence)
    middle, inner = iqms(samples), _winsorised(samples)
    half = 2 * shape_of(inner).error * student_quantile(n / 2, confidence)
    low, high = middle - half, middle + half
    flat = inner[:, 0] == inner[:, -1]
    if flat.any():
        shift = student_quantile(n - 1, confidence) * math.sqrt(_QUARTER * (1 - _QUARTER) / n)
        shift = min(shift, 1 - _QUARTER)
        low[flat] = _window_means(samples[flat], _QUARTER - shift, 1 - _QUARTER - shift)
        high[flat] = _window_means(samples[flat], _QUARTER + shift, 1 - _QUARTER + shift)
    return low, high


def median_interval(by_seed: Sequence[float]) -> Estimate:
    """Return the median over seeds with its 95 % interval (`median_bounds`); NaN are left out."""
    return _estimate(by_seed, median=True)


def iqm_interval(by_seed: Sequence[float]) -> Estimate:
    """Return the interquartile mean over seeds (`iqms`) with its 95 % interval (`iqm_bounds`); NaN are left out."""
    return _estimate(by_seed, median=False)


def _estimate(by_seed: Sequence[float], median: bool) -> Estimate:
    values = known(by_seed)
    n = len(values)
    if n < 2 or values[0] == values[-1]:
        value = float(values[0]) if n else math.nan
        return Estimate(value, value if n > 1 else math.nan, value if n > 1 else math.nan, n)
    sample = values[None]
    with np.errstate(all="ignore"):  # infinite scores may have no interval
        value = float((medians if median else iqms)(sample)[0])
        low, high = (float(bound[0]) for bound in (median_bounds if median else iqm_bounds)(sample))
    return Estimate(value, min(low, value), max(high, value), n)
