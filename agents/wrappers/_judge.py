"""What is a mistake, as a learner itself can tell: it knows no price, only what came of its decisions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from gymnasium import spaces

from sandbox.interfaces import Experience, Labels, Number

LONGEST = 1_000  # decisions after which an episode that does not end is judged by what it earned so far


class Judged(NamedTuple):
    """An experience, whether it was a mistake, and how bad it was: 0 (best) to 1, NaN if that cannot be told."""

    experience: Experience
    mistake: bool
    loss: float


class _Mean:
    """A running mean that forgets what is much older than `window` values."""

    def __init__(self, window: int) -> None:
        self._window, self._count, self.value = window, 0, 0.0

    def add(self, value: float) -> None:
        self._count += 1
        self.value += (value - self.value) / min(self._count, self._window)


class Judge:
    """Tells mistakes from successes, in the order in which answers come.

    Where labels are told, a mistake is a wrong label or an abstention, and its loss is 1. Where numbers are told, it is
    a forecast further off than they were on average of late; the loss is the error as a share of the largest so far.
    Where only rewards are told, it is an episode whose sum of rewards is below the average of late: of a question, its
    one reward; of an environment, all decisions of the episode, which are judged together when it ends. The loss is
    the way from the best to the worst sum so far. "Of late": the last `window` of them weigh most.
    """

    def __init__(self, choice_space: spaces.Space[Any], window: int) -> None:
        self._labels, self._number = isinstance(choice_space, Labels), isinstance(choice_space, Number)
        self._mean = _Mean(window)
        self._low, self._high = math.inf, -math.inf
        self._episode: list[Experience] = []

    def judge(self, experience: Experience) -> list[Judged]:
        """Return what can be told by now: of this experience, or of the episode that it ends, or nothing yet."""
        if experience.truth is not None and self._labels:
            mistake = experience.choice is None or bool(experience.choice != experience.truth)
            return [Judged(experience, mistake, float(mistake))]
        if experience.truth is not None and self._number:
            off = math.inf if experience.choice is None else abs(float(experience.choice) - float(experience.truth))
            return [self._rated(experience, -off)]
        self._episode.append(experience)
        if not (experience.terminated or experience.truncated or len(self._episode) >= LONGEST):
            return []
        ended, self._episode = self._episode, []
        told = self._rated(experience, sum(float(one.reward) for one in ended))
        return [told._replace(experience=one) for one in ended]

    def _rated(self, experience: Experience, earned: float) -> Judged:
        """Return how what was `earned` compares; minus infinity: nothing was said where one had to."""
        if earned == -math.inf:
            return Judged(experience, True, 1.0)
        if not math.isfinite(earned):
            return Judged(experience, False, math.nan)
        below = earned < self._mean.value if self._high > -math.inf else False
        self._mean.add(earned)
        best = 0.0 if self._number else -math.inf  # a forecast cannot do better than err by 0
        self._low, self._high = min(self._low, earned), max(self._high, earned, best)
        loss = (self._high - earned) / (self._high - self._low) if self._high > self._low else 0.0
        return Judged(experience, below, loss)
