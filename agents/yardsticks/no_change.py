"""No-change: say the last answer again."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Experience, Labels, Number


class NoChange:
    """Says the last label or number that it was told; abstains until it was told one.

    Hard to beat where neighbours in time are alike (Žliobaitė 2013, on the Electricity data).
    """

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run."""
        if not isinstance(choice_space, Labels | Number):
            raise SandboxError("no-change repeats answers and needs a stream that tells them")
        self._is_label = isinstance(choice_space, Labels)
        self._last: int | float | None = None

    def act(self, observation: Any) -> Decision:
        """Say the last answer."""
        return Decision(self._last)

    def learn(self, experience: Experience) -> None:
        """Remember the answer."""
        if experience.truth is not None:
            self._last = int(experience.truth) if self._is_label else float(experience.truth)
