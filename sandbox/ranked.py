"""How well probabilities rank: the area under the ROC curve.

The area is the chance that a question whose label is the second of two was given a higher probability of it than one
whose label is the first; ties count half (Hanley & McNeil 1982). It is exact while at most `MOST` decisions are
scored. From then on all scores lie on a grid of 2048 steps for each halving of the smaller probability, and only pairs
that share a step, which count half, can be wrong: `Scored.slack` bounds the error by half their share.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.ledger import Columns, columns_of
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Trace

Bits = NDArray[np.int8]  # labels, 0 or 1

MOST = 2**20  # scores that are kept one by one
_FINE = 2.0**45  # steps of probabilities that are known by the truth alone; 1 - p is then exact
_BITS = 11  # of the mantissa, in a step of the grid
_OCTAVES = 50  # halvings below one half; what is smaller lies in the last step
_HALF = _OCTAVES << _BITS
STEPS = 2 * _HALF
_EXPONENT = 1022 - _OCTAVES  # that of 2^-_OCTAVES-1, as floats write it


@compiled
def step_of(p: float) -> int:
    """Return the step of the grid in which a probability lies: as fine near 1 as near 0."""
    small = p if p < 0.5 else 1.0 - p
    at = int(np.float64(max(small, 0.0)).view(np.int64) >> (52 - _BITS)) - (_EXPONENT << _BITS)
    at = min(max(at, 0), _HALF - 1)
    return at if p < 0.5 else STEPS - 1 - at


@compiled
def _keep(c: Columns, scores: FloatArray, labels: Bits, tail: int) -> tuple[int, int]:
    """Write the scores and labels of the rows that have both; return how many, and how many before row `tail`.

    The score is the probability of the second label, by the confidence in the choice; without one, by the likelihood.
    """
    # Told by the choice it does not depend on the truth, so rounding of 1 - p breaks no tie in favour of a label. Told
    # by the truth it would: .1 for ever would rank perfectly. So there p is rounded first.
    kept, before = 0, 0
    for i in range(c.truth.shape[0]):
        if i == tail:
            before = kept
        truth, choice, p = c.truth[i], c.choice[i], c.confidence[i]
        if not (p == p and (choice == 0.0 or choice == 1.0)):
            choice, p = truth, c.likelihood[i]
            if p == p:
                p = math.floor(p * _FINE + 0.5) / _FINE
        if p == p and (truth == 0.0 or truth == 1.0):
            scores[kept], labels[kept] = (p if choice == 1.0 else 1.0 - p), int(truth)
            kept += 1
    return kept, (kept if tail >= c.truth.shape[0] else before)


@compiled
def _spread(scores: FloatArray, labels: Bits, grid: IntArray) -> None:
    for i in range(scores.shape[0]):
        grid[labels[i], step_of(scores[i])] += 1


@compiled
def _area(first: FloatArray, second: FloatArray) -> int:
    """Return twice the number of pairs in order, ties half, of the first label's scores and the second's, sorted."""
    doubled, below, upto = 0, 0, 0
    for i in range(second.shape[0]):
        score = second[i]
        while below < first.shape[0] and first[below] < score:
            below += 1
        upto = max(upto, below)
        while upto < first.shape[0] and first[upto] == score:
            upto += 1
        doubled += below + upto
    return doubled


def roc_auc(scores: FloatArray, labels: IntArray | Bits) -> float:
    """Return the area under the ROC curve of scores (n,) for labels (n,) of 0 and 1; NaN where one never comes."""
    second = labels == 1
    lower, upper = np.sort(scores[~second]), np.sort(scores[second])
    pairs = 2.0 * len(lower) * len(upper)
    return _area(lower, upper) / pairs if pairs else math.nan


def _grid_auc(grid: IntArray) -> float:
    first, second = grid
    below = np.cumsum(first) - first
    pairs = 2.0 * float(first.sum()) * float(second.sum())
    return float(np.sum(second * (2 * below + first))) / pairs if pairs else math.nan


class Scored:
    """Keeps the scores of a run whose labels are two, chunk by chunk, in bounded memory.

    `pushes`: number of decisions if known beforehand, by which the final tenth is told; else it is that of the scored.
    """

    def __init__(self, pushes: int | None = None, most: int = MOST) -> None:
        self._most = most
        self._tail = math.inf if pushes is None else pushes - max(1, pushes // 10)
        self._pushes = pushes
        self._rows = 0  # decisions seen
        self._before = 0  # scored before the tail
        self._kept = 0
        self._scores, self._labels = np.empty(0), np.empty(0, dtype=np.int8)
        self._known: dict[tuple[int, bool], float] = {}  # areas, by the rows seen
        self._grid: IntArray | None = None  # (2, 2, STEPS): before the tail and in it, label by label

    def update(self, trace: Trace) -> None:
        """Add the next chunk of the run."""
        n = len(trace)
        scores, labels = np.empty(n), np.empty(n, dtype=np.int8)
        tail = int(min(max(self._tail - self._rows, 0), n))
        kept, before = _keep(columns_of(trace), scores, labels, tail)
        scores, labels = scores[:kept], labels[:kept]
        self._rows += n
        self._before += before
        if self._grid is None and self._kept + kept > self._most:
            self._grid = np.zeros((2, 2, STEPS), dtype=np.int64)
            self._add(self._scores[: self._kept], self._labels[: self._kept], self._before - before)
            self._scores, self._labels = np.empty(0), np.empty(0, dtype=np.int8)
        if self._grid is not None:
            self._add(scores, labels, before)
        else:
            self._append(scores, labels)
        self._kept += kept

    def _append(self, scores: FloatArray, labels: Bits) -> None:
        end = self._kept + len(scores)
        if end > len(self._scores):
            room = min(max(end, 2 * len(self._scores)), self._most)
            self._scores = np.concatenate([self._scores[: self._kept], np.empty(room - self._kept)])
            self._labels = np.concatenate([self._labels[: self._kept], np.empty(room - self._kept, dtype=np.int8)])
        self._scores[self._kept : end], self._labels[self._kept : end] = scores, labels

    def _add(self, scores: FloatArray, labels: Bits, before: int) -> None:
        assert self._grid is not None
        before = min(before, len(scores))
        _spread(scores[:before], labels[:before], self._grid[0])
        _spread(scores[before:], labels[before:], self._grid[1])

    def area(self, final: bool = False) -> float:
        """Return the area of the run, or of its final tenth: NaN where a label or a probability never came.

        A final tenth that was not announced is not known beyond `MOST` scores.
        """
        asked = self._rows, final
        if asked not in self._known:
            self._known = {k: v for k, v in self._known.items() if k[0] == self._rows} | {asked: self._area(final)}
        return self._known[asked]

    def _area(self, final: bool) -> float:
        announced = self._rows == self._pushes
        if self._grid is not None:
            part = self._grid[1] if final else self._grid.sum(axis=0)
            return math.nan if final and not announced else _grid_auc(part)
        start = 0
        if final:
            start = self._before if announced else self._kept - max(1, self._kept // 10)
        return roc_auc(self._scores[start : self._kept], self._labels[start : self._kept])

    def slack(self, final: bool = False) -> float:
        """Return the most by which that area can be wrong: 0 while it is exact."""
        if self._grid is None:
            return 0.0
        first, second = self._grid[1] if final else self._grid.sum(axis=0)
        pairs = float(first.sum()) * float(second.sum())
        return float(np.sum(first.astype(np.float64) * second)) / (2.0 * pairs) if pairs else 0.0
