"""Mean: always forecast the average so far."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Experience, Number


class Mean:
    """Forecasts the mean of the numbers it was told (Welford 1962); abstains until it was told one."""

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run."""
        if not isinstance(choice_space, Number):
            raise SandboxError("mean averages numbers and needs a stream that asks for forecasts")
        self._mean = 0.0
        self._seen = 0

    def act(self, observation: Any) -> Decision:
        """Forecast the mean."""
        return Decision(self._mean if self._seen else None)

    def learn(self, experience: Experience) -> None:
        """Add the number to the mean."""
        if experience.truth is not None:
            self._seen += 1
            self._mean += (experience.truth - self._mean) / self._seen
