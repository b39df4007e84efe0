"""Agents that are told what no other may know: the law, the state, the concept in force. They are yardsticks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Experience, Question, check_range
from sandbox.oracle import Solution
from sandbox.table import FloatArray


class OracleAgent:
    """The oracle as an agent: a yardstick that nobody beats in expectation. It alone is handed the table.

    The loop tells it by `state` where it stands (None: where the observation says), and by `concept` which of several
    laws is in force.
    """

    def __init__(self, solution: Solution | Sequence[Solution]) -> None:
        several = [solution] if isinstance(solution, Solution) else solution
        self._choices = [one.policy.tolist() for one in several]
        self.state: int | None = None
        self.concept = 0

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        """Start a run."""
        self.state, self.concept, self._rng = None, 0, rng

    def act(self, observation: Any) -> Decision:
        """Return a best choice, the one that ends the episode soonest."""
        return Decision(self._choices[self.concept][observation if self.state is None else self.state])

    def learn(self, experience: Experience) -> None:
        """Do nothing: there is nothing to learn."""


class PolicyAgent(OracleAgent):
    """Follows, under each law, a policy that was worked out from its table, exploring a share `epsilon` of the time.

    `policy_of(concept)` returns the probability of each choice in each state (S, A); it is asked once for each law.
    """

    def __init__(self, policy_of: Callable[[int], FloatArray], epsilon: float = 0.0) -> None:
        check_range("PolicyAgent", "epsilon", epsilon, 0.0, 1.0)
        self._policy_of, self.epsilon = policy_of, epsilon
        self._known: dict[int, FloatArray] = {}
        self.state, self.concept = None, 0

    def act(self, observation: Any) -> Decision:
        """Draw a choice."""
        if self.concept not in self._known:
            self._known[self.concept] = self._policy_of(self.concept)
        policy = self._known[self.concept][observation if self.state is None else self.state]
        if self.epsilon > 0.0 and self._rng.random() < self.epsilon:
            return Decision(int(self._rng.random() * len(policy)), math.nan, True, policy)
        u = self._rng.random()
        return Decision(min(int(np.searchsorted(np.cumsum(policy), u, side="right")), int(np.flatnonzero(policy)[-1])))


class StreamOracle:
    """The oracle of a stream as an agent: the loop hands it the question itself, prices and all.

    `ideal` returns the best decision on a question. It explores a share `epsilon` of the time, in worlds whose choices
    can be counted.
    """

    def __init__(self, ideal: Callable[[Question], Decision], epsilon: float = 0.0) -> None:
        check_range("StreamOracle", "epsilon", epsilon, 0.0, 1.0)
        self.epsilon = epsilon
        self._ideal = ideal
        self.question: Question | None = None

    def begin(self, observation_space: Any, choice_space: Any, rng: np.random.Generator) -> None:
        """Start a run."""
        if self.epsilon > 0.0 and not isinstance(choice_space, spaces.Discrete):
            raise SandboxError(f"best-soft explores choices that can be counted, not {choice_space}")
        self.question, self._rng, self._choices = None, rng, choice_space

    def act(self, observation: Any) -> Decision:
        """Return the choice of the largest expected reward, or none where that is better."""
        assert self.question is not None and self.question.values is not None
        found = self._ideal(self.question)._replace(ask=False)
        if self.epsilon > 0.0 and self._rng.random() < self.epsilon:
            return found._replace(choice=int(self._rng.random() * self._choices.n), explored=True)
        return found

    def learn(self, experience: Experience) -> None:
        """Do nothing: there is nothing to learn."""

    def __deepcopy__(self, memo: dict[int, Any]) -> StreamOracle:
        return StreamOracle(self._ideal, self.epsilon)  # the law itself is shared: it holds no state of a run
