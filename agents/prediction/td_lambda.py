"""TD(lambda): each surprise is passed back to all states that led to it, less to what is longer ago."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.interfaces import check_range

from ..tabular._tabular import FloatArray
from ..tabular._traces import Traces, check_kind, clear, clear_unless_followed, learn_by_traces, make_traces, mark_entry
from ..yardsticks.random import choose_at_random
from ._prediction import PredictionAgent, value_after


class Traced(NamedTuple):
    """The memory of an agent that values states by traces."""

    scores: FloatArray  # (S, A) zeros
    v: FloatArray  # (S,)
    traces: Traces  # of S entries


class Fading(NamedTuple):
    """The settings of an agent that values states by traces."""

    step_size: float
    discount: float
    trace_decay: float
    replacing: bool


@rule
def learn_td_lambda(
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
    """Learn from one transition: equations 12.5 to 12.7 of Sutton & Barto (2nd edition)."""
    _, v, traces = memory
    step_size, discount, trace_decay, replacing = settings
    clear_unless_followed(traces, state, next_state)
    mark_entry(traces, state, 1.0, replacing)
    error = reward + discount * value_after(v, next_state, terminated) - v[state]
    learn_by_traces(v, traces, step_size * error, discount * trace_decay)
    if terminated or truncated:
        clear(traces)


class TdLambda(PredictionAgent):
    """TD(lambda) prediction for the random policy (Sutton 1988; Sutton & Barto, 2nd edition, section 12.2).

    `trace_decay` (lambda) in [0, 1] (0 is TD(0)); `traces`: "accumulating" adds 1 to the trace of a visited state,
    "replacing" sets it to 1; `step_size` in [0, 1], `discount` in [0, 1], `initial_value` of every state. Needs
    discrete observations and choices. `v` (S,) is what it has learned. Traces end with the episode.
    """

    rules = (choose_at_random, learn_td_lambda)

    def __init__(
        self,
        trace_decay: float = 0.9,
        traces: str = "accumulating",
        step_size: float = 0.1,
        discount: float = 1.0,
        initial_value: float = 0.0,
    ) -> None:
        check_range(type(self).__name__, "trace_decay", trace_decay, 0.0, 1.0)
        check_kind(type(self).__name__, traces)
        super().__init__(step_size, discount, initial_value)
        self.trace_decay = trace_decay
        self.traces = traces

    def _memory(self, n_states: int, n_choices: int) -> Traced:
        return Traced(*self._blank(n_states, n_choices), make_traces(n_states))

    def _numbers(self) -> Fading:
        return Fading(*self._rate(), float(self.trace_decay), self.traces == "replacing")

    def interrupt(self) -> None:
        """Forget the traces."""
        clear(self.memory.traces)
