"""Random: the yardstick that everybody should beat."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.interfaces import Decision, Experience, Number

from ._tabular import random_choice


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
        else:
            self._space = deepcopy(choice_space)
            self._space.seed(int(rng.integers(2**31)))

    def act(self, observation: Any) -> Decision:
        """Draw a choice."""
        if self._discrete:
            return Decision(self._start + random_choice(self._n, self.rng), 1.0 / self._n, False)
        drawn = self._space.sample()
        return Decision(float(drawn) if isinstance(self._space, Number) else drawn)

    def learn(self, experience: Experience) -> None:
        """Learn nothing."""
