"""Expected Sarsa: Sarsa without the noise of which choice happened to follow."""

from __future__ import annotations

from sandbox.compiled import rule
from sandbox.interfaces import Experience

from ._table_agent import TableAgent
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


class ExpectedSarsa(TableAgent):
    """Epsilon-greedy Expected Sarsa on a table (van Seijen et al. 2009; Sutton & Barto, 2nd edition, section 6.6).

    `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1], `initial_value` of every
    entry. Needs discrete observations and choices.
    """

    rule = "expected-sarsa"

    def learn(self, experience: Experience) -> None:
        """Learn from one transition; an abstention teaches nothing."""
        observation, choice, reward, following, terminated, _, _, _ = experience
        if choice is not None:
            expected_sarsa_update(
                self.q, observation, choice, reward, following, terminated, self.step_size, self.discount, self.epsilon
            )
