"""What learners around learners share: an agent that is copied at each beginning, and never touched itself."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.errors import SandboxError
from sandbox.interfaces import Agent, Experience, check_range


def check_whole(what: str, name: str, value: int, low: int, high: int) -> None:
    """Refuse, in one line, a setting that is no whole number in `[low, high]`."""
    check_range(what, name, value, low, high)
    if not isinstance(value, int):
        raise SandboxError(f"{what}: {name}={value!r} is not a whole number")


class Wrapper:
    """A learner around `agent`. `learner` is the copy that decides, of which each run has a fresh one."""

    learner: Any

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run; refuse what the agent refuses."""
        self._spaces, self._rng = (observation_space, choice_space), rng
        self.learner = self._fresh()

    def _fresh(self) -> Any:
        """Return an agent that has learned nothing yet."""
        made = copy.deepcopy(self.agent)
        made.begin(*self._spaces, self._rng)
        return made

    def act(self, observation: Any) -> Any:
        """Choose as the learner does."""
        return self.learner.act(observation)

    def learn(self, experience: Experience) -> None:
        """Learn as the learner does."""
        self.learner.learn(experience)

    def interrupt(self) -> None:
        """Tell the learner that it will hear nothing of what it has begun."""
        interrupt = getattr(self.learner, "interrupt", None)
        if interrupt is not None:
            interrupt()
