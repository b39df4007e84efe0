"""The rules of detectors that are slow in River, over a whole run at once: alarm for alarm the same.

They hold for values that are 0 or 1, and for the default of looking out for a rise only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.table import FloatArray, IntArray

_AHEAD = 4096  # samples that are drawn at a time


@compiled
def hddm_a_alarms(values: FloatArray, confidence: float, most: int, found: IntArray) -> int:
    """Fill in where HDDM with Hoeffding's bound alarms, at most `most` times; return how often (Frías-Blanco 2015)."""
    log_1, log_2 = math.log(1.0 / confidence), math.log(2.0 / confidence)
    count, n, mean, least_n, least = 0, 0.0, 0.0, 0.0, 0.0
    for i in range(values.shape[0]):
        n += 1.0
        mean += (1.0 / n) * (values[i] - mean)
        if least_n == 0.0:
            least_n, least = n, mean
        if least + math.sqrt(1.0 / (2.0 * least_n) * log_1) >= mean + math.sqrt(1.0 / (2.0 * n) * log_1):
            least_n, least = n, mean
        if least_n != n:
            m = (n - least_n) / least_n * (1.0 / n)
            if mean - least >= math.sqrt(m / 2.0 * log_2):
                found[count] = i
                count += 1
                if count >= most:
                    return count
                n, mean, least_n, least = 0.0, 0.0, 0.0, 0.0
    return count


@compiled
def _weigh(mean: float, value: float, fading: float) -> float:
    """Return a mean after one more value; NaN stands for that of none."""
    return value if mean != mean else fading * value + (1.0 - fading) * mean


@compiled
def hddm_w_alarms(values: FloatArray, confidence: float, fading: float, kept: float, most: int, found: IntArray) -> int:
    """Fill in where HDDM with weighted means and McDiarmid's bound alarms, at most `most` times; return how often.

    `kept`: the square of 1 - `fading`.
    """
    log_1, square, infinite = math.log(1.0 / confidence), fading * fading, math.inf
    count, mean, bound, lowest = 0, math.nan, 1.0, infinite
    old, old_bound, new, new_bound, began = 0.0, 1.0, math.nan, 1.0, False
    for i in range(values.shape[0]):
        mean, bound = _weigh(mean, values[i], fading), square + kept * bound
        reach = mean + math.sqrt(bound * log_1 / 2.0)
        if reach < lowest:
            lowest, old, old_bound = reach, mean, bound
            new, new_bound, began = math.nan, 1.0, False
        else:
            new, new_bound, began = _weigh(new, values[i], fading), square + kept * new_bound, True
        if began and new - old > math.sqrt((old_bound + new_bound) * log_1 / 2.0):
            found[count] = i
            count += 1
            if count >= most:
                return count
            mean, bound, lowest = math.nan, 1.0, infinite
            old, old_bound, new, new_bound, began = 0.0, 1.0, math.nan, 1.0, False
    return count


class Samples:
    """The samples that KSWIN draws after each beginning: the same every time, for its generator begins anew.

    `rng`: that generator (River's own kind); `older`, `size`: so many places of a window, of which so many are drawn.
    """

    def __init__(self, rng: Any, older: int, size: int) -> None:
        self._rng, self._older, self._size = rng, older, size
        self._drawn: NDArray[Any] = np.empty((0, size), dtype=np.uint8 if older <= 256 else np.int64)

    def first(self, count: int) -> NDArray[Any]:
        """Return the first samples (count, size): places among the older values of a window."""
        while len(self._drawn) < count:
            more = [self._rng.sample(range(self._older), self._size) for _ in range(_AHEAD)]
            self._drawn = np.concatenate([self._drawn, np.array(more, dtype=self._drawn.dtype)])
        return self._drawn[:count]


def kswin_alarms(
    values: FloatArray, alarming: NDArray[np.bool_], window: int, samples: Samples, most: int
) -> list[int]:
    """Return where KSWIN alarms, at most `most` times.

    `alarming` (size + 1,): whether it does, by the difference of the counts of ones in the two samples.
    """
    size = len(alarming) - 1
    ones = np.concatenate([[0], np.cumsum(values.astype(np.int64))])
    whole = values.astype(np.int8)
    found: list[int] = []
    begin, block = 0, 256
    while begin + window <= len(values) and len(found) < most:
        at, hit = begin, -1  # `at`: where a window begins
        while hit < 0 and at + window <= len(values):
            starts = np.arange(at, min(at + block, len(values) - window + 1))
            drawn = samples.first(int(starts[-1]) - begin + 1)[at - begin :]
            older = whole[starts[:, None] + drawn].sum(axis=1)
            recent = ones[starts + window] - ones[starts + window - size]
            hits = np.flatnonzero(alarming[np.abs(older - recent)])
            hit = int(starts[hits[0]]) + window - 1 if len(hits) else -1
            at, block = at + len(starts), 2048
        if hit < 0:
            break
        found.append(hit)
        begin, block = hit + 1, 256  # an alarm empties the window
    return found
