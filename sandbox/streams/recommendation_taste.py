"""The law of a concept of the recommendation world, as arrays: tastes, and the settings that drift."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sandbox.streams._mixed import Part
from sandbox.streams.recommendation_law import Law
from sandbox.streams.recommendation_people import fresh_centres, fresh_taste
from sandbox.table import FloatArray, IntArray

Mixture = Sequence[tuple[float, tuple[Part, ...]]]


def _renewed(draw: Callable[[int], FloatArray], change: int, renewal: float) -> FloatArray:
    """Return what was drawn at first, `renewal` of its variance drawn anew."""
    first = draw(0)
    return first if not change else np.asarray(np.sqrt(1.0 - renewal) * first + np.sqrt(renewal) * draw(change))


def build_law(
    mixture: Mixture,
    drifting: dict[str, FloatArray],
    law_seed: int,
    segment: IntArray,
    shape: tuple[int, int],
    renewal: float,
) -> Law:
    """Return the law of a mixture, of which `drifting` holds each setting that drifts (laws,).

    `segment` (users,); `shape`: segments, dimensions.
    """
    weight = np.array([share for share, _ in mixture])
    cumulative = np.cumsum(weight)
    cumulative[-1] = 1.0

    def taste(change: int) -> FloatArray:
        return _renewed(lambda c: fresh_taste(law_seed, c, segment, *shape), change, renewal)

    def centre(change: int) -> FloatArray:
        return _renewed(lambda c: fresh_centres(law_seed, c, *shape), change, renewal)

    tastes, centres = (
        np.stack([np.asarray(sum(part.share * draw(part.change) for part in parts)) for _, parts in mixture])
        for draw in (taste, centre)
    )
    change = sorted({0, *(part.change for _, parts in mixture for part in parts)})
    own = np.zeros((len(mixture), len(change)))
    for m, (_, parts) in enumerate(mixture):
        for part in parts:
            own[m, 0] += part.share * (np.sqrt(1.0 - renewal) if part.change else 1.0)
            if part.change:
                own[m, change.index(part.change)] += part.share * np.sqrt(renewal)
    numbers = np.array(change, dtype=np.int64)
    return Law(cumulative, weight, tastes, centre=centres, own=own, change=numbers, **drifting)
