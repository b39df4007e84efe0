"""Off-line lambda-return: returns of all lengths in one mean, learned when the episode is over."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.interfaces import check_range

from ..tabular._tabular import FloatArray
from ..tabular._window import COUNT, WHOLE_EPISODE, Window, make_window, place_of, remember
from ..yardsticks.random import choose_at_random
from ._prediction import PredictionAgent, Recalled, value_after, value_update


class Mixture(NamedTuple):
    """The settings of an agent that values states by lambda-returns."""

    step_size: float
    discount: float
    trace_decay: float


@rule
def lambda_returns_for_rewards(
    window: Window, v: FloatArray, discount: float, trace_decay: float, follows: float
) -> None:
    """Put in place of each reward its lambda-return by the values `v` (S,): equation 12.3, by the one after it.

    `follows` is what comes after the last step.
    """
    worth = total = follows
    for k in range(window.mark[COUNT] - 1, -1, -1):
        i = place_of(window, k)
        total = window.reward[i] + discount * ((1.0 - trace_decay) * worth + trace_decay * total)
        window.reward[i], worth = total, v[window.state[i]]


@rule
def learn_lambda_return(
    memory: Recalled,
    settings: Mixture,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Remember one transition; at the end of the episode learn its lambda-returns in the order of its steps."""
    _, v, window = memory
    step_size, discount, trace_decay = settings
    remember(window, state, choice, reward, next_state)
    if terminated or truncated:
        lambda_returns_for_rewards(window, v, discount, trace_decay, value_after(v, next_state, terminated))
        for k in range(window.mark[COUNT]):
            i = place_of(window, k)
            value_update(v, window.state[i], window.reward[i], step_size)
        window.mark[COUNT] = 0


class LambdaReturn(PredictionAgent):
    """The off-line lambda-return algorithm for the random policy (Sutton & Barto, 2nd edition, section 12.1).

    `trace_decay` (lambda) in [0, 1] (1 is Monte Carlo), `step_size` in [0, 1], `discount` in [0, 1], `initial_value` of
    every state. Needs discrete observations and choices. `v` (S,) is what it has learned.

    Returns are made of the values from before the episode. An episode that is cut short ends with what its last state
    is thought to be worth. Of an episode of more than 100,000 steps the last 100,000 are learned from.
    """

    rules = (choose_at_random, learn_lambda_return)

    def __init__(
        self, trace_decay: float = 0.9, step_size: float = 0.1, discount: float = 1.0, initial_value: float = 0.0
    ) -> None:
        check_range(type(self).__name__, "trace_decay", trace_decay, 0.0, 1.0)
        super().__init__(step_size, discount, initial_value)
        self.trace_decay = trace_decay

    def _memory(self, n_states: int, n_choices: int) -> Recalled:
        return Recalled(*self._blank(n_states, n_choices), make_window(WHOLE_EPISODE))

    def _numbers(self) -> Mixture:
        return Mixture(*self._rate(), float(self.trace_decay))

    def interrupt(self) -> None:
        """Forget the steps that wait."""
        self.memory.window.mark[COUNT] = 0
