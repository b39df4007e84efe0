"""n-step TD: a state is worth what the next n steps earn and what they lead to."""

from __future__ import annotations

import numpy as np

from sandbox.compiled import rule

from ..tabular._window import (
    COUNT,
    check_n,
    forget_first,
    make_window,
    place_of,
    remember,
    return_of_first,
    returns_for_rewards,
)
from ..yardsticks.random import choose_at_random
from ._prediction import PredictionAgent, Rate, Recalled, value_after, value_update


@rule
def learn_n_step_td(
    memory: Recalled,
    settings: Rate,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn the state of n steps ago, once there is one (equation 7.2); when the episode is over, all that wait."""
    _, v, window = memory
    step_size, discount = settings
    remember(window, state, choice, reward, next_state)
    follows = value_after(v, next_state, terminated)
    if terminated or truncated:
        returns_for_rewards(window, discount, follows)
        for k in range(window.mark[COUNT]):
            i = place_of(window, k)
            value_update(v, window.state[i], window.reward[i], step_size)
        window.mark[COUNT] = 0
    elif window.mark[COUNT] == window.state.shape[0]:
        target = return_of_first(window, discount, follows)
        value_update(v, window.state[place_of(window, 0)], target, step_size)
        forget_first(window)


class NStepTd(PredictionAgent):
    """n-step TD prediction for the random policy (Sutton & Barto, 2nd edition, section 7.1).

    `n` steps in [1, 10,000] (1 is TD(0)), `step_size` in [0, 1], `discount` in [0, 1], `initial_value` of every state.
    Needs discrete observations and choices. `v` (S,) is what it has learned.

    When an episode ends, the last n states learn the rewards that are left; when it is cut short they learn those and
    then the value of the state that it led to.
    """

    rules = (choose_at_random, learn_n_step_td)

    def __init__(self, n: int = 4, step_size: float = 0.1, discount: float = 1.0, initial_value: float = 0.0) -> None:
        check_n(type(self).__name__, n)
        super().__init__(step_size, discount, initial_value)
        self.n = n

    def _memory(self, n_states: int, n_choices: int) -> Recalled:
        return Recalled(*self._blank(n_states, n_choices), make_window(self.n))

    def interrupt(self) -> None:
        """Forget the steps that wait."""
        self.memory.window.mark[COUNT] = 0
