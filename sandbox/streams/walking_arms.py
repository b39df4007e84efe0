"""Walking arms: all start equal, and every step moves each of them a little."""

from __future__ import annotations

import math
from itertools import chain
from typing import ClassVar

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import stream_of, uniform
from sandbox.drift import Specs
from sandbox.interfaces import Slate
from sandbox.streams._arms import MOST_ARMS, ArmStream, blended, rare_gap
from sandbox.streams._mixed import Part
from sandbox.streams._normal import REACH, mean_of_largest, normal_of
from sandbox.table import FloatArray

_BLOCK = 1024  # steps; where each block begins is found by itself, so that no step needs those before it
_WALK, _TURN = 49, 50  # the purposes for which steps and the beginnings of blocks are drawn


@compiled
def _push(seed: int, block: int, first: int, size: float, from_a: FloatArray, from_b: FloatArray) -> FloatArray:
    """Return a place (k,): half way between two, and a normal step of standard deviation `size` from there."""
    made, stream = np.empty(from_a.shape[0]), stream_of(seed, block, _TURN)
    for j in range(made.shape[0]):
        made[j] = 0.5 * (from_a[j] + from_b[j]) + size * normal_of(uniform(stream, first + j))
    return made


@compiled
def begin_block(seed: int, first: int, block: int, k: int) -> FloatArray:
    """Return where k walks of unit steps stand when a block begins (k,).

    From power of two to power of two the walk goes by one large step; in between, the middle of a stretch of n steps
    is normal about the mean of its ends, with variance n / 4 (Levy's construction of Brownian motion).
    """
    low, high, end = 0, 1, np.zeros(k)
    place = end
    end = _push(seed, 1, first, math.sqrt(_BLOCK), place, place)
    while high <= block:
        low, place = high, end
        high = 2 * high
        end = _push(seed, high, first, math.sqrt(_BLOCK * float(low)), place, place)
    while low < block:
        middle = (low + high) // 2
        between = _push(seed, middle, first, math.sqrt(_BLOCK * 0.25 * float(high - low)), place, end)
        if middle <= block:
            low, place = middle, between
        else:
            high, end = middle, between
    return place


@compiled
def walk(seed: int, first: int, start: int, place: FloatArray) -> None:
    """Fill `place` (n, k) with where each of k walks of unit normal steps stands in the steps from `start` on.

    Its numbers are those from `first` on of each step. Between the ends of a block it is a bridge.
    """
    n, k = place.shape
    block = start // _BLOCK
    steps, here = np.empty((_BLOCK + 1, k)), begin_block(seed, first, block, k)
    while block * _BLOCK < start + n:
        there = begin_block(seed, first, block + 1, k)
        steps[0] = 0.0
        for i in range(_BLOCK):
            stream = stream_of(seed, block * _BLOCK + i, _WALK)
            for j in range(k):
                steps[i + 1, j] = steps[i, j] + normal_of(uniform(stream, first + j))
        for i in range(max(0, start - block * _BLOCK), min(_BLOCK, start + n - block * _BLOCK)):
            share, row = i / _BLOCK, block * _BLOCK + i - start
            for j in range(k):
                place[row, j] = here[j] + steps[i, j] + share * (there[j] - here[j] - steps[_BLOCK, j])
        block, here = block + 1, there


class WalkingArms(ArmStream):
    """Arms that walk (Sutton & Barto, 2nd edition, exercise 2.5): the best one is now this, now that.

    All `arms` start with the mean reward 0; every step adds to each a normal number of standard deviation `walk`, by
    the seed of the run. A reward is normal about the mean, with standard deviation `noise`. Distances grow for ever:
    `gap_range` is what one after 10,000 steps exceeds once in a million runs at most, and what the best arm is worth is
    told as the mean over those steps.

    Drift: without settings, the arms jump to where other walks stand; with settings, `noise` changes, or `walk`, and
    all is as if they had always walked so.
    """

    may_drift: ClassVar[dict[str, tuple[float, float]]] = {"walk": (1e-9, 1e3), "noise": (0.0, 1e6)}

    def __init__(self, arms: int = 10, walk: float = 0.01, noise: float = 1.0, drift: Specs = None) -> None:
        super().__init__(drift)
        self.arms, self.walk, self.noise = arms, walk, noise
        self._open(arms)
        far = self.largest("walk") * math.sqrt(self.suggested)
        self.gap_range = far * rare_gap(arms)
        self.luck_reach = REACH * self.largest("noise") + (20.0 * REACH * far if self.mixes else 0.0)

    def arm_means(self, seed: int, part: Part, start: int, seen: Slate) -> FloatArray:
        """Return the mean of each arm (n, k) in the steps from `start` on."""
        place = np.empty((len(seen.user), self.arms))
        walk(seed, part.change * MOST_ARMS, start, place)
        return np.asarray(part.settings.get("walk", self.walk) * place)

    def expected_best(self, concept: int) -> float:
        """Return the expected mean of the best arm, over the first 10,000 steps."""
        mixture = self.parts(concept)
        parts = tuple(chain(*([part._replace(share=weight * part.share) for part in of] for weight, of in mixture)))
        size = blended(parts, [part.settings.get("walk", self.walk) for part in parts])
        return size * float(np.sqrt(np.arange(self.suggested)).mean()) * mean_of_largest(self.arms)

    def simple_values(self) -> tuple[float, float]:
        """Return the expected mean of an arm, and of that which is best over the first 10,000 steps."""
        n = self.suggested
        # The variance of the mean of a walk over its first n places: the sum of min(s, t) over all pairs, by n^2.
        spread = self.walk * math.sqrt((n - 1) * (2 * n - 1) / (6.0 * n))
        return 0.0, spread * mean_of_largest(self.arms)
