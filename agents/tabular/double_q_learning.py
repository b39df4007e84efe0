"""Double Q-learning: one table says which choice is best, the other what it is worth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule

from ._table_agent import Greed, GreedyTableAgent, choose_epsilon_greedy
from ._tabular import FloatArray, greedy_choice, td_update


class Twice(NamedTuple):
    """The memory of an agent with two tables of action values."""

    q: FloatArray  # (S, A) the mean of both
    first: FloatArray  # (S, A)
    second: FloatArray  # (S, A)


@rule
def double_q_update(
    learner: FloatArray,
    judge: FloatArray,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    step_size: float,
    discount: float,
    rng: np.random.Generator,
) -> None:
    """One update of `learner` (S, A) in place, by what `judge` (S, A) makes of its best choice: equation 6.10."""
    target = reward
    if not terminated:
        target = reward + discount * judge[next_state, greedy_choice(learner, next_state, rng)]
    td_update(learner, state, choice, target, step_size)


@rule
def learn_double_q(
    memory: Twice,
    settings: Greed,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition, in one of the tables."""
    q, first, second = memory
    step_size, discount, _ = settings
    if rng.random() < 0.5:
        double_q_update(first, second, state, choice, reward, next_state, terminated, step_size, discount, rng)
    else:
        double_q_update(second, first, state, choice, reward, next_state, terminated, step_size, discount, rng)
    q[state, choice] = 0.5 * (first[state, choice] + second[state, choice])


class DoubleQLearning(GreedyTableAgent):
    """Epsilon-greedy Double Q-learning (van Hasselt 2010; Sutton & Barto, 2nd edition, section 6.7).

    `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1], `initial_value` of every
    entry. Needs discrete observations and choices. A fair coin says which table learns. It acts on `q`, the mean of
    both, which puts choices in the same order as their sum; ties are broken at random, in targets too.
    """

    rules = (choose_epsilon_greedy, learn_double_q)

    def _memory(self, n_states: int, n_choices: int) -> Twice:
        return Twice(*(np.full((n_states, n_choices), float(self.initial_value)) for _ in range(3)))
