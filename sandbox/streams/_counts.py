"""Laws of counts: negative binomial numbers, and Poisson ones as their limit; what an order or a quantile costs."""

from __future__ import annotations

import math

from sandbox.compiled import compiled
from sandbox.table import FloatArray

MOST = 500.0  # the largest mean: exp(-500) is still far from the smallest number there is
_NONE = 1e-9  # a dispersion below which a count is a Poisson one
_GONE = 1e-18  # a probability beyond the mean after which no more is added up
LAW = 3  # numbers that tell a law of a mixture: its weight, mean and dispersion, side by side


@compiled
def chance_of_none(mean: float, dispersion: float) -> float:
    """Return P(0) of a count of this mean whose variance is mean + dispersion mean^2."""
    if dispersion < _NONE:
        return math.exp(-mean)
    return math.exp(-math.log1p(mean * dispersion) / dispersion)


@compiled
def next_ratio(k: int, mean: float, dispersion: float) -> float:
    """Return P(k + 1) / P(k)."""
    if dispersion < _NONE:
        return mean / (k + 1.0)
    return mean * (1.0 + k * dispersion) / ((k + 1.0) * (1.0 + mean * dispersion))


@compiled
def count_of(mean: float, dispersion: float, u: float) -> int:
    """Return the count that a uniform number in [0, 1) stands for: the smallest with P(at most it) > u."""
    p, k = chance_of_none(mean, dispersion), 0
    up_to = p
    while up_to <= u and (k < mean or p > _GONE):
        p *= next_ratio(k, mean, dispersion)
        k += 1
        up_to += p
    return k


@compiled
def quantile_of(laws: FloatArray, level: float, p: FloatArray) -> int:
    """Return the smallest k with P(at most k) >= level, under a mixture (LAW x laws,); `p` (laws,) is scratch."""
    k, total, furthest = 0, 0.0, 0.0
    for m in range(p.shape[0]):
        p[m] = chance_of_none(laws[LAW * m + 1], laws[LAW * m + 2])
        total += laws[LAW * m] * p[m]
        furthest = max(furthest, laws[LAW * m + 1])
    added = 1.0
    while total < level and (k < furthest or added > _GONE):
        added = 0.0
        for m in range(p.shape[0]):
            p[m] *= next_ratio(k, laws[LAW * m + 1], laws[LAW * m + 2])
            added += laws[LAW * m] * p[m]
        k += 1
        total += added
    return k


@compiled
def left_over(laws: FloatArray, order: float) -> float:
    """Return E[max(0, order - count)] under a mixture of laws (LAW x laws,), to rounding."""
    total = 0.0
    for m in range(laws.shape[0] // LAW):
        weight, mean, dispersion = laws[LAW * m], laws[LAW * m + 1], laws[LAW * m + 2]
        p, k, part = chance_of_none(mean, dispersion), 0, 0.0
        while k < order:
            part += (order - k) * p
            if k > mean and p < _GONE:
                part = order - mean
                break
            p *= next_ratio(k, mean, dispersion)
            k += 1
        total += weight * part
    return total


@compiled
def mean_left_over(laws: FloatArray, order: float) -> float:
    """Return the mean of `left_over` over rows of mixtures (n, LAW x laws)."""
    total = 0.0
    for i in range(laws.shape[0]):
        total += left_over(laws[i], order)
    return float(total / laws.shape[0])
