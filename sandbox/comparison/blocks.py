"""One run on real data: how sure is its mean, judged by how the run varies over time.

Where every seed gives the same run (a deterministic learner on fixed data), seeds say nothing. What varies is the
stream: it is cut into ten stretches of equally many decisions, and the means of the stretches are taken for independent
(batch means; two learners are paired, stretch by stretch), with Student's quantile of nine degrees of freedom.

What it speaks of: other stretches of the same stream, as long as this one, met by learners as old as these. It does not
speak of other streams, nor of another order of this one.

What it assumes: that the difference of two learners varies about one level, and forgets within a tenth of the run. A
learning curve does not. Then this happens:

- What one learner loses early, while it learns, is in the mean, since it was paid. It makes the first stretches differ
  from the rest and so counts as noise: the interval gets wider, never narrower. One that leaves out 0 can be believed;
  one that holds 0 may hide that one learner was better at first and the other later. `trend_p` looks for that.
- Nothing is detrended. That would take away the early loss, which is no noise; but it would take away slow changes of
  the stream too, and those are just what another stretch would have otherwise.
- A change that came once, such as a drift in the middle, came once: of how often it comes the data say nothing.

Why not the block bootstrap: over 2,000 series of 512 points without a difference, ten stretches hold 0 in .95 for
AR(.5) noise, and in .93 for AR(.9), with and without as much white noise on top (.89 of 256 points, .79 of 100: those
no longer forget within a tenth). The circular block bootstrap with the block length of Politis and White (2004,
corrected 2009) holds .90, .85 and .82 of 512: the blocks it takes are few, which Student's quantile knows and
percentiles do not. Ten make the interval of white noise 9 % wider than it had to be.
"""

from __future__ import annotations

import math

import numpy as np

from sandbox.comparison.intervals import Difference, Interval
from sandbox.errors import SandboxError
from sandbox.table import FloatArray, IntArray

STRETCHES = 10
_LEAST = 2 * STRETCHES  # bins with a value: under two in a stretch, its mean is one bin
_EQUAL = 1e-12


def block_interval(total: FloatArray, number: FloatArray) -> Interval:
    """Return the mean of one run with the 95 % interval that its ten stretches give; `n` is their number.

    `total`, `number`: sum and number of values in each bin of the run, in order of time (see `Curve`). Of fewer than 20
    bins with a value, or where a stretch has none, there is no interval, and n is 1.
    """
    total, number = _checked(total, number)
    values = float(number.sum())
    if not values:
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = math.fsum(total) / values
    where = _stretch_of(number)
    if where is None:
        return Interval(mean, math.nan, math.nan, 1)
    half = _quantile() * _error(_pull(total, number, where))
    return Interval(mean, mean - half, mean + half, STRETCHES)


def paired_block_difference(
    total_a: FloatArray, number_a: FloatArray, total_b: FloatArray, number_b: FloatArray
) -> Difference:
    """Return the difference of the means of two runs on one stream, with 95 % interval and p value from ten stretches.

    Arguments as of `block_interval`, the same bins for both. The p value is under .05 where the interval leaves out 0.
    """
    from scipy.special import stdtr

    (total_a, number_a), (total_b, number_b) = _paired(total_a, number_a, total_b, number_b)
    if not number_a.sum() or not number_b.sum():
        return Difference(math.nan, math.nan, math.nan, math.nan, 0)
    mean = math.fsum(total_a) / float(number_a.sum()) - math.fsum(total_b) / float(number_b.sum())
    where = _stretch_of(number_a, number_b)
    if where is None:
        return Difference(mean, math.nan, math.nan, math.nan, 1)
    error = _error(_pull(total_a, number_a, where) - _pull(total_b, number_b, where))
    if error <= _EQUAL * abs(mean):
        return Difference(mean, mean, mean, float(mean == 0.0), STRETCHES)
    half = _quantile() * error
    p = 2.0 * float(stdtr(STRETCHES - 1, -abs(mean) / error))
    return Difference(mean, mean - half, mean + half, p, STRETCHES)


def stretch_differences(
    total_a: FloatArray, number_a: FloatArray, total_b: FloatArray, number_b: FloatArray
) -> FloatArray:
    """Return the difference of the means in each of the ten stretches (10,), empty where there are too few bins.

    Arguments as of `paired_block_difference`. For a reader: in how many of ten stretches a was ahead.
    """
    (total_a, number_a), (total_b, number_b) = _paired(total_a, number_a, total_b, number_b)
    where = _stretch_of(number_a, number_b)
    if where is None:
        return np.empty(0)
    a, b = (_sums(t, where) / _sums(n, where) for t, n in ((total_a, number_a), (total_b, number_b)))
    return np.asarray(a - b)


def trend_p(by_stretch: FloatArray) -> float:
    """Return the two-sided p value that the differences (n,) rise or fall over time: a straight line, Student's test.

    NaN from fewer than 3. Small: the difference was not the same throughout, and its interval is wider for that.
    """
    from scipy.special import stdtr

    n = len(by_stretch)
    if n < 3:
        return math.nan
    time, gap = np.arange(n) - (n - 1) / 2.0, by_stretch - np.mean(by_stretch)
    size = math.sqrt(float(time @ time) * float(gap @ gap))
    if size == 0.0:
        return 1.0
    r = float(time @ gap) / size
    rest = 1.0 - r * r
    return 2.0 * float(stdtr(n - 2, -abs(r) * math.sqrt((n - 2) / rest))) if rest > _EQUAL else 0.0


def _checked(total: FloatArray, number: FloatArray) -> tuple[FloatArray, FloatArray]:
    total, number = np.asarray(total, dtype=np.float64), np.asarray(number, dtype=np.float64)
    if total.ndim != 1 or total.shape != number.shape:
        raise SandboxError(
            f"each bin has a sum and a number of values, but their shapes are {total.shape}, {number.shape}"
        )
    if not (np.isfinite(total).all() and np.isfinite(number).all() and (number >= 0).all()):
        raise SandboxError("a bin's sum or number of values is not finite, or its number is negative")
    return total, number


def _paired(
    total_a: FloatArray, number_a: FloatArray, total_b: FloatArray, number_b: FloatArray
) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    a, b = _checked(total_a, number_a), _checked(total_b, number_b)
    if a[0].shape != b[0].shape:
        raise SandboxError(
            f"the runs have {len(a[0])} and {len(b[0])} bins; runs on one stream, equally long, have as many"
        )
    return a, b


def _stretch_of(*numbers: FloatArray) -> IntArray | None:
    """Return for each bin which stretch it is in; None if bins are too few, or a run has no value in some stretch.

    Stretches hold about equally many values; a bin is in that of its middle.
    """
    number = np.sum(numbers, axis=0)
    if int((number > 0).sum()) < _LEAST:
        return None
    middle = np.cumsum(number) - number / 2.0
    where = np.asarray(np.minimum(STRETCHES * middle // number.sum(), STRETCHES - 1), dtype=np.int64)
    return where if all(bool((_sums(one, where) > 0).all()) for one in numbers) else None


def _sums(values: FloatArray, where: IntArray) -> FloatArray:
    return np.asarray(np.bincount(where, weights=values, minlength=STRETCHES), dtype=np.float64)


def _pull(total: FloatArray, number: FloatArray, where: IntArray) -> FloatArray:
    """Return how far each stretch pulls the mean from what the others say (10,), summing to 0.

    Stretches may hold unequally many values: the mean is a ratio of sums (linearised; W. G. Cochran, Sampling
    Techniques, section 6).
    """
    mean = total.sum() / number.sum()
    return np.asarray((_sums(total, where) - mean * _sums(number, where)) * STRETCHES / number.sum())


def _error(pull: FloatArray) -> float:
    return math.sqrt(float(pull @ pull) / (STRETCHES * (STRETCHES - 1)))


def _quantile() -> float:
    from scipy.special import stdtrit

    return float(stdtrit(STRETCHES - 1, 0.975))
