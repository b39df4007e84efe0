"""Learning from mistakes alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.interfaces import Agent, Decision, Experience, check_range

from ._judge import Judge, Judged
from ._wrapper import Wrapper, check_whole


class OnlyMistakes(Wrapper):
    """Around any agent: it learns only from decisions that were mistakes (train on error, TOE).

    A mistake is a wrong label; where numbers are told, a forecast further off than the average of the last `window`;
    where only rewards are, an episode (of a stream: a question) that earned less than the average of the last `window`,
    all of it. `margin` in [0, 0.5]: it learns from right labels too, while it gives them a probability below
    0.5 + margin (train on or near error, TONE: Siefkes, Assis, Chhabra & Yerazunis 2004).
    """

    def __init__(self, agent: Agent, margin: float = 0.0, window: int = 100) -> None:
        super().__init__(agent)
        check_range("only-mistakes", "margin", margin, 0.0, 0.5)
        check_whole("only-mistakes", "window", window, 1, 1_000_000)
        self.margin, self.window = margin, window

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run."""
        super().begin(observation_space, choice_space, rng)
        self._judge = Judge(choice_space, self.window)

    def learn(self, experience: Experience) -> None:
        """Learn what was a mistake, when that is known."""
        for judged in self._judge.judge(experience):
            if self._wanted(judged):
                self.learner.learn(judged.experience)

    def _wanted(self, judged: Judged) -> bool:
        return judged.mistake or (self.margin > 0.0 and self._unsure(judged.experience))

    def _unsure(self, experience: Experience) -> bool:
        """Whether the learner, asked again, gives the right label little more than half a chance."""
        if experience.truth is None:
            return False
        made = self.learner.act(experience.observation)
        if not isinstance(made, Decision) or made.scores is None or made.confidence != made.confidence:
            return False
        return bool(made.scores[int(experience.truth)] < 0.5 + self.margin)
