"""A committee of old concepts: who learned earlier laws is kept, and leads again when its law is back."""

from __future__ import annotations

import math
from collections import deque
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox.interfaces import Agent, Decision, Experience, Labels, check_range

from ..adapters.river_detector import detector_of
from ..filters._features import rewards_of
from ._alarm import Alarm
from ._judge import Judge, Judged
from ._wrapper import Wrapper, check_whole


class Member:
    """A learner, and its mean loss of late."""

    def __init__(self, learner: Any) -> None:
        self.learner = learner
        self.loss, self.heard = 0.0, 0

    def score(self, loss: float, step_size: float) -> None:
        """Count one more loss."""
        self.heard += 1
        self.loss += max(1.0 / self.heard, step_size) * (loss - self.loss)


class Heard(NamedTuple):
    """What came, and what it cost each member that had a say before it was learned."""

    judged: Judged
    losses: dict[Member, float]


class Committee(Wrapper):
    """Around any agent: at each change for the worse its learner is kept, and the best of late of all decides.

    `detector` and `window` as in `reset-on-drift`. At an alarm a fresh learner joins; all are judged anew on what came
    since the change. The one with the smallest mean loss of late (weights fading by `step_size`) leads: it decides and
    goes on learning, as does the newest. At most `size` are kept; who does worst goes. Losses: what the right label
    earns above the choice, as a share of the largest difference; a forecast's absolute error; where only rewards are
    told, the loss of `only-mistakes`, of questions on which a member would have chosen the same. In the spirit of Gama
    & Kosina (2014), recurrent concepts, and of Widmer & Kubat (1996), stored concepts.
    """

    def __init__(
        self, agent: Agent, detector: str = "ADWIN()", size: int = 5, step_size: float = 0.02, window: int = 1_000
    ) -> None:
        super().__init__(agent)
        detector_of(detector)
        check_whole("committee", "size", size, 2, 1_000)
        check_range("committee", "step_size", step_size, 1e-6, 1.0)
        check_whole("committee", "window", window, 2, 1_000_000)
        self.detector, self.size, self.step_size, self.window = detector, size, step_size, window

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with one member."""
        super().begin(observation_space, choice_space, rng)
        self.members = [Member(self.learner)]
        self._lead = self.members[0]
        self._judge = Judge(choice_space, self.window)
        self._alarm = Alarm(self.detector, self.window, choice_space)
        self._last: deque[list[Heard]] = deque(maxlen=self.window)
        self._rewards = rewards_of(choice_space) if isinstance(choice_space, Labels) else None
        self._span = 1.0 if self._rewards is None else float(np.ptp(self._rewards, axis=1).max()) or 1.0
        self._furthest = 0.0

    def act(self, observation: Any) -> Any:
        """Choose as the leader does."""
        return self._lead.learner.act(observation)

    def learn(self, experience: Experience) -> None:
        """Score every member on what came, let the leader and the newest learn it, and see who leads from now on."""
        found = self._judge.judge(experience)
        if found:
            self._last.append([Heard(judged, self._score(judged.experience, judged.loss)) for judged in found])
        worse = bool(found) and self._alarm.worse(found[-1].loss)  # an episode is one loss
        for member in {id(one): one for one in (self._lead, self.members[-1])}.values():
            member.learner.learn(experience)
        if worse:
            self._renew(self._alarm.since)
        self._lead = min(self.members, key=lambda member: member.loss)
        self.learner = self._lead.learner

    def _renew(self, since: int) -> None:
        """Let a fresh learner join, in the place of one that never came to lead, and judge all by what is new.

        Members are judged by what they said before they learned of it: after it, who remembers well errs in nothing.
        """
        if self.members[-1] is not self._lead:
            self.members.pop()
        self.members.append(Member(self._fresh()))
        for member in self.members:
            member.loss, member.heard = 0.0, 0
        fresh = self.members[-1]
        for (experience, _, loss), losses in [one for episode in list(self._last)[-since:] for one in episode]:
            found = self._asked(fresh, experience, loss)
            for member, lost in [*losses.items(), (fresh, found)]:
                if lost is not None:
                    member.score(lost, self.step_size)
            fresh.learner.learn(experience)
        self._alarm.restart()
        if len(self.members) > self.size:
            self.members.remove(max(self.members[:-1], key=lambda member: member.loss))

    def _score(self, experience: Experience, loss: float) -> dict[Member, float]:
        """Count what came against every member, and return what it cost each; one alone is not asked again."""
        alone = len(self.members) == 1
        losses: dict[Member, float] = {}
        for member in self.members:
            found = self._loss(experience.choice, experience, loss) if alone else self._asked(member, experience, loss)
            if found is not None and not math.isnan(loss):
                member.score(found, self.step_size)
                losses[member] = found
        return losses

    def _asked(self, member: Member, experience: Experience, loss: float) -> float | None:
        """Return what a member's choice would have cost, None if that is not to be seen."""
        if math.isnan(loss):
            return None
        made = member.learner.act(experience.observation)
        return self._loss(made.choice if isinstance(made, Decision) else made, experience, loss)

    def _loss(self, choice: Any, experience: Experience, loss: float) -> float | None:
        """Return what a choice would have cost, 0 to 1; None if that was not to be seen."""
        truth = experience.truth
        if truth is not None and self._rewards is not None:
            earns = self._rewards[int(truth)]
            return 1.0 if choice is None else float(earns.max() - earns[int(choice)]) / self._span
        if isinstance(truth, int | float) and isinstance(choice, int | float):
            off = abs(float(choice) - float(truth))
            self._furthest = max(self._furthest, off)
            return off / self._furthest if self._furthest > 0.0 else 0.0
        return loss if np.array_equal(choice, experience.choice) else None
