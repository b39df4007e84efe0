"""n-step Sarsa: what the next n steps earned, then what the policy in use earns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.table import IntArray

from ._table_agent import Greed
from ._tabular import FloatArray, epsilon_greedy, td_update
from ._window import (
    COUNT,
    Window,
    check_n,
    forget_first,
    make_window,
    place_of,
    remember,
    return_of_first,
    returns_for_rewards,
)
from .sarsa import CHOICE, EXPLORED, KNOWN, PLACE, OnPolicyAgent, choose_planned


class Ahead(NamedTuple):
    """The memory of an agent that waits n steps, and takes the choice that it learned with."""

    q: FloatArray  # (S, A)
    planned: IntArray  # (4,)
    window: Window  # of n steps


@rule
def n_step_update(q: FloatArray, window: Window, step_size: float, discount: float, follows: float, over: bool) -> None:
    """Learn the pair of n steps ago, once there is one (equation 7.5); when the episode is over, all that wait."""
    if over:
        returns_for_rewards(window, discount, follows)
        for k in range(window.mark[COUNT]):
            i = place_of(window, k)
            td_update(q, window.state[i], window.choice[i], window.reward[i], step_size)
        window.mark[COUNT] = 0
    elif window.mark[COUNT] == window.state.shape[0]:
        target, i = return_of_first(window, discount, follows), place_of(window, 0)
        td_update(q, window.state[i], window.choice[i], target, step_size)
        forget_first(window)


@rule
def learn_n_step_sarsa(
    memory: Ahead,
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
    q, planned, window = memory
    step_size, discount, epsilon = settings
    next_choice, explored, follows = 0, False, 0.0
    if not terminated:
        next_choice, explored = epsilon_greedy(q, next_state, epsilon, rng)
        follows = q[next_state, next_choice]
    over = terminated or truncated
    remember(window, state, choice, reward, next_state)
    n_step_update(q, window, step_size, discount, follows, over)
    planned[KNOWN] = not over
    planned[PLACE], planned[CHOICE], planned[EXPLORED] = next_state, next_choice, explored


class NStepSarsa(OnPolicyAgent):
    """Epsilon-greedy n-step Sarsa on a table (Sutton & Barto, 2nd edition, section 7.2).

    `n` steps in [1, 10,000] (1 is Sarsa), `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random
    choices) in [0, 1], `initial_value` of every entry. Needs discrete observations and choices.

    When an episode ends, the last n pairs learn the rewards that are left; when it is cut short they learn those and
    then the value of the state and choice that would have come next.
    """

    rules = (choose_planned, learn_n_step_sarsa)

    def __init__(
        self,
        n: int = 4,
        step_size: float = 0.1,
        discount: float = 0.99,
        epsilon: float = 0.1,
        initial_value: float = 0.0,
    ) -> None:
        check_n(type(self).__name__, n)
        super().__init__(step_size, discount, epsilon, initial_value)
        self.n = n

    def _memory(self, n_states: int, n_choices: int) -> Ahead:
        return Ahead(*self._start(n_states, n_choices), make_window(self.n))

    def interrupt(self) -> None:
        """Forget the steps that wait, and the choice that was planned."""
        super().interrupt()
        self.memory.window.mark[COUNT] = 0
