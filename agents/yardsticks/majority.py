"""Majority: always say the most frequent label so far."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Experience, Labels


class Majority:
    """Says the label seen most often (ties at random) with its frequency as confidence; abstains until it saw one."""

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run."""
        if not isinstance(choice_space, Labels):
            raise SandboxError("majority counts labels and needs a stream that tells them")
        self.rng = rng
        self._counts = [0] * int(choice_space.n)
        self._seen = 0

    def act(self, observation: Any) -> Decision:
        """Say the most frequent label."""
        if not self._seen:
            return Decision(None)
        top = max(self._counts)
        tied = [code for code, count in enumerate(self._counts) if count == top]
        choice = tied[0] if len(tied) == 1 else tied[int(self.rng.random() * len(tied))]
        return Decision(choice, top / self._seen, False, [count / self._seen for count in self._counts])

    def learn(self, experience: Experience) -> None:
        """Count the label."""
        if experience.truth is not None:
            self._counts[int(experience.truth)] += 1
            self._seen += 1
