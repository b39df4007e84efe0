"""Which items were ever shown."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.table import FloatArray


@compiled
def mark_shown(slates: FloatArray, shown: NDArray[np.bool_]) -> None:
    """Mark the items in slates (n, k) of item numbers; a place that holds none has NaN or a number that is no item."""
    for i in range(slates.shape[0]):
        for j in range(slates.shape[1]):
            item = slates[i, j]
            if 0.0 <= item < shown.shape[0]:
                shown[int(item)] = True


def coverage(shown: NDArray[np.bool_]) -> float:
    """Return which share of the catalogue was shown, NaN where there is none."""
    return float(shown.mean()) if len(shown) else math.nan
