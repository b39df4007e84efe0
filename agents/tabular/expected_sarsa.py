"""Expected Sarsa: Sarsa without the noise of which choice happened to follow."""

from __future__ import annotations

import numpy as np

from sandbox.compiled import rule

from ._table_agent import Greed, GreedyTableAgent, Values, choose_epsilon_greedy
from ._tabular import FloatArray, expected_value, td_update


@rule
def expected_sarsa_update(
    q: FloatArray,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    step_size: float,
    discount: float,
    epsilon: float,
) -> None:
    """One update of `q` (S, A) in place: equation 6.9 of Sutton & Barto (2nd edition)."""
    target = reward if terminated else reward + discount * expected_value(q, next_state, epsilon)
    td_update(q, state, choice, target, step_size)


@rule
def learn_expected_sarsa(
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
    step_size, discount, epsilon = settings
    expected_sarsa_update(memory.q, state, choice, reward, next_state, terminated, step_size, discount, epsilon)


class ExpectedSarsa(GreedyTableAgent):
    """Epsilon-greedy Expected Sarsa on a table (van Seijen et al. 2009; Sutton & Barto, 2nd edition, section 6.6).

    `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1], `initial_value` of every
    entry. Needs discrete observations and choices.
    """

    rules = (choose_epsilon_greedy, learn_expected_sarsa)
