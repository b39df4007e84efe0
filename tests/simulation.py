"""Laws of scores, intervals that others use, and how often an interval holds the truth: one text for test and bench.

An interval here is a function of samples (t, n), each row ascending, and a generator; it returns bounds (t,), (t,).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import ndtr, ndtri, stdtrit

from sandbox.comparison.intervals import mean_bounds
from sandbox.table import FloatArray

Bounds = tuple[FloatArray, FloatArray]
Method = Callable[[FloatArray, np.random.Generator], Bounds]
RESAMPLES = 1999  # so that one tail of 2.5 % is a whole number of them
_AT_ONCE = 50  # trials that share their resamples


class Law(NamedTuple):
    """A law of scores: its quantile function, and its mean."""

    quantile: Callable[[FloatArray], FloatArray]
    mean: float

    def samples(self, rng: np.random.Generator, trials: int, n: int) -> FloatArray:
        """Return samples (trials, n), each row ascending."""
        return np.sort(self.quantile(rng.random((trials, n))), axis=1)

    @property
    def iqm(self) -> float:
        """The mean of the middle half."""
        return float(self.quantile(0.25 + (np.arange(200_000) + 0.5) / 400_000).mean())

    @property
    def median(self) -> float:
        return float(self.quantile(np.array([0.5]))[0])


def _fails(u: FloatArray, share: float = 0.2, spread: float = 0.1) -> FloatArray:
    """Return 0 for a share of the runs, else about 1."""
    return np.where(u < share, 0.0, 1.0 + spread * ndtri(np.maximum(u - share, 1e-300) / (1 - share)))


def _rare(u: FloatArray, share: float = 0.2) -> FloatArray:
    """Return an exponential score for a share of the runs, else 0."""
    return np.where(u < 1 - share, 0.0, -np.log1p(-(np.maximum(u, 1 - share) - (1 - share)) / share))


_POISSON = stats.poisson.cdf(np.arange(30), 1.0)


def _coin(share: float) -> Law:
    return Law(lambda u: (u >= 1 - share).astype(np.float64), share)


LAWS = {
    "normal": Law(ndtri, 0.0),
    "lognormal": Law(lambda u: np.exp(ndtri(u)), math.exp(0.5)),
    "one in five fails": Law(_fails, 0.8),  # else normal, mean 1 and sd 0.1
    "0/1, .5": _coin(0.5),
    "0/1, .8": _coin(0.8),
    "0/1, .9": _coin(0.9),
    "exponential": Law(lambda u: -np.log1p(-u), 1.0),
    "uniform": Law(lambda u: u, 0.5),
    "Student, 3": Law(lambda u: stdtrit(3, u), 0.0),
    "Poisson, 1": Law(lambda u: np.searchsorted(_POISSON, u).astype(np.float64), 1.0),
    "one in five costs": Law(_rare, 0.2),
}


def student(samples: FloatArray, rng: np.random.Generator) -> Bounds:
    n = samples.shape[1]
    mean, spread = samples.mean(axis=1), samples.std(axis=1, ddof=1)
    half = stdtrit(n - 1, 0.975) * spread / math.sqrt(n)
    return mean - half, mean + half


class _Resampled(NamedTuple):
    mean: FloatArray  # (t,)
    spread: FloatArray  # (t,)
    scores: FloatArray  # (t, n) with mean 0 and spread 1
    means: FloatArray  # (t, RESAMPLES) of the resampled scores
    spreads: FloatArray


def _resampled(samples: FloatArray, rng: np.random.Generator) -> _Resampled:
    n = samples.shape[1]
    number = rng.multinomial(n, [1 / n] * n, size=RESAMPLES).astype(np.float64).T
    mean, spread = samples.mean(axis=1), samples.std(axis=1, ddof=1)
    scores = (samples - mean[:, None]) / np.where(spread > 0, spread, 1.0)[:, None]
    means = scores @ number / n
    squares = np.maximum(scores**2 @ number - n * means**2, 0.0) / (n - 1)
    return _Resampled(mean, spread, scores, means, np.sqrt(squares))


def _tails(values: FloatArray) -> Bounds:
    k = (RESAMPLES + 1) // 40
    ordered = np.partition(values, [k - 1, RESAMPLES - k], axis=1)
    return ordered[:, k - 1], ordered[:, RESAMPLES - k]


def percentile(samples: FloatArray, rng: np.random.Generator) -> Bounds:
    """Return the percentile bootstrap's bounds (B. Efron 1979)."""
    found = _resampled(samples, rng)
    low, high = _tails(found.means)
    return found.mean + found.spread * low, found.mean + found.spread * high


def bca(samples: FloatArray, rng: np.random.Generator) -> Bounds:
    """Return the bounds of Efron's BCa bootstrap (JASA 82, 1987); a tie with the mean counts half."""
    found = _resampled(samples, rng)
    near = np.abs(found.means) < 1e-9
    below = ((found.means < 0) & ~near).mean(axis=1) + near.mean(axis=1) / 2
    bias = ndtri(np.clip(below, 1 / RESAMPLES, 1 - 1 / RESAMPLES))
    squares = np.maximum((found.scores**2).sum(axis=1), 1e-9)
    speed = (found.scores**3).sum(axis=1) / (6 * squares**1.5)
    ordered, bounds = np.sort(found.means, axis=1), []
    for tail in (0.025, 0.975):
        z = bias + ndtri(tail)
        rank = (ndtr(bias + z / (1 - speed * z)) * (RESAMPLES + 1)).astype(int)
        row = np.arange(len(ordered)), np.clip(rank, 1, RESAMPLES) - 1
        bounds.append(found.mean + found.spread * ordered[row])
    return bounds[0], bounds[1]


def bootstrap_t(samples: FloatArray, rng: np.random.Generator) -> Bounds:
    """Return the studentised bootstrap's bounds; a resample without spread has an infinite t, of the sign it has."""
    found = _resampled(samples, rng)
    low, high = _tails(found.means / np.maximum(found.spreads, 1e-7))
    return found.mean - found.spread * high, found.mean - found.spread * low


def dropping(samples: FloatArray, rng: np.random.Generator) -> Bounds:
    """Return the studentised bootstrap's bounds, resamples without spread left out."""
    found = _resampled(samples, rng)
    t = np.where(found.spreads > 1e-7, found.means / np.maximum(found.spreads, 1e-7), np.nan)
    t[np.isnan(t).all(axis=1)] = 0.0
    low, high = np.nanquantile(t, [0.025, 0.975], axis=1)
    return found.mean - found.spread * high, found.mean - found.spread * low


def percentile_of(centre: Callable[[FloatArray], FloatArray]) -> Method:
    """Return the percentile bootstrap of another centre than the mean, of ascending rows."""

    def method(samples: FloatArray, rng: np.random.Generator) -> Bounds:
        trials, n = samples.shape
        which = np.sort(rng.integers(0, n, (RESAMPLES, n)), axis=1)
        return _tails(centre(samples[:, which].reshape(-1, n)).reshape(trials, RESAMPLES))

    return method


def drawing_nothing(bounds: Callable[[FloatArray], Bounds]) -> Method:
    return lambda samples, rng: bounds(samples)


ours = drawing_nothing(mean_bounds)
RIVALS: dict[str, Method] = {"Student": student, "percentile": percentile, "BCa": bca, "bootstrap-t": bootstrap_t}


class Cell(NamedTuple):
    """How often an interval held the truth; its width over that of Student's: the median, and what 95 % are under."""

    covered: float
    width: float
    widest: float


def cell(law: Law, n: int, method: Method, trials: int, truth: float | None = None) -> Cell:
    """Return how often `method` holds the mean of `law`, or another `truth`. All methods see the same samples.

    Samples without spread get bounds without width, whatever the method.
    """
    samples = law.samples(np.random.default_rng([1, n]), trials, n)
    rng = np.random.default_rng([2, n])
    parts = [method(samples[k : k + _AT_ONCE], rng) for k in range(0, trials, _AT_ONCE)]
    low, high = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
    same = samples[:, 0] == samples[:, -1]
    low, high = np.where(same, samples[:, 0], low), np.where(same, samples[:, 0], high)
    goal = law.mean if truth is None else truth
    held = (low <= goal + 1e-9) & (goal - 1e-9 <= high)
    theirs = student(samples, rng)
    widths = (high - low)[~same] / (theirs[1] - theirs[0])[~same]
    return Cell(float(held.mean()), float(np.median(widths)), float(np.quantile(widths, 0.95)))
