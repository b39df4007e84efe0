"""Sarsa: learn what the policy in use earns, exploration included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces

from sandbox.compiled import rule
from sandbox.interfaces import Decision, Experience

from ._table_agent import TableAgent
from ._tabular import FloatArray, epsilon_greedy, td_update


@rule
def sarsa_update(
    q: FloatArray,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    next_choice: int,
    terminated: bool,
    step_size: float,
    discount: float,
) -> None:
    """One update of `q` (S, A) in place: equation 6.7 of Sutton & Barto (2nd edition)."""
    target = reward if terminated else reward + discount * q[next_state, next_choice]
    td_update(q, state, choice, target, step_size)


class Sarsa(TableAgent):
    """Epsilon-greedy Sarsa on a table (Rummery & Niranjan 1994; Sutton & Barto, 2nd edition, section 6.4).

    `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1], `initial_value` of every
    entry. Needs discrete observations and choices. The next choice is drawn while learning and then taken.
    """

    rule = "sarsa"

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with every value at `initial_value`."""
        super().begin(observation_space, choice_space, rng)
        self._next: tuple[int, int, bool] | None = None

    def act(self, observation: int) -> int | Decision:
        """Take the choice that the last update was made with; else choose epsilon-greedily."""
        if self._next is None or self._next[0] != observation:
            return super().act(observation)
        _, choice, explored = self._next
        return Decision(choice, math.nan, True, self.q[observation]) if explored else choice

    def learn(self, experience: Experience) -> None:
        """Learn from one transition and the choice that will follow it; an abstention teaches nothing."""
        observation, choice, reward, following, terminated, truncated, _, _ = experience
        self._next = None
        if choice is None:
            return
        next_choice = 0
        if not terminated:
            next_choice, explored = epsilon_greedy(self.q, following, self.epsilon, self.rng)
            if not truncated:
                self._next = (following, next_choice, explored)
        sarsa_update(
            self.q, observation, choice, reward, following, next_choice, terminated, self.step_size, self.discount
        )

    def _plan(self, state: int, known: int, choice: int, explored: int) -> None:
        self._next = (state, choice, bool(explored)) if known else None
