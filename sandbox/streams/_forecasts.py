"""Forecasts: what streams have in common that show named numbers, ask for a number, and know its law."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import RunError
from sandbox.interfaces import Decision, Number, Numbers, Question, Settled
from sandbox.law_stream import BATCH, Batch
from sandbox.streams._mixed import MixedStream
from sandbox.streams.features import row_space
from sandbox.table import FloatArray, IntArray

MEAN, VARIANCE = 0, 1  # the first two of a question's `values`
_FURTHEST = 1e150  # of a number that is chosen: its square is still finite
_PARTS = 128  # of the sample by which a world sets its scale


class ForecastStream(MixedStream):
    """A stream that asks for a number: a forecast earns minus its squared error.

    The first two `values` of a question are the truth's mean and variance, given all that can be seen. The best
    forecast is the mean, and earns minus the variance; another costs its squared distance from the mean, which is its
    gap. The gap range is what the best forecast that is always the same costs at first: the variance of the means. With
    a material share of a hundredth, a mistake is a forecast that is further off than a tenth of their standard
    deviation. No forecast costs what the forecast 0 would on average, at first.
    """

    kind = "numbers"
    settles = True
    choice_names = ()
    luck_reach = math.inf  # a forecast may be off by any number
    features: tuple[str, ...]

    def __init__(self, drift: Specs = None) -> None:
        super().__init__(drift)
        self.choice_space = Number()
        self.observation_space = row_space(self.features)

    @abstractmethod
    def ask(self, seed: int, start: int, concept: IntArray) -> Batch:
        """Return the questions of the steps from `start` on, each under the law of its concept (n,)."""

    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the questions of the steps `start`, ..., `start + count - 1` of the run of `seed`."""
        return self.ask(seed, start, self.schedule.concepts(seed, start, count))

    def blank(self, concept: IntArray, values: int) -> Batch:
        """Return a batch to be filled in, with so many `values` a question."""
        n = len(concept)
        seen = Numbers(np.empty((n, len(self.features))))
        cell, group = np.empty((2, n), dtype=np.int64)
        return Batch(seen, np.empty(n), cell, group, concept, np.empty((n, values)), np.empty((n, 0)))

    def _sample(self, concept: int) -> FloatArray:
        """Return the `values` (n, k) of a fixed large sample of questions under a concept, spread over a run."""
        starts = range(0, self.suggested, self.suggested // _PARTS)
        law = np.full(BATCH // _PARTS, concept, dtype=np.int64)
        return np.concatenate([self.ask(0, start, law).values for start in starts])

    def _set_scale(self) -> FloatArray:
        """Say what prices are to be compared with, when the settings are known; return the `values` of a sample."""
        values = self._sample(0)
        mean, variance = values[:, MEAN], values[:, VARIANCE]
        self.gap_range = float(mean.var()) if mean.var() > 1e-9 else 1.0
        self.abstention = -float((mean * mean + variance).mean())
        self._constant = -float(mean.var() + variance.mean())  # what the mean of all, always said, earns
        return values

    def observation(self, batch: Batch, i: int) -> dict[str, float]:
        """Return the features of the i-th question of a batch, by name."""
        assert isinstance(batch.seen, Numbers)
        return dict(zip(self.features, batch.seen.values[i].tolist(), strict=True))

    def settle(self, question: Question, made: Decision) -> Settled:
        """Return what a forecast is worth, and what it earned."""
        values = question.values
        assert values is not None
        best = max(-values[VARIANCE], self.abstention)
        if made.choice is None:
            return Settled(best, self.abstention, self.abstention)
        forecast = number_of(made)
        off, error = forecast - values[MEAN], forecast - question.truth
        return Settled(best, -values[VARIANCE] - off * off, -error * error)

    def ideal(self, question: Question) -> Decision:
        """Return the best decision: the mean, or none where that costs less."""
        values = question.values
        assert values is not None
        return Decision(values[MEAN] if -values[VARIANCE] >= self.abstention else None)

    def best_values(self, batch: Batch) -> FloatArray:
        """Return V* (n,) of the questions of a batch, abstaining left out."""
        return np.asarray(-batch.values[:, VARIANCE])

    def expected_best(self, concept: int) -> float:
        """Return E[V*] of a question under a concept, from a fixed large sample, spread over a run."""
        blank = self.blank(np.zeros(0, dtype=np.int64), 0)
        best = self.best_values(blank._replace(values=self._sample(concept)))
        return float(np.maximum(best, self.abstention).mean())

    def simple_values(self) -> tuple[float, float]:
        """Return NaN, for there is no forecast at random, and what the best one that is always the same earns."""
        return math.nan, self._constant

    def law_parts(self, concept: int) -> tuple[FloatArray, FloatArray]:
        """Return the weight (laws,) of each law of a concept's mixture, and the cumulative weights, the last 1."""
        weight = np.array([share for share, _ in self.parts(concept)])
        up_to = np.cumsum(weight)
        up_to[-1] = 1.0
        return weight, up_to


def number_of(made: Decision) -> float:
    """Return the number that was chosen; refuse one so large that its price would be infinite."""
    number = float(made.choice)
    if not abs(number) <= _FURTHEST:
        raise RunError(f"the number {number:g} is too far off to be priced")
    return number


def rows_by_concept(concept: IntArray) -> list[tuple[int, IntArray]]:
    """Return each concept that occurs in (n,), and in which rows."""
    changed = bool((concept[1:] != concept[:-1]).any())  # much cheaper to say than which there are
    codes: list[Any] = np.unique(concept if changed else concept[:1]).tolist()
    return [(code, np.flatnonzero(concept == code) if changed else np.arange(len(concept))) for code in codes]
