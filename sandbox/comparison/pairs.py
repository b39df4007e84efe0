"""Pairs of agents: p values that hold for all of them, how likely one beats the other, how many seeds settle it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sandbox.comparison.centres import Estimate
from sandbox.errors import SandboxError
from sandbox.table import FloatArray

MOST = 1000  # more seeds than anybody would run to settle a pair
_LEVEL = 0.05
_ROUNDING = 1e-12
_WIDER = 1  # pairs that our test needs beyond Student's, since it takes the larger p value of his and Hall's


def holm(p: Sequence[float]) -> list[float]:
    """Return p values that hold for all of them together (S. Holm, Scandinavian Journal of Statistics 6, 1979).

    A p value that is NaN is of no test: it stays NaN and does not count.
    """
    values = np.asarray(p, dtype=np.float64)
    order = [int(k) for k in np.argsort(values, kind="stable") if not math.isnan(values[k])]
    found = [math.nan] * len(values)
    highest = 0.0
    for rank, k in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * float(values[k])))
        found[k] = highest
    return found


def checked_p(p: float, a_by_seed: Sequence[float], b_by_seed: Sequence[float]) -> float:
    """Return `p`, that of the paired difference, or the sign test's where that is larger and all differences are alike.

    Where scores are 0 or 1, differences have one size or are 0. There the sign test (W. Dixon, A. Mood, JASA 41, 1946)
    is exact, and a test of means is not: it errs far out in the tail, where corrected p values lie, and calls three
    wins of three certain.
    """
    gaps = _gaps(a_by_seed, b_by_seed)
    sizes = np.abs(gaps[gaps != 0.0])
    if not len(sizes) or np.ptp(sizes) > _ROUNDING * sizes.max():
        return p
    from scipy.special import bdtr

    fewer = min(int((gaps > 0).sum()), int((gaps < 0).sum()))
    return max(p, min(1.0, 2.0 * float(bdtr(fewer, len(sizes), 0.5)))) if not math.isnan(p) else p


def improvement(a_by_seed: Sequence[float], b_by_seed: Sequence[float], higher: bool) -> Estimate:
    """Return the probability that a beats b on a seed, with its 95 % interval; a tie is half a win.

    `higher`: whether more is better. Seeds without both scores are left out. Wilson's score interval, and near 0 and 1
    a bound from the Poisson law (L. Brown, T. Cai, A. DasGupta: Interval estimation for a binomial proportion,
    Statistical Science 16, 2001, section 4.1.1): without ties it covers at least .92 for 10 to 30 seeds whatever the
    share, where Wilson's own falls to .84. Ties make it cover more.
    """
    gaps = _gaps(a_by_seed, b_by_seed)
    n = len(gaps)
    if not n:
        return Estimate(math.nan, math.nan, math.nan, 0)
    wins = float((gaps > 0).sum() if higher else (gaps < 0).sum()) + 0.5 * float((gaps == 0).sum())
    if n < 2:
        return Estimate(wins, math.nan, math.nan, n)
    return Estimate(wins / n, _lower(wins, n), 1.0 - _lower(n - wins, n), n)


def _lower(wins: float, n: int) -> float:
    """Return the lower bound of a share."""
    from scipy.special import gammaincinv, ndtri

    if not wins:
        return 0.0
    if wins <= (2 if n <= 50 else 3):
        return float(gammaincinv(wins, _LEVEL)) / n
    z, share = float(ndtri(1.0 - _LEVEL / 2.0)), wins / n
    half = z * math.sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n))
    return (share + z * z / (2.0 * n) - half) / (1.0 + z * z / n)


def _gaps(a_by_seed: Sequence[float], b_by_seed: Sequence[float]) -> FloatArray:
    if len(a_by_seed) != len(b_by_seed):
        raise SandboxError(f"{len(a_by_seed)} scores do not pair with {len(b_by_seed)}; give one of each for each seed")
    gaps = np.subtract(a_by_seed, b_by_seed, dtype=np.float64)
    return np.asarray(gaps[~np.isnan(gaps)])


def power_of(effect: float, n: int, level: float = _LEVEL) -> float:
    """Return how often Student's two-sided paired test with `n` pairs finds a difference of `effect` sd of it.

    The noncentral t law (J. Cohen: Statistical power analysis for the behavioral sciences, 1988, chapter 2).
    """
    from scipy.special import nctdtr, ndtr, stdtrit

    bound, shift = float(stdtrit(n - 1, 1.0 - level / 2.0)), abs(effect) * math.sqrt(n)
    missed = float(nctdtr(n - 1, shift, bound))
    if math.isnan(missed):  # scipy gives up where next to nothing is missed
        missed = float(ndtr(bound - shift))
    wrong_side = float(nctdtr(n - 1, shift, -bound)) if shift < 5.0 else 0.0
    return 1.0 - missed + wrong_side


def seeds_for(effect: float, level: float = _LEVEL, power: float = 0.8, most: int = MOST) -> int | None:
    """Return the least number of pairs that finds a difference of `effect` sd with this power, None if over `most`."""
    if not effect or math.isnan(effect) or most < 2 or power_of(effect, most, level) < power:
        return None
    low, high = 1, most  # too few, enough
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_of(effect, middle, level) >= power else (middle, high)
    return high


def seeds_to_settle(
    a_by_seed: Sequence[float],
    b_by_seed: Sequence[float],
    level: float = _LEVEL,
    *,
    power: float = 0.8,
    most: int = MOST,
) -> int | None:
    """Return how many more seeds would settle a pair if the difference seen, and its spread, are the true ones.

    With so many `paired_difference` finds it at `level`, corrected for the number of pairs, with about this power. At
    least 1: ask of what is not settled yet. None: it takes over `most`, or nothing differs, or a run failed. It is a
    guess from few seeds: the true difference may be smaller, and take many times as many.
    """
    gaps = _gaps(a_by_seed, b_by_seed)
    n = len(gaps)
    if n < 2 or n < len(a_by_seed):
        return None
    mean, sd = float(gaps.mean()), float(gaps.std(ddof=1))
    if sd <= _ROUNDING * abs(mean):  # all the same: so many in a row are not chance, as `checked_p` has it
        return max(1, math.ceil(math.log2(2.0 / level)) - n) if mean else None
    needed = seeds_for(mean / sd, level, power, most + n - _WIDER)
    if needed is None:
        return None
    # Where the spread alone would have settled it, the skew of the scores has not: that takes about as many again.
    return needed + _WIDER - n if needed + _WIDER > n else n
