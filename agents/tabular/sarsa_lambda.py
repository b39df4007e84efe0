"""Sarsa(lambda): each surprise is passed back to all that led to it, less to what is longer ago."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.interfaces import check_range
from sandbox.table import IntArray

from ._tabular import FloatArray, epsilon_greedy
from ._traces import Traces, check_kind, clear, clear_unless_followed, learn_by_traces, make_traces, mark_entry
from .sarsa import CHOICE, EXPLORED, KNOWN, PLACE, OnPolicyAgent, choose_planned


class Traced(NamedTuple):
    """The memory of an agent with traces that takes the choice it learned with."""

    q: FloatArray  # (S, A)
    planned: IntArray  # (4,)
    traces: Traces  # of S * A entries


class Fading(NamedTuple):
    """The settings of an epsilon-greedy agent with traces."""

    step_size: float
    discount: float
    epsilon: float
    trace_decay: float
    replacing: bool


@rule
def learn_sarsa_lambda(
    memory: Traced,
    settings: Fading,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition and the choice that will follow it: the box of section 12.7."""
    q, planned, traces = memory
    step_size, discount, epsilon, trace_decay, replacing = settings
    next_choice, explored, target = 0, False, reward
    if not terminated:
        next_choice, explored = epsilon_greedy(q, next_state, epsilon, rng)
        target = reward + discount * q[next_state, next_choice]
    clear_unless_followed(traces, state, next_state)
    mark_entry(traces, state * q.shape[1] + choice, 1.0, replacing)
    learn_by_traces(q.ravel(), traces, step_size * (target - q[state, choice]), discount * trace_decay)
    over = terminated or truncated
    if over:
        clear(traces)
    planned[KNOWN] = not over
    planned[PLACE], planned[CHOICE], planned[EXPLORED] = next_state, next_choice, explored


class SarsaLambda(OnPolicyAgent):
    """Epsilon-greedy Sarsa(lambda) on a table (Rummery & Niranjan 1994; Sutton & Barto, 2nd edition, section 12.7).

    `trace_decay` (lambda) in [0, 1] (0 is Sarsa); `traces`: "replacing" sets the trace of a visited pair to 1,
    "accumulating" adds 1; `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1],
    `initial_value` of every entry. Needs discrete observations and choices. Traces end with the episode.
    """

    rules = (choose_planned, learn_sarsa_lambda)

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

    def _memory(self, n_states: int, n_choices: int) -> Traced:
        return Traced(*self._start(n_states, n_choices), make_traces(n_states * n_choices))

    def _numbers(self) -> Fading:  # type: ignore[override]  # more than Greed
        return Fading(*super()._numbers(), float(self.trace_decay), self.traces == "replacing")

    def interrupt(self) -> None:
        """Forget the traces, and the choice that was planned."""
        super().interrupt()
        clear(self.memory.traces)
