"""Random: the yardstick that everybody should beat."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.compiled import rule
from sandbox.interfaces import Decision, Experience, Labels, Number

from ..tabular._tabular import random_choice


@rule
def choose_at_random(memory: Any, settings: Any, state: int, rng: np.random.Generator) -> tuple[int, bool]:
    """Return any choice; the memory's first array (1, A) says how many there are."""
    return random_choice(memory[0].shape[1], rng), False


class Random:
    """Chooses uniformly at random (Gymnasium's own sampling law where the choices are not discrete); never learns."""

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run."""
        self.rng = rng
        self._discrete = isinstance(choice_space, spaces.Discrete)
        if isinstance(choice_space, spaces.Discrete):
            self._n, self._start = int(choice_space.n), int(choice_space.start)
            self._confidence = 1.0 / self._n if isinstance(choice_space, Labels) else math.nan
        else:
            self._space = deepcopy(choice_space)
            self._space.seed(int(rng.integers(2**31)))

    def act(self, observation: Any) -> Decision:
        """Draw a choice."""
        if self._discrete:
            return Decision(self._start + random_choice(self._n, self.rng), self._confidence)
        drawn = self._space.sample()
        return Decision(float(drawn) if isinstance(self._space, Number) else drawn)

    def learn(self, experience: Experience) -> None:
        """Learn nothing."""

    def fast(self, kind: str, told: tuple[bool, ...], budget: int | None, delay: int) -> Callable[..., Any] | str:
        """Return the compiled loop of any kind of world, or why there is none."""
        if type(self) is not Random:
            return f"{type(self).__name__} is a subclass with rules of its own"
        if not self._discrete or self._start != 0:
            return "random choices are compiled where they are counted from 0"
        from ._random_loop import answer_at_random

        n, rng = self._n, self.rng
        if kind == "table":
            from ..tabular._table_loop import learn_nothing, table_loop

            loop, memory = table_loop(choose_at_random, learn_nothing), (np.zeros((1, n)),)
            return lambda walk, steps, chance, limits: loop(walk, steps, chance, limits, memory, (), rng)
        known = np.array(told, dtype=np.int64)
        left = np.array([-1 if budget is None else budget])
        labelled = not math.isnan(self._confidence)
        return lambda start, seen, outcome, answers, chosen: answer_at_random(
            answers, chosen, known, left, labelled, rng
        )
