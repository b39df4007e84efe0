"""Whether the confidence that an agent has in its choices is borne out: of those at .8, eight of ten are."""

from __future__ import annotations

import math

import numpy as np

from sandbox.compiled import compiled
from sandbox.ledger import CORRECT, Columns
from sandbox.table import FloatArray

BINS = 15  # of equal width (Guo et al. 2017, section 2)
COUNT, CONFIDENCE, RIGHT = range(3)


def make_bins() -> FloatArray:
    """Return empty bins (BINS, 3): decisions, the sum of their confidence, and how many were right."""
    return np.zeros((BINS, 3))


@compiled
def bin_rows(c: Columns, first: int, rows: int, signals: FloatArray, bins: FloatArray) -> None:
    """Count the choices among the rows judged in `signals` (K, BLOCK) whose confidence and whose truth are known."""
    most = bins.shape[0]
    for i in range(rows):
        sure, right = c.confidence[first + i], signals[CORRECT, i]
        if sure == sure and right == right and c.choice[first + i] == c.choice[first + i]:
            b = min(max(math.ceil(sure * most) - 1, 0), most - 1)  # a bin holds its upper edge
            bins[b, COUNT] += 1.0
            bins[b, CONFIDENCE] += sure
            bins[b, RIGHT] += right


def calibration_error(bins: FloatArray) -> float:
    """Return the expected calibration error: the mean over decisions of |share right - confidence| of their bin.

    Naeini, Cooper & Hauskrecht 2015. NaN where no choice has a confidence. It is never below 0, so where decisions are
    few, chance alone lifts it.
    """
    count = float(bins[:, COUNT].sum())
    return math.fsum(np.abs(bins[:, RIGHT] - bins[:, CONFIDENCE]).tolist()) / count if count else math.nan
