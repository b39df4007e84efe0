"""Linear arms: what each earns depends on a context, which is drawn and shown before every choice."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces

from sandbox.compiled import compiled
from sandbox.draws import WORLD, stream_of
from sandbox.drift import Specs
from sandbox.interfaces import Slate
from sandbox.law_stream import Batch
from sandbox.streams._arms import MOST_ARMS, ArmStream, blended, draw_arms, rare_gap
from sandbox.streams._mixed import Part
from sandbox.streams._normal import REACH, fill_normals, mean_of_largest
from sandbox.table import FloatArray


@compiled
def draw_contexts(seed: int, start: int, context: FloatArray) -> None:
    """Fill in the context (n, d) of each step from `start` on: standard normal numbers."""
    for i in range(context.shape[0]):
        fill_normals(stream_of(seed, start + i, WORLD), context[i])


@compiled
def score(context: FloatArray, weight: FloatArray, mean: FloatArray) -> None:
    """Fill `mean` (n, k) with the product of each context (n, d) and each arm's weights (k, d)."""
    for i in range(mean.shape[0]):
        for j in range(mean.shape[1]):
            total = 0.0
            for d in range(context.shape[1]):
                total += context[i, d] * weight[j, d]
            mean[i, j] = total


class LinearBandit(ArmStream):
    """A contextual bandit with linear rewards (Li, Chu, Langford & Schapire 2010, section 3.1: disjoint models).

    Every step shows a context of `dimensions` standard normal numbers. What an arm earns is the product of context and
    the arm's weights, and normal noise of standard deviation `noise`. The weights are drawn by the seed of the run,
    normal, and such that an arm's mean reward has standard deviation `spread` over all contexts. The context has no
    constant. One decision in a million at most has a price larger than `gap_range`.

    Drift: without settings, the weights are drawn anew; with settings, `spread` or `noise` change.
    """

    _shows = True
    counts: ClassVar[dict[str, tuple[int, int]]] = {"arms": (1, MOST_ARMS), "dimensions": (1, 1000)}
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {"spread": (1e-6, 1e6), "noise": (0.0, 1e6)}

    def __init__(
        self, arms: int = 10, dimensions: int = 5, spread: float = 1.0, noise: float = 0.5, drift: Specs = None
    ) -> None:
        super().__init__(drift)
        self.arms, self.dimensions, self.spread, self.noise = arms, dimensions, spread, noise
        self._open(arms)
        self.observation_space = spaces.Box(-REACH, REACH, (dimensions,), np.float64)
        # A context's length over its root mean square: chi with d degrees of freedom over sqrt(d).
        length = np.arange(0.5, 1000.0) * (math.sqrt(dimensions) + 8.0) / 1000.0
        log_weight = (dimensions - 1) * np.log(length) - 0.5 * length * length
        weight = np.exp(log_weight - log_weight.max())
        length, weight = length / math.sqrt(dimensions), weight / weight.sum()
        self._length = float(length @ weight)
        self.gap_range = self.largest("spread") * rare_gap(arms, length.tolist(), weight.tolist())
        mixed = 2.0 * REACH * REACH * math.sqrt(dimensions) * self.largest("spread") if self.mixes else 0.0
        self.luck_reach = REACH * self.largest("noise") + mixed

    def seen(self, seed: int, start: int, count: int) -> Slate:
        """Return the contexts of the steps from `start` on."""
        context = np.empty((count, self.dimensions))
        draw_contexts(seed, start, context)
        return super().seen(seed, start, count)._replace(context=context)

    def observation(self, batch: Batch, i: int) -> Any:
        """Return the context (dimensions,) of the i-th question of a batch."""
        assert isinstance(batch.seen, Slate)
        return batch.seen.context[i].copy()  # what a view is a part of would tell of coming questions

    def arm_means(self, seed: int, part: Part, start: int, seen: Slate) -> FloatArray:
        """Return the mean of each arm (n, k) in each context."""
        weight = np.empty((self.arms, self.dimensions))
        draw_arms(seed, part.change, weight.reshape(-1))
        weight *= part.settings.get("spread", self.spread) / math.sqrt(self.dimensions)
        mean = np.empty((len(seen.user), self.arms))
        score(seen.context, weight, mean)
        return mean

    def expected_best(self, concept: int) -> float:
        """Return the expected mean of the best arm, over all weights and contexts."""
        mixture = self.parts(concept)
        parts = tuple(chain(*([part._replace(share=weight * part.share) for part in of] for weight, of in mixture)))
        spread = blended(parts, [part.settings.get("spread", self.spread) for part in parts])
        return spread * self._length * mean_of_largest(self.arms)

    def simple_values(self) -> tuple[float, float]:
        """Return 0 twice: without a look at the context every arm earns nothing on average."""
        return 0.0, 0.0
