"""Bands on curves: seconds for two agents and their difference, and how often a band holds the whole true curve."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from measure import Row, at_most
from scipy.special import chdtri, ndtr, stdtrit

from sandbox.comparison.bands import difference_band, simultaneous_band
from sandbox.table import FloatArray

POINTS, KEEPS = 100, 0.9


def _curves(rng: np.random.Generator, n: int) -> FloatArray:
    """Return n stationary Gaussian AR(.9) curves (n, 100) of mean 0 and variance 1."""
    noise = rng.standard_normal((n, POINTS))
    noise[:, 1:] *= math.sqrt(1.0 - KEEPS**2)
    for k in range(1, POINTS):
        noise[:, k] += KEEPS * noise[:, k - 1]
    return noise


# What the Gaussian values become; each has mean 0.
NOISES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "Gaussian": lambda z: z,
    "skewed (chi-square 4)": lambda z: np.asarray(chdtri(4, 1.0 - ndtr(z)) - 4.0),
    "heavy-tailed (Student 4)": lambda z: np.asarray(stdtrit(4, ndtr(z))),
}


def _pointwise(values: FloatArray) -> bool:
    n = len(values)
    half = float(stdtrit(n - 1, 0.975)) * values.std(axis=0, ddof=1) / math.sqrt(n)
    return bool((np.abs(values.mean(axis=0)) <= half).all())


def _coverage(noise: str, n: int, trials: int) -> tuple[float, float]:
    """Return the share of trials in which the band, and a pointwise one, hold the whole curve."""
    rng, flips, held, pointwise = np.random.default_rng(n), np.random.default_rng(1), 0, 0
    for _ in range(trials):
        values = NOISES[noise](_curves(rng, n))
        band = simultaneous_band(values, flips)
        held += bool(((band.low <= 0.0) & (band.high >= 0.0)).all())
        pointwise += _pointwise(values)
    return held / trials, pointwise / trials


def bands(quick: bool) -> list[Row]:
    """Return the time of three bands, and their coverage; 93 to 97 % of the Gaussian curves are asked from 10 seeds."""
    rng, laps = np.random.default_rng(0), []
    a, b = _curves(rng, 30), _curves(rng, 30)
    for _ in range(3 if quick else 10):
        began = time.perf_counter()
        simultaneous_band(a, rng), simultaneous_band(b, rng), difference_band(a, b, rng)
        laps.append(time.perf_counter() - began)
    rows = [at_most("seconds: bands of 2 agents and of their difference", median(laps), 1.0, "100 points, 30 seeds")]
    trials = 20 if quick else 1000
    for noise in NOISES:
        for n in (5, 10, 20, 30):
            held, pointwise = _coverage(noise, n, trials)
            asked = noise == "Gaussian" and n >= 10
            kept = not asked or 0.93 <= held <= 0.97
            detail = f"of {trials} trials; pointwise {pointwise:.3f}"
            rows.append(
                Row(f"whole AR(.9) curves held, {noise}, {n} seeds", held, ".93-.97" if asked else "none", kept, detail)
            )
    return rows
