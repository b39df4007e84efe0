"""Q-learning: learn what the best policy would earn, whatever is done meanwhile."""

from __future__ import annotations

from sandbox.compiled import rule
from sandbox.interfaces import Experience

from ._table_agent import TableAgent
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


class QLearning(TableAgent):
    """Epsilon-greedy Q-learning on a table (Watkins 1989; Sutton & Barto, 2nd edition, section 6.5).

    `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1], `initial_value` of every
    entry. Needs discrete observations and choices.
    """

    rule = "q-learning"

    def learn(self, experience: Experience) -> None:
        """Learn from one transition; an abstention teaches nothing."""
        observation, choice, reward, following, terminated, _, _, _ = experience
        if choice is not None:
            q_learning_update(self.q, observation, choice, reward, following, terminated, self.step_size, self.discount)
