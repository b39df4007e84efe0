"""River's detectors of change under names of our own, with the setting that makes each more sensitive."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from river import drift
from river.drift import binary

from sandbox.table import FloatArray

from ._detector_rules import Samples, hddm_a_alarms, hddm_w_alarms, kswin_alarms


class Offer(NamedTuple):
    """A detector: its class, and its setting that makes it more sensitive, from the strictest value to the loosest.

    `binary`: whether it only understands 0 and 1. `raised`: a setting that may not be lower than that one.
    """

    made: type
    setting: str
    strict: float
    loose: float
    binary: bool
    text: str
    raised: str = ""


class Kswin(drift.KSWIN):
    """River's KSWIN, alarm for alarm, some ten times as fast.

    The p value of two samples of one size depends on nothing but the statistic, which has few values.
    """

    def alarms_in(self, values: FloatArray, most: int) -> list[int]:
        """Return where a fresh one alarms in values (n,) that are 0 or 1, at most `most` times."""
        size = self.stat_size
        rises = range(size + 1)
        alarming = np.array([p_of_rise(rise, size) <= self.alpha and rise / size > 0.1 for rise in rises])
        return kswin_alarms(values, alarming, self.window_size, _samples(self.seed, self.window_size, size), most)

    def update(self, x: Any) -> None:
        """Hear the next value."""
        if self.drift_detected:
            self._reset()  # type: ignore[no-untyped-call]
        self.n += 1
        self.window.append(x)
        self._drift_detected = False
        old = self.window_size - self.stat_size
        if len(self.window) < self.window_size:
            return
        window = list(self.window)
        drawn = [window[k] for k in self._rng.sample(range(old), self.stat_size)]
        recent = window[old:]
        rise = _largest_rise(drawn, recent)
        if p_of_rise(rise, self.stat_size) <= self.alpha and rise / self.stat_size > 0.1:
            self._drift_detected = True
            self.window = deque(islice(recent, None), maxlen=self.window_size)


@lru_cache(maxsize=64)
def _samples(seed: int | None, window: int, size: int) -> Samples:
    """Return what KSWIN draws with a seed; of many runs it is drawn once."""
    return Samples(drift.KSWIN(window_size=window, stat_size=size, seed=seed)._rng, window - size, size)


class HddmA(binary.HDDMA):
    """River's HDDM-A, alarm for alarm, and quicker where a whole run is told at once."""

    def alarms_in(self, values: FloatArray, most: int) -> list[int] | None:
        """Return where a fresh one alarms in values (n,) of 0 and 1, at most `most` times; None: listen instead."""
        if self.two_sided_test:
            return None
        found = np.empty(min(most, len(values)), dtype=np.int64)
        return list(found[: hddm_a_alarms(values, float(self.drift_confidence), len(found), found)].tolist())


class HddmW(binary.HDDMW):
    """River's HDDM-W, alarm for alarm, and quicker where a whole run is told at once."""

    def alarms_in(self, values: FloatArray, most: int) -> list[int] | None:
        """Return where a fresh one alarms in values (n,) of 0 and 1, at most `most` times; None: listen instead."""
        if self.two_sided_test:
            return None
        fading = float(self.lambda_val)
        found = np.empty(min(most, len(values)), dtype=np.int64)
        count = hddm_w_alarms(values, float(self.drift_confidence), fading, (1 - fading) ** 2, len(found), found)
        return list(found[:count].tolist())


def _largest_rise(a: Sequence[float], b: Sequence[float]) -> int:
    """Return the largest difference of the counts of values up to any point, of two samples of one size."""
    low, high = min(min(a), min(b)), max(max(a), max(b))
    if low == high:
        return 0
    if set(a) <= {low, high} and set(b) <= {low, high}:
        return abs(a.count(low) - b.count(low))
    first, second = sorted(a), sorted(b)
    return max(abs(bisect_right(first, x) - bisect_right(second, x)) for x in first + second)


@lru_cache(maxsize=1024)
def p_of_rise(rise: int, size: int) -> float:
    """Return the p value of Kolmogorov and Smirnov's test for two samples of `size`, as SciPy has it."""
    import warnings

    from scipy.stats import ks_2samp

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)
        return float(ks_2samp([0] * size, [1] * rise + [0] * (size - rise), method="auto").pvalue)


OFFERS = {
    "adwin": Offer(drift.ADWIN, "delta", 1e-12, 0.999, False, "window halves that differ (Bifet & Gavaldà 2007)"),
    "page-hinkley": Offer(drift.PageHinkley, "threshold", 1e5, 0.5, False, "sum of deviations (Page 1954)"),
    "ddm": Offer(binary.DDM, "drift_threshold", 30.0, 0.1, True, "errors above their least (Gama et al. 2004)"),
    "eddm": Offer(
        binary.EDDM, "beta", 0.2, 0.9999, True, "distance between errors (Baena-García et al. 2006)", "alpha"
    ),
    "hddm-a": Offer(HddmA, "drift_confidence", 1e-15, 0.999, True, "means, Hoeffding (Frías-Blanco 2015)"),
    "hddm-w": Offer(HddmW, "drift_confidence", 1e-15, 0.999, True, "weighted means, McDiarmid (the same)"),
    "kswin": Offer(Kswin, "alpha", 1e-15, 0.999, False, "recent against older, Kolmogorov-Smirnov (Raab 2020)"),
}
