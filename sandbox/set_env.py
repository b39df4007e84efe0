"""Streams whose decision is a set, as Gymnasium environments: one sees a day, and acts by scores of its rows."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Question
from sandbox.stream_env import StreamEnv
from sandbox.streams._sets import SetStream, ranked
from sandbox.table import FloatArray


class DayEnv(StreamEnv):
    """A stream of days as an environment: each day is an episode of one step.

    The observation (n, d) holds the features of the day's n questions, a row each, in the order of `features`. The
    action (n,) is a score from 0 to 1 for each: the k highest are alerts, and the reward is what these earn together.
    `info` after a step holds `alerts` (k,), the rows that were alerts, the highest score first, and `found` (k,), the
    labels of these. `reset` is that of `StreamEnv`, with days for questions; `length` counts days, drifts questions.
    """

    stream: SetStream
    _met: SetStream

    def __init__(self, stream: SetStream, length: int | None = None) -> None:
        super().__init__(stream, length)
        assert isinstance(stream.observation_space, spaces.Dict)
        self.features = tuple(stream.observation_space)
        n, d = stream.per_day, len(self.features)
        self.observation_space = spaces.Box(-np.inf, np.inf, (n, d), np.float64)
        self.action_space = spaces.Box(0.0, 1.0, (n,), np.float64)
        self._day: list[Question] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Begin the next day; with a seed, the first of another run."""
        super().reset(seed=seed, options=options)
        assert self._question is not None and self._run is not None
        self._day = [self._question, *islice(self._run, self.stream.per_day - 1)]
        return self._shown(), {}

    def step(self, action: Any) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """End the day."""
        if self._question is None:
            raise SandboxError("the day was decided already; reset() begins the next one")
        scores = self._choice(action)
        if scores is None or not self.action_space.contains(scores):
            raise self._outside(action)
        met, n = self._met, self.stream.per_day
        made = [Decision(1, score) for score in scores.tolist()]
        alerts = ranked(made, met.alerts, self._seed, self._step * n)
        chosen = [self._day[place] for place in alerts.tolist()]
        reward = sum(met.gain(question, question.truth) for question in chosen)
        self._question = None
        told = {"alerts": alerts, "found": np.array([question.truth for question in chosen], dtype=np.int64)}
        return self._shown(), reward, True, False, told

    def _shown(self) -> FloatArray:
        return np.array([[question.observation[name] for name in self.features] for question in self._day])
