"""What is known of the items of the recommendation world: their numbers, and what of them is shown."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sandbox.streams.recommendation_law import draw_items
from sandbox.table import FloatArray


@lru_cache(maxsize=256)
def goods_of(law_seed: int, dimensions: int, items: bytes) -> FloatArray:
    """Return the numbers (k, dimensions + 2) of the items on offer, read-only: agents see parts of it."""
    ids = np.frombuffer(items, dtype=np.int64)
    goods = np.empty((len(ids), dimensions + 2))
    draw_items(law_seed, ids, goods)
    goods.setflags(write=False)
    return goods


@lru_cache(maxsize=4096)
def on_show(law_seed: int, dimensions: int, items: bytes) -> tuple[FloatArray, FloatArray]:
    """Return the features (k, dimensions) and durations (k,) of the items on offer, read-only; not their quality."""
    goods = goods_of(law_seed, dimensions, items)
    features, durations = goods[:, :-2].copy(), goods[:, -1].copy()
    for part in (features, durations):
        part.setflags(write=False)
    return features, durations
