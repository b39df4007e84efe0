"""Slates of the recommendation world: several items are shown at once, and those further down are seen less often.

The item in the r-th place is looked at with probability r^-attention (the position-based model: Craswell, Zoeter,
Taylor & Ramsey 2008, "An experimental comparison of click position-bias models"; in this form Joachims, Swaminathan &
Schnabel 2017, "Unbiased learning-to-rank with biased feedback"). A user looks at all places down to one, drawn anew
each time: what is above a place that is seen is seen. An item that is not looked at earns nothing and costs nothing.
"""

from __future__ import annotations

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.draws import stream_of, uniform
from sandbox.table import FloatArray, IntArray

_LOOK, _ORDER = 33, 34  # purposes: how far down a user looks; the order of what an agent did not order


def attention_of(slots: int, attention: float) -> FloatArray:
    """Return the probability (slots,) that each place is looked at."""
    return np.array([float(rank) ** -attention for rank in range(1, slots + 1)])


@lean
def rank(values: FloatArray, order: IntArray) -> None:
    """Fill `order` (slots,) with the places of the largest of `values` (k,), the largest first; ties in their order."""
    for r in range(order.shape[0]):
        best = -1
        for j in range(values.shape[0]):
            taken = False
            for q in range(r):
                taken = taken or order[q] == j
            if not taken and (best < 0 or values[j] > values[best]):
                best = j
        order[r] = best


@lean
def worth(values: FloatArray, order: IntArray, look: FloatArray) -> float:
    """Return the expected reward of a slate: the sum over places of what each item is worth when it is looked at."""
    total = 0.0
    for r in range(order.shape[0]):
        total += look[r] * values[order[r]]
    return total


@compiled
def best_worths(values: FloatArray, look: FloatArray, into: FloatArray) -> None:
    """Fill in the worth (n,) of the best slate of each question, of `values` (n, k).

    Items sorted by worth are best, since places are sorted by attention (the rearrangement inequality).
    """
    order = np.empty(look.shape[0], dtype=np.int64)
    for i in range(values.shape[0]):
        rank(values[i], order)
        into[i] = worth(values[i], order, look)


@lean
def looked_at(seed: int, step: int, look: FloatArray) -> int:
    """Return how many places, from the first on, the user of a step looks at."""
    u, seen = uniform(stream_of(seed, step, _LOOK), 0), 0
    while seen < look.shape[0] and u < look[seen]:
        seen += 1
    return seen


@lean
def shuffled(seed: int, step: int, scores: FloatArray) -> None:
    """Fill in scores (k,) at random."""
    stream = stream_of(seed, step, _ORDER)
    for j in range(scores.shape[0]):
        scores[j] = uniform(stream, j)


@lean
def nan(x: float) -> bool:
    """Say whether a number is none."""
    return x != x


@lean
def arrange(choice: int, scores: FloatArray, order: IntArray) -> None:
    """Fill `order` (slots,) with a choice, then the others by their scores (k,), ties in their order, NaN last."""
    order[0] = choice
    for r in range(1, order.shape[0]):
        best = -1
        for j in range(scores.shape[0]):
            taken = False
            for q in range(r):
                taken = taken or order[q] == j
            if not taken and (best < 0 or scores[j] > scores[best] or (nan(scores[best]) and not nan(scores[j]))):
                best = j
        order[r] = best
