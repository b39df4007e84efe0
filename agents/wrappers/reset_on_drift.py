"""Beginning anew when one's own errors become more."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.interfaces import Agent, Experience

from ..adapters.river_detector import detector_of
from ._alarm import Alarm
from ._judge import Judge
from ._wrapper import Wrapper, check_whole


class ResetOnDrift(Wrapper):
    """Around any agent: it begins anew when a drift detector finds that its errors have become more, never fewer.

    `detector`: any of River's, as `ADWIN(delta=0.002)` or `PageHinkley()`, fed with 1 for a wrong label and 0 for a
    right one, elsewhere with the loss of `only-mistakes` (0 to 1). An alarm counts if the losses after the likeliest
    change among the last `window` are larger than those before it. `relearn`: how many of the answers since that
    change (in environments: episodes), the last of them, the fresh learner is told at once. `resets`: how
    often it began anew.
    """

    def __init__(self, agent: Agent, detector: str = "ADWIN()", window: int = 1_000, relearn: int = 100) -> None:
        super().__init__(agent)
        detector_of(detector)
        check_whole("reset-on-drift", "window", window, 2, 1_000_000)
        check_whole("reset-on-drift", "relearn", relearn, 0, 1_000_000)
        self.detector, self.window, self.relearn = detector, window, relearn

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run."""
        super().begin(observation_space, choice_space, rng)
        self._judge = Judge(choice_space, self.window)
        self._alarm = Alarm(self.detector, self.window, choice_space)
        self._last: deque[list[Experience]] = deque(maxlen=self.relearn)
        self.resets = 0

    def learn(self, experience: Experience) -> None:
        """Learn what came, unless it shows that what was learned has become wrong: then begin anew."""
        found = self._judge.judge(experience)
        if found:
            self._last.append([judged.experience for judged in found])
        if not found or not self._alarm.worse(found[-1].loss):  # an episode is one loss
            self.learner.learn(experience)
            return
        kept = list(self._last)[-self._alarm.since :]
        self.learner = self._fresh()
        self.resets += 1
        self._alarm.restart()
        for one in [one for episode in kept for one in episode] or [experience]:
            self.learner.learn(one)
