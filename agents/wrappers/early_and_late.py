"""One model for labels that come at once, one for labels that come late."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.interfaces import Agent, Decision, Experience, Labels, Number, check_range

from ..filters._features import rewards_of
from ..filters._messages import choose
from ._wrapper import Wrapper, check_whole


class EarlyAndLate(Wrapper):
    """Around any agent, twice: one learns from answers that come at once, one from those that come late.

    They decide together, by the mean of their probabilities: Dal Pozzolo et al. (2015; 2018) for fraud,
    where investigators check a few alerts at once, and all else is known weeks later. `soon`: an answer is early if its
    question was asked at most so many decisions before the latest question answered so far. `weight` in [0, 1]: of the
    early model. Who has heard no answer yet has no say.
    """

    def __init__(self, agent: Agent, soon: int = 0, weight: float = 0.5) -> None:
        super().__init__(agent)
        check_whole("early-and-late", "soon", soon, 0, 2**53)
        check_range("early-and-late", "weight", weight, 0.0, 1.0)
        self.soon, self.weight = soon, weight

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with two fresh models."""
        super().begin(observation_space, choice_space, rng)
        self.late = self._fresh()
        self._heard = [0, 0]  # answers, early and late
        self._latest = -1
        self._rewards = rewards_of(choice_space) if isinstance(choice_space, Labels) else None
        self._number = isinstance(choice_space, Number)
        given = getattr(self.agent, "threshold", None)
        self._threshold = float(given) if isinstance(given, int | float) else math.nan

    def act(self, observation: Any) -> Any:
        """Choose by what both say."""
        early, late = self._heard
        if not late:
            return self.learner.act(observation)
        if not early:
            return self.late.act(observation)
        return self._together(_decision(self.learner.act(observation)), _decision(self.late.act(observation)))

    def learn(self, experience: Experience) -> None:
        """Teach one of the two."""
        self._latest = max(self._latest, experience.asked_at)
        is_late = experience.asked_at < self._latest - self.soon
        self._heard[is_late] += 1
        (self.late if is_late else self.learner).learn(experience)

    def _together(self, early: Decision, late: Decision) -> Decision:
        """Return the decision that two make together; a trial of the early one is made as it is."""
        ask = early.ask or late.ask
        if early.scores is not None and late.scores is not None:
            pairs = zip(early.scores, late.scores, strict=True)
            scores = [self.weight * a + (1.0 - self.weight) * b for a, b in pairs]
            probable = early.confidence == early.confidence and late.confidence == late.confidence
            if early.explored:
                return Decision(early.choice, scores[early.choice] if probable else math.nan, True, scores, ask)
            if probable and self._rewards is not None:
                choice = int(choose(np.array(scores, dtype=np.float64), self._rewards, self._threshold))
                return Decision(choice, scores[choice], False, scores, ask)
            return Decision(max(range(len(scores)), key=scores.__getitem__), math.nan, False, scores, ask)
        if self._number and early.choice is not None and late.choice is not None:
            mean = self.weight * float(early.choice) + (1.0 - self.weight) * float(late.choice)
            return Decision(mean, ask=ask)
        return (late if early.choice is None else early)._replace(ask=ask)


def _decision(made: Any) -> Decision:
    return made if isinstance(made, Decision) else Decision(made)
