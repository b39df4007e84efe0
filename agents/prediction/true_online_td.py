"""True online TD(lambda): at every moment what the lambda-returns seen so far would have taught."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.interfaces import check_range

from ..tabular._tabular import FloatArray
from ..tabular._traces import COUNT, Traces, clear, clear_unless_followed, learn_by_traces, make_traces, mark_entry
from ..yardsticks.random import choose_at_random
from ._prediction import PredictionAgent, value_after


class Online(NamedTuple):
    """The memory of an agent that values states by dutch traces."""

    scores: FloatArray  # (S, A) zeros
    v: FloatArray  # (S,)
    traces: Traces  # of S entries
    before: FloatArray  # (1,) what this state was worth before the last step was learned from


class Decay(NamedTuple):
    """The settings of an agent that values states by dutch traces."""

    step_size: float
    discount: float
    trace_decay: float


@rule
def learn_true_online_td(
    memory: Online,
    settings: Decay,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition: the box of section 12.5 of Sutton & Barto (2nd edition), for a table."""
    _, v, traces, before = memory
    step_size, discount, trace_decay = settings
    clear_unless_followed(traces, state, next_state)
    now, follows = v[state], value_after(v, next_state, terminated)
    moved = now - before[0] if traces.mark[COUNT] > 0 else 0.0
    mark_entry(traces, state, 1.0 - step_size * traces.size[state], False)
    error = reward + discount * follows - now
    learn_by_traces(v, traces, step_size * (error + moved), discount * trace_decay)
    v[state] -= step_size * moved
    before[0] = follows
    if terminated or truncated:
        clear(traces)


class TrueOnlineTd(PredictionAgent):
    """True online TD(lambda) prediction for the random policy (van Seijen et al. 2016; Sutton & Barto, 2nd ed., 12.5).

    `trace_decay` (lambda) in [0, 1] (0 is TD(0)), `step_size` in [0, 1], `discount` in [0, 1], `initial_value` of every
    state. Needs discrete observations and choices. `v` (S,) is what it has learned: after every step exactly what the
    online lambda-return algorithm (section 12.4) has, which learns all returns of the episode anew. Traces (dutch ones)
    end with the episode.
    """

    rules = (choose_at_random, learn_true_online_td)

    def __init__(
        self, trace_decay: float = 0.9, step_size: float = 0.1, discount: float = 1.0, initial_value: float = 0.0
    ) -> None:
        check_range(type(self).__name__, "trace_decay", trace_decay, 0.0, 1.0)
        super().__init__(step_size, discount, initial_value)
        self.trace_decay = trace_decay

    def _memory(self, n_states: int, n_choices: int) -> Online:
        return Online(*self._blank(n_states, n_choices), make_traces(n_states), np.zeros(1))

    def _numbers(self) -> Decay:
        return Decay(*self._rate(), float(self.trace_decay))

    def interrupt(self) -> None:
        """Forget the traces."""
        clear(self.memory.traces)
