"""Monte Carlo control: learn from what whole episodes earned."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule

from ._table_agent import Greed, GreedyTableAgent, choose_epsilon_greedy
from ._tabular import FloatArray, expected_value, td_update
from ._window import COUNT, WHOLE_EPISODE, Window, make_window, place_of, remember, returns_for_rewards

SAMPLE_AVERAGE = -1.0  # a step size: the plain mean of all returns


class Episodes(NamedTuple):
    """The memory of an agent that learns at the end of an episode."""

    q: FloatArray  # (S, A)
    visits: FloatArray  # (S, A) number of returns learned from
    window: Window


@rule
def monte_carlo_update(memory: Episodes, discount: float, step_size: float, follows: float) -> None:
    """Learn every return of an episode that is over, in the order of its steps; it goes on to earn `follows`."""
    q, visits, window = memory
    returns_for_rewards(window, discount, follows)
    for k in range(window.mark[COUNT]):
        i = place_of(window, k)
        state, choice = window.state[i], window.choice[i]
        visits[state, choice] += 1.0
        share = 1.0 / visits[state, choice] if step_size == SAMPLE_AVERAGE else step_size
        td_update(q, state, choice, window.reward[i], share)
    window.mark[COUNT] = 0


@rule
def learn_monte_carlo(
    memory: Episodes,
    settings: Greed,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Remember one transition; learn where it ends the episode."""
    step_size, discount, epsilon = settings
    remember(memory.window, state, choice, reward, next_state)
    if terminated or truncated:
        follows = 0.0 if terminated else expected_value(memory.q, next_state, epsilon)
        monte_carlo_update(memory, discount, step_size, follows)


class MonteCarlo(GreedyTableAgent):
    """On-policy every-visit Monte Carlo control, epsilon-soft (Sutton & Barto, 2nd edition, sections 5.1 and 5.4).

    `step_size` in [0, 1], None for the plain mean of all returns of a pair (which forgets nothing, so it does not
    follow drift); `discount` in [0, 1]; `epsilon` (share of random choices) in [0, 1]; `initial_value` of every entry.
    Needs discrete observations and choices.

    It learns when an episode ends, the policy being the same until then. An episode that is cut short counts as if it
    went on to earn what its last state is thought to be worth under the policy: taking the cut for an end would teach
    that time is up. Of an episode of more than 100,000 steps the last 100,000 are learned from.
    """

    rules = (choose_epsilon_greedy, learn_monte_carlo)

    def __init__(
        self, step_size: float | None = None, discount: float = 0.99, epsilon: float = 0.1, initial_value: float = 0.0
    ) -> None:
        super().__init__(0.0 if step_size is None else step_size, discount, epsilon, initial_value)
        self.step_size = step_size  # type: ignore[assignment]  # wider than its parent's

    def _memory(self, n_states: int, n_choices: int) -> Episodes:
        shape = (n_states, n_choices)
        return Episodes(np.full(shape, float(self.initial_value)), np.zeros(shape), make_window(WHOLE_EPISODE))

    def _numbers(self) -> Greed:
        step_size = SAMPLE_AVERAGE if self.step_size is None else float(self.step_size)
        return Greed(step_size, float(self.discount), float(self.epsilon))

    def interrupt(self) -> None:
        """Forget the steps that wait."""
        self.memory.window.mark[COUNT] = 0
