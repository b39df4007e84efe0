"""Learning past mistakes again."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.interfaces import Agent, Experience

from ._judge import Judge
from ._wrapper import Wrapper, check_whole


class Replay(Wrapper):
    """Around any agent: it learns from everything, and with each answer from `replays` past mistakes again.

    The last `size` mistakes are remembered; which of them come again is drawn at random (Lin 1992, experience replay,
    of mistakes alone). A mistake is what `only-mistakes` takes for one, with its `window`. Meant for agents that learn
    from each decision by itself: for others, what comes again is an answer out of its order.
    """

    def __init__(self, agent: Agent, size: int = 100, replays: int = 1, window: int = 100) -> None:
        super().__init__(agent)
        check_whole("replay", "size", size, 1, 1_000_000)
        check_whole("replay", "replays", replays, 0, 1_000)
        check_whole("replay", "window", window, 1, 1_000_000)
        self.size, self.replays, self.window = size, replays, window

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with no mistakes remembered."""
        super().begin(observation_space, choice_space, rng)
        self._draws = rng.spawn(1)[0]  # its own: without replays the learner's run is that of the bare agent
        self._judge = Judge(choice_space, self.window)
        self._mistakes: list[Experience] = []
        self._oldest = 0

    def learn(self, experience: Experience) -> None:
        """Learn what came, then some of the mistakes that came before it."""
        self.learner.learn(experience)
        for _ in range(self.replays if self._mistakes else 0):
            self.learner.learn(self._mistakes[int(self._draws.integers(len(self._mistakes)))])
        for judged in self._judge.judge(experience):
            if judged.mistake:
                self._remember(judged.experience)

    def _remember(self, experience: Experience) -> None:
        if len(self._mistakes) < self.size:
            self._mistakes.append(experience)
        else:
            self._mistakes[self._oldest] = experience
            self._oldest = (self._oldest + 1) % self.size
