"""Sarsa: learn what the policy in use earns, exploration included."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.table import IntArray

from ._table_agent import Greed, GreedyTableAgent
from ._tabular import FloatArray, epsilon_greedy, td_update

KNOWN, PLACE, CHOICE, EXPLORED = range(4)  # of `planned`: whether a choice is made already, where, it, and its kind


class Plans(NamedTuple):
    """The memory of an agent that draws its next choice while learning, and takes it."""

    q: FloatArray  # (S, A)
    planned: IntArray  # (4,)


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


@rule
def choose_planned(memory: Plans, settings: Greed, state: int, rng: np.random.Generator) -> tuple[int, bool]:
    """Return the choice that the last update was made with; else choose epsilon-greedily."""
    planned = memory.planned
    if planned[KNOWN] == 1 and planned[PLACE] == state:
        return int(planned[CHOICE]), planned[EXPLORED] == 1
    return epsilon_greedy(memory.q, state, settings.epsilon, rng)


@rule
def learn_sarsa(
    memory: Plans,
    settings: Greed,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition and the choice that will follow it."""
    q, planned = memory
    step_size, discount, epsilon = settings
    next_choice, explored = 0, False
    if not terminated:
        next_choice, explored = epsilon_greedy(q, next_state, epsilon, rng)
    sarsa_update(q, state, choice, reward, next_state, next_choice, terminated, step_size, discount)
    planned[KNOWN] = not (terminated or truncated)
    planned[PLACE], planned[CHOICE], planned[EXPLORED] = next_state, next_choice, explored


class OnPolicyAgent(GreedyTableAgent):
    """An epsilon-greedy agent that draws its next choice while learning; its memory has `planned` (4,)."""

    def _start(self, n_states: int, n_choices: int) -> tuple[FloatArray, IntArray]:
        """Return action values (S, A), and a plan that says nothing."""
        return np.full((n_states, n_choices), float(self.initial_value)), np.zeros(4, dtype=np.int64)

    def interrupt(self) -> None:
        """Forget the choice that was planned."""
        self.memory.planned[KNOWN] = 0


class Sarsa(OnPolicyAgent):
    """Epsilon-greedy Sarsa on a table (Rummery & Niranjan 1994; Sutton & Barto, 2nd edition, section 6.4).

    `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1], `initial_value` of every
    entry. Needs discrete observations and choices. The next choice is drawn while learning and then taken,
    each time that its state comes before the next answer: where answers are missing, that may be often.
    """

    rules = (choose_planned, learn_sarsa)

    def _memory(self, n_states: int, n_choices: int) -> Plans:
        return Plans(*self._start(n_states, n_choices))
