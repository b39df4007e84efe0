"""Watkins's Q(lambda): Q-learning with traces, which end where the policy is left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.interfaces import check_range

from ._table_agent import GreedyTableAgent, choose_epsilon_greedy
from ._tabular import FloatArray, best_value
from ._traces import Traces, check_kind, clear, clear_unless_followed, learn_by_traces, make_traces, mark_entry
from .sarsa_lambda import Fading


class TracedValues(NamedTuple):
    """The memory of an agent with action values and traces."""

    q: FloatArray  # (S, A)
    traces: Traces  # of S * A entries


@rule
def learn_watkins_q(
    memory: TracedValues,
    settings: Fading,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition; a choice that was not a best one ends the traces of all before it."""
    q, traces = memory
    step_size, discount, _, trace_decay, replacing = settings
    target = reward if terminated else reward + discount * best_value(q, next_state)
    clear_unless_followed(traces, state, next_state)
    if q[state, choice] < best_value(q, state):  # nothing was learned since it was chosen
        clear(traces)
    mark_entry(traces, state * q.shape[1] + choice, 1.0, replacing)
    learn_by_traces(q.ravel(), traces, step_size * (target - q[state, choice]), discount * trace_decay)
    if terminated or truncated:
        clear(traces)


class WatkinsQ(GreedyTableAgent):
    """Epsilon-greedy Watkins's Q(lambda) on a table (Watkins 1989; Sutton & Barto: 1st ed. 7.6, 2nd ed. 12.10).

    `trace_decay` (lambda) in [0, 1] (0 is Q-learning); `traces`: "replacing" sets the trace of a visited pair to 1,
    "accumulating" adds 1; `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1],
    `initial_value` of every entry. Needs discrete observations and choices.

    Traces end with the episode and at a choice that is not a best one, whether it was meant to explore or not. The next
    choice is made after learning, by what was learned.
    """

    rules = (choose_epsilon_greedy, learn_watkins_q)

    def __init__(
        self,
        trace_decay: float = 0.9,
        traces: str = "replacing",
        step_size: float = 0.1,
        discount: float = 0.99,
        epsilon: float = 0.1,
        initial_value: float = 0.0,
    ) -> None:
        check_range(type(self).__name__, "trace_decay", trace_decay, 0.0, 1.0)
        check_kind(type(self).__name__, traces)
        super().__init__(step_size, discount, epsilon, initial_value)
        self.trace_decay = trace_decay
        self.traces = traces

    def _memory(self, n_states: int, n_choices: int) -> TracedValues:
        q = np.full((n_states, n_choices), float(self.initial_value))
        return TracedValues(q, make_traces(n_states * n_choices))

    def _numbers(self) -> Fading:  # type: ignore[override]  # more than Greed
        return Fading(*super()._numbers(), float(self.trace_decay), self.traces == "replacing")

    def interrupt(self) -> None:
        """Forget the traces."""
        clear(self.memory.traces)
