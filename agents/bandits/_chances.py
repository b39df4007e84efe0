"""What agents share that draw their choice from chances: the draw, rewards on a scale, and chances that travel along.

A reward that comes late is weighted by the chances with which its choice was drawn then. In compiled loops they travel
with the reward, in the open loop with the choice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.compiled import lean
from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Experience, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import first_best
from ._bandit_agent import BanditAgent


class Drawn(int):
    """A choice that knows with what chances (k,) it was drawn."""

    chances: FloatArray


@lean
def draw(chances: FloatArray, rng: np.random.Generator) -> int:
    """Return a slot, drawn with `chances` (k,) that add up to 1."""
    left, last = rng.random(), 0
    for j in range(chances.shape[0]):
        if chances[j] > 0.0:
            last = j
            if left < chances[j]:
                return j
            left -= chances[j]
    return last  # where rounding left a rest


@lean
def unit(reward: float, low: float, high: float) -> float:
    """Return a reward on the scale from 0 (`low` or less) to 1 (`high` or more)."""
    return min(max((reward - low) / (high - low), 0.0), 1.0)


def check_scale(what: str, low: float, high: float) -> None:
    """Refuse, in one line, bounds of rewards that are none."""
    check_range(what, "low", low, -1e12, 1e12)
    check_range(what, "high", high, -1e12, 1e12)
    if low >= high:
        raise SandboxError(f"{what}: rewards lie between low={low!r} and high={high!r}: high must be the larger")


class ChanceAgent(BanditAgent):
    """A bandit whose scores are the chances of its choices, which come back with the reward."""

    _drawn_with: FloatArray | None = None

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run of which nothing is known."""
        super().begin(observation_space, choice_space, rng)
        self._context_size = self.n_slots  # what travels with a reward in compiled loops

    def _chances(self, items: IntArray, chances: FloatArray) -> None:
        """Write the chance of each slot of `items` (k,) into `chances` (k,)."""
        raise NotImplementedError

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        self._chances(items, scores)
        choice = draw(scores, self.rng)
        return choice, first_best(scores, choice) != choice

    def act(self, observation: Any) -> Decision:
        """Draw a slot."""
        made = super().act(observation)
        choice = Drawn(made.choice)
        choice.chances = np.array(made.scores)
        return made._replace(choice=choice)

    def learn(self, experience: Experience) -> None:
        """Learn from a reward; a choice that does not know its chances is taken as drawn with the present ones."""
        self._drawn_with = getattr(experience.choice, "chances", None)
        super().learn(experience)

    def _drawn(self, observation: Any) -> FloatArray:
        """Return the chances (k,) with which the choice that is being learned from was drawn."""
        if self._drawn_with is not None:
            return self._drawn_with
        chances = np.empty(self.n_slots)
        self._chances(self._items(observation), chances)
        return chances
