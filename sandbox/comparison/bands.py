"""Bands on curves: one that holds the whole mean curve at once, one for a difference, and the range of single runs.

A pointwise band on 100 points of noise that keeps for about ten (AR(.9)) misses the true curve somewhere in five
trials of six. Here the critical value is that of the largest studentised deviation over the whole curve (sup-t), found
by flipping the signs of the seeds' deviations (Rademacher multipliers; R. Y. Liu, Annals of Statistics 16, 1988), with
the standard error anew in each flip. Skewed scores pull Student's t to one side; P. Hall's cubic transformation (On the
removal of skewness by transformation, JRSS B 54, 1992) takes that away, in the data as in each flip.

How often the whole curve is held at 95 %: AR(.9) noise, 100 points, 1,000 trials (2,000 from 20 seeds), by number of
seeds (`benchmarks/bands.py`; of chi-square noise, flips without the transformation hold .71 to .82):

                          5     10     20     30    pointwise, 10
    Gaussian            .97    .95    .95    .95    .16
    chi-square(4)       .96    .96    .96    .97    .09
    Student's t(4)      .97    .95    .95    .95    .19
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.errors import SandboxError
from sandbox.table import FloatArray

RESAMPLES = 2000
FEW = 5  # seeds; under that, flips of signs are too few for a band at 95 %, and these just
_NEAR = 0.1  # of the curve, to each side: the stretch over which skewness is averaged, as one point tells little of it
_MOST_BEND = 0.055  # above it the transformation makes bands much wider on one side, and they cover no better
_EQUAL = 1e-12  # of the largest value: a spread that is rounding


class Band(NamedTuple):
    """The mean curve of `n` seeds and the band around it; arrays (n_points,), NaN where too few seeds have a value."""

    mean: FloatArray
    low: FloatArray
    high: FloatArray
    n: int

    def side(self) -> FloatArray:
        """Return for each point 1 where the band is above 0, -1 where it is below, else 0 (n_points,)."""
        return np.where(self.low > 0.0, 1.0, np.where(self.high < 0.0, -1.0, 0.0))


class Tolerance(NamedTuple):
    """The lowest and highest run at each point (n_points,), and the share of all runs that surely lies between."""

    low: FloatArray
    high: FloatArray
    content: float


class _Spread(NamedTuple):
    """How seeds deviate from their mean, at the points where they do."""

    unit: FloatArray  # (n_seeds, m) deviations with mean square 1, 0 where a seed has no value
    error: FloatArray  # (m,) standard error of the mean
    number: FloatArray  # (m,) seeds


def _two_axes(values: FloatArray) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2:
        raise SandboxError(f"curves come as one row for each seed, (seeds, points), not with {array.ndim} axes")
    if np.isinf(array).any():
        raise SandboxError("a curve holds an infinite value; no band can be drawn around it")
    return array


def needed(n: int) -> int:
    """Return how many of `n` seeds must have a value where a mean is told: half, and two where there are two."""
    return max(-(-n // 2), min(2, n))


def mean_of(values: FloatArray) -> FloatArray:
    """Return the mean over seeds (n_points,) of values (n_seeds, n_points), NaN where under half of them are."""
    known = (~np.isnan(values)).sum(axis=0)
    mean = np.full(values.shape[1], np.nan)
    np.divide(np.nansum(values, axis=0), known, out=mean, where=known >= max(1, needed(len(values))))
    return mean


def simultaneous_band(
    values: FloatArray, rng: np.random.Generator, level: float = 0.95, resamples: int = RESAMPLES
) -> Band:
    """Return the band that holds the whole true mean curve with probability `level`.

    `values`: (n_seeds, n_points) on a common grid, NaN where a seed has no value; rows are independent runs. All signs
    are flipped in every way where that is at most `resamples` ways (up to 11 seeds). From 2 to 4 seeds the band is
    Bonferroni's over Student's intervals, of 5 the wider of the two, and of one seed there is none. Where all seeds
    agree, its width is 0: what was never seen to vary is not known to.
    """
    values = _two_axes(values)
    if not 0.0 < level < 1.0:
        raise SandboxError(f"level={level} is out of range: a band holds with a probability between 0 and 1")
    n, mean = len(values), mean_of(values)
    least = FEW if n >= FEW else 2
    told = ~np.isnan(mean) & ((~np.isnan(values)).sum(axis=0) >= least)
    low, high = np.where(told, mean, np.nan), np.where(told, mean, np.nan)
    varies = told & _varies(values)
    if varies.any():
        spread = _spread(values[:, varies], mean[varies])
        below, above = _reach(spread, rng, level, resamples)
        low[varies] -= below * spread.error
        high[varies] += above * spread.error
    return Band(mean, low, high, n)


def difference_band(
    a: FloatArray, b: FloatArray, rng: np.random.Generator, level: float = 0.95, resamples: int = RESAMPLES
) -> Band:
    """Return the band of the mean of a - b over pairs of runs of one seed: (n_seeds, n_points) each.

    Where it leaves out 0 the two differ, over the whole curve at once (`Band.side`).
    """
    a, b = _two_axes(a), _two_axes(b)
    if a.shape != b.shape:
        raise SandboxError(f"curves pair by seed on one grid, but they are {a.shape} and {b.shape}")
    return simultaneous_band(a - b, rng, level, resamples)


def _varies(values: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    low, high = _range(values)
    return np.asarray(high - low > _EQUAL * np.maximum(np.abs(low), np.abs(high)))


def _range(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest value at each point, infinity and its opposite where there is none."""
    none = np.isnan(values)
    low = np.where(none, np.inf, values).min(axis=0, initial=np.inf)
    return low, np.where(none, -np.inf, values).max(axis=0, initial=-np.inf)


def _spread(values: FloatArray, mean: FloatArray) -> _Spread:
    number = (~np.isnan(values)).sum(axis=0).astype(np.float64)
    off = np.nan_to_num(values - mean)
    size = np.abs(off).max(axis=0)  # squares of tiny deviations are 0, of huge ones infinite
    off /= size
    square = (off * off).sum(axis=0)
    return _Spread(off * np.sqrt(number / square), size * np.sqrt(square / (number * (number - 1.0))), number)


def _signs(n: int, rng: np.random.Generator, resamples: int) -> FloatArray:
    """Return every way to give n seeds signs, up to that of the whole, or `resamples` ways drawn at random."""
    if n - 1 <= 20 and 2 ** (n - 1) <= resamples:
        ways = np.arange(2 ** (n - 1))[:, None] >> np.arange(n) & 1
        return np.asarray(1.0 - 2.0 * ways, dtype=np.float64)
    return np.asarray(rng.integers(0, 2, size=(resamples, n)) * 2.0 - 1.0, dtype=np.float64)


def _averaged(values: FloatArray) -> FloatArray:
    """Return the mean over a tenth of the points to each side, for rows of values (r, m)."""
    m = values.shape[1]
    near, at = max(1, round(_NEAR * m)), np.arange(m)
    first, last = np.maximum(at - near, 0), np.minimum(at + near + 1, m)
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    return np.asarray((sums[:, last] - sums[:, first]) / (last - first))


def _bend(skewness: FloatArray, number: FloatArray) -> FloatArray:
    """Return a third of the skewness of the mean of `number` runs (r, m), as far as it is followed."""
    return np.asarray(np.clip(_averaged(skewness) / (3.0 * np.sqrt(number)), -_MOST_BEND, _MOST_BEND))


def _unskewed(t: FloatArray, bend: FloatArray) -> FloatArray:
    """Return Hall's transformation of studentised means; it ascends, from -infinity to infinity."""
    return np.asarray(t * (1.0 + bend * t * (1.0 + bend * t / 3.0)) + bend / 2.0)


def _skewed(u: float, bend: FloatArray) -> FloatArray:
    """Return what `_unskewed` makes `u` of."""
    bent = np.where(np.abs(bend) < 1e-9, 1e-9, bend)
    return np.asarray((np.cbrt(1.0 + 3.0 * bent * (u - bent / 2.0)) - 1.0) / bent)


def _reach(spread: _Spread, rng: np.random.Generator, level: float, resamples: int) -> tuple[FloatArray, FloatArray]:
    """Return how many standard errors the band reaches below and above the mean, (m,) each."""
    n = len(spread.unit)
    if n > FEW:
        return _flipped(spread, rng, level, resamples)
    wide = _bonferroni(spread, level)
    below, above = _flipped(spread, rng, level, resamples) if n == FEW else (wide, wide)
    return np.maximum(below, wide), np.maximum(above, wide)


def _flipped(spread: _Spread, rng: np.random.Generator, level: float, resamples: int) -> tuple[FloatArray, FloatArray]:
    """Return what `_reach` does, from flips of signs."""
    unit, number = spread.unit, spread.number
    signs = _signs(len(unit), rng, resamples)
    mean, cube = signs @ unit / number, signs @ unit**3 / number
    variance = np.maximum(1.0 - mean * mean, 1e-9)  # flips keep the mean square, which is 1; 0: they made all alike
    t = mean / np.sqrt(variance / (number - 1.0))
    skewness = (cube + mean * (2.0 * mean * mean - 3.0)) / (variance * np.sqrt(variance))
    largest = np.abs(_unskewed(t, _bend(skewness, number))).max(axis=1)
    bound = float(np.quantile(largest, level, method="higher"))
    bend = _bend((unit**3).sum(axis=0)[None] / number, number)[0]
    return _skewed(bound, bend), -_skewed(-bound, bend)


def _bonferroni(spread: _Spread, level: float) -> FloatArray:
    """Return Student's quantile at each point (m,) for intervals that hold at all of them, however they depend."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(spread.number - 1.0, 1.0 - (1.0 - level) / (2.0 * len(spread.number))))


def tolerance_content(n: int, confidence: float = 0.95) -> float:
    """Return the share of all runs that lies, with this confidence, between the lowest and the highest of n runs.

    It solves n p^(n-1) - (n-1) p^n = 1 - confidence, whatever the distribution (S. S. Wilks, Annals of Mathematical
    Statistics 12, 1941): .61 of 10 runs, .95 of 93. 0 under 2.
    """
    if not 0.0 < confidence < 1.0:
        raise SandboxError(f"confidence={confidence} is out of range: it lies between 0 and 1")
    if n < 2:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):  # halved until it is exact
        p = (low + high) / 2.0
        if n * p ** (n - 1) - (n - 1) * p**n < 1.0 - confidence:
            low = p
        else:
            high = p
    return low


def tolerance_band(values: FloatArray, confidence: float = 0.95) -> Tolerance:
    """Return the lowest and highest of the seeds' values (n_seeds, n_points) at each point, and what they hold.

    `content` is that of the point with the fewest seeds among those that are told. It holds at each point by itself.
    """
    values = _two_axes(values)
    told = ~np.isnan(mean_of(values))
    low, high = (np.where(told, edge, np.nan) for edge in _range(values))
    if not told.any():
        return Tolerance(low, high, math.nan)
    fewest = int((~np.isnan(values[:, told])).sum(axis=0).min())
    return Tolerance(low, high, tolerance_content(fewest, confidence))
