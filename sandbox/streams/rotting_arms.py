"""Rotting arms: what an arm earns falls, with time or with every use that is made of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

import numpy as np

from sandbox.compiled import compiled
from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import Question, Slate, check_range
from sandbox.law_stream import BATCH, Batch
from sandbox.streams._arms import ArmStream, settle
from sandbox.streams._mixed import Part
from sandbox.streams._normal import REACH
from sandbox.table import FloatArray, IntArray

# Each arm is best for a while: what falls faster starts higher.
_HEIGHTS = (1.0, 0.9, 0.74, 0.55, 0.37)
_RATES = (0.5, 0.4, 0.3, 0.2, 0.1)


@compiled
def wear(age: IntArray, first: int, height: FloatArray, rate: FloatArray, scale: float, mean: FloatArray) -> None:
    """Fill in the mean (n, k) of arms: height (1 + age / scale)^-rate. Without ages (n, k) it is the step."""
    for i in range(mean.shape[0]):
        for j in range(mean.shape[1]):
            years = age[i, j] if age.shape[0] > 0 else first + i
            mean[i, j] = height[j] * math.exp(-rate[j] * math.log1p(years / scale))


@compiled
def wear_down(
    weight: FloatArray, height: FloatArray, rate: FloatArray, scale: FloatArray, uses: IntArray, steps: int
) -> float:
    """Return the mean over some steps of the best arm's mean, where it is chosen every time.

    An arm's mean is the sum, by `weight` (p,), of those under several laws: `height` and `rate` (p, k), `scale` (p,).
    `uses` (k,) counts them, from 0.
    """
    total, mean, k = 0.0, np.zeros(height.shape[1]), height.shape[1]
    for step in range(-k, steps):
        arm = step + k  # before the first step, what each is worth unused
        if step >= 0:
            arm = 0
            for j in range(k):
                if mean[j] > mean[arm]:
                    arm = j
            total += mean[arm]
            uses[arm] += 1
        mean[arm] = 0.0
        for p in range(weight.shape[0]):
            mean[arm] += weight[p] * height[p, arm] * math.exp(-rate[p, arm] * math.log1p(uses[arm] / scale[p]))
    return total / steps


class Worn(Question):
    """A question of a run whose arms wear out: it knows their use so far, and counts one more once it is answered."""

    uses: IntArray  # (1, k) the run's own
    earns: FloatArray  # (k,)
    earned: float | None = None


class RottingArms(ArmStream):
    """Arms that earn less and less, with time or with every use (Levine, Crammer & Mannor 2017).

    Means fall as `heights` (1 + age / `scale`)^-`rates`, each of the two a row with a number for each arm. An arm's age
    is the time passed ("restless"); if `rested`, the number of times that it was chosen. A reward is normal about the
    mean, with standard deviation `noise` (the paper's variance is 0.2, its scale 100). Where arms are rested, a choice
    changes what later ones are worth. Gaps are then myopic: what was lost at once. While the law stays, the oracle,
    which takes the arm that is best at once, is still the best player (Heidari, Kearns & Roth 2016). V* is as the arms
    stand. Such runs are made in the open loop.

    Drift: without settings, every arm gets height and rate of the next; with settings, `scale` or `noise` change, and
    all is as if it had always been so.
    """

    counts: ClassVar[dict[str, tuple[int, int]]] = {}
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {"scale": (1e-6, 1e12), "noise": (0.0, 1e6)}

    def __init__(
        self,
        heights: Sequence[float] = _HEIGHTS,
        rates: Sequence[float] = _RATES,
        scale: float = 100.0,
        noise: float = math.sqrt(0.2),
        rested: bool = False,
        drift: Specs = None,
    ) -> None:
        super().__init__(drift)
        self.heights, self.rates, self.scale, self.noise, self.rested = heights, rates, scale, noise, rested
        for name, most in (("heights", 1e6), ("rates", 100.0)):
            row = getattr(self, name)
            if not isinstance(row, list | tuple) or not row or len(row) != len(heights):
                raise SandboxError(f"{self.world_name}: {name}={row!r}: one number for each arm, as many as heights")
            for one in row:
                check_range(self.world_name, name, one, 0.0, most)
        if not isinstance(rested, bool):
            raise SandboxError(f"{self.world_name}: rested={rested!r} is neither True nor False")
        self._open(len(heights))
        self.kind = "rested" if rested else "slate"  # which no compiled loop knows
        self.reactive = rested
        self.objective = "reward per decision" + (", myopic" if rested else "")
        self.gap_range = float(max(heights)) or 1.0
        self.luck_reach = REACH * self.largest("noise") + (self.gap_range if self.mixes else 0.0)

    def _means(self, part: Part, age: IntArray, first: int, count: int) -> FloatArray:
        mean = np.empty((count, self.n_arms))
        wear(age, first, *self._law_of(part), mean)
        return mean

    def _law_of(self, part: Part) -> tuple[FloatArray, FloatArray, float]:
        """Return heights (k,), rates (k,) and the scale of a law."""
        height, rate = (np.roll(np.array(one, dtype=np.float64), -part.change) for one in (self.heights, self.rates))
        return height, rate, float(part.settings.get("scale", self.scale))

    def arm_means(self, seed: int, part: Part, start: int, seen: Slate) -> FloatArray:
        """Return the mean of each arm (n, k) in the steps from `start` on, for arms that age with time."""
        return self._means(part, np.empty((0, self.n_arms), dtype=np.int64), start, len(seen.user))

    def questions(self, seed: int) -> Iterator[Question]:
        """Yield the questions of one run; those of rested arms depend on the choices, of which `reward` hears."""
        if not self.rested:
            yield from super().questions(seed)
            return
        uses, start = np.zeros((1, self.n_arms), dtype=np.int64), 0
        while True:
            for step, concept in enumerate(self.schedule.concepts(seed, start, BATCH).tolist(), start):
                values, rewards = self._at(seed, step, concept, uses)
                asked = Worn(0, math.nan, 0, 0, concept, values[0].tolist(), None, self.abstention)
                asked.uses, asked.earns = uses, rewards[0]
                yield asked
            start += BATCH

    def _at(self, seed: int, step: int, concept: int, uses: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the expected and the realised rewards (1, k) of a step, as worn as the arms are."""
        law, values, rewards = self.law(concept), np.empty((1, self.n_arms)), np.empty((1, self.n_arms))
        means = np.zeros((len(law.parts), 1, self.n_arms))
        for m, parts in enumerate(law.parts):
            for part in parts:
                means[m] += part.share * self._means(part, uses, 0, 1)
        settle(seed, step, np.zeros(1, dtype=np.int64), *law[:3], means, values, rewards)
        return values, rewards

    def reward(self, question: Question, choice: Any) -> float:
        """Return what a choice earns, and let its arm wear; asked again, the question gives the same answer."""
        if not isinstance(question, Worn):
            return super().reward(question, choice)
        if question.earned is None:
            question.earned = float(question.earns[choice])
            question.uses[0, choice] += 1
        return question.earned

    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the questions of some steps of the run of `seed`; of rested arms, those that the oracle meets."""
        if not self.rested:
            return super().batch(seed, start, count)
        values, rewards = np.empty((count, self.n_arms)), np.empty((count, self.n_arms))
        concept = self.schedule.concepts(seed, start, count)
        for step, asked in enumerate(islice(self.questions(seed), start + count), -start):
            assert isinstance(asked, Worn) and asked.values is not None
            if step >= 0:
                values[step], rewards[step] = asked.values, asked.earns
            self.reward(asked, int(np.argmax(asked.values)))
        nothing = np.zeros(count, dtype=np.int64)
        return Batch(self.seen(seed, start, count), nothing - 1, nothing, nothing, concept, values, rewards)

    def expected_best(self, concept: int) -> float:
        """Return the mean of the best arm over the first 10,000 steps; of rested arms, as the oracle wears them."""
        if not self.rested:
            return float(self.pin(concept).batch(0, 0, self.suggested).values.max(axis=1).mean())
        mixture = self.parts(concept)
        laws = [(weight * part.share, *self._law_of(part)) for weight, parts in mixture for part in parts]
        weight, height, rate, scale = (np.array(column) for column in zip(*laws, strict=True))
        return float(wear_down(weight, height, rate, scale, np.zeros(self.n_arms, dtype=np.int64), self.suggested))

    def simple_values(self) -> tuple[float, float]:
        """Return the mean of all arms, and of the best one, over the first 10,000 steps.

        A rested arm that is always chosen wears as time wears a restless one; chosen at random, as one of k in turn.
        """
        part, age = Part(1.0, 0, {}), np.arange(self.suggested)
        turns = age // self.n_arms if self.rested else age
        by_chance, fixed = (
            self._means(part, np.repeat(one[:, None], self.n_arms, axis=1), 0, self.suggested) for one in (turns, age)
        )
        return float(by_chance.mean()), float(fixed.mean(axis=0).max())
