"""Q-learning: learn what the best policy would earn, whatever is done meanwhile."""

from __future__ import annotations

import numpy as np

from sandbox.compiled import rule

from ._table_agent import Greed, GreedyTableAgent, Values, choose_epsilon_greedy
from ._tabular import FloatArray, best_value, td_update


@rule
def q_learning_update(
    q: FloatArray,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    step_size: float,
    discount: float,
) -> None:
    """One update of `q` (S, A) in place: equation 6.8 of Sutton & Barto (2nd edition)."""
    target = reward if terminated else reward + discount * best_value(q, next_state)
    td_update(q, state, choice, target, step_size)


@rule
def learn_q(
    memory: Values,
    settings: Greed,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition."""
    step_size, discount, _ = settings
    q_learning_update(memory.q, state, choice, reward, next_state, terminated, step_size, discount)


class QLearning(GreedyTableAgent):
    """Epsilon-greedy Q-learning on a table (Watkins 1989; Sutton & Barto, 2nd edition, section 6.5).

    `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1], `initial_value` of every
    entry. Needs discrete observations and choices.
    """

    rules = (choose_epsilon_greedy, learn_q)
