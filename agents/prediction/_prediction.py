"""What agents that evaluate a policy share: they choose anything, each choice equally often, and value states."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.interfaces import check_range

from ..tabular._table_agent import TableAgent
from ..tabular._tabular import FloatArray
from ..tabular._window import Window


class Worth(NamedTuple):
    """The memory of an agent that values states."""

    scores: FloatArray  # (S, A) zeros: no choice is thought better than another
    v: FloatArray  # (S,)


class Recalled(NamedTuple):
    """The memory of an agent that values states and learns from several steps at once."""

    scores: FloatArray  # (S, A) zeros
    v: FloatArray  # (S,)
    window: Window


class Rate(NamedTuple):
    """The settings of an agent that values states."""

    step_size: float
    discount: float


@rule
def value_update(v: FloatArray, state: int, target: float, step_size: float) -> None:
    """Move v[state] towards `target` (equation 6.1 of Sutton & Barto, 2nd edition)."""
    v[state] += step_size * (target - v[state])


@rule
def value_after(v: FloatArray, next_state: int, terminated: bool) -> float:
    """Return what follows a step: nothing after an end."""
    return 0.0 if terminated else v[next_state]


class PredictionAgent(TableAgent):
    """An agent that evaluates the policy that takes every choice equally often; subclasses say how."""

    def __init__(self, step_size: float = 0.1, discount: float = 1.0, initial_value: float = 0.0) -> None:
        name = type(self).__name__
        check_range(name, "step_size", step_size, 0.0, 1.0)
        check_range(name, "discount", discount, 0.0, 1.0)
        check_range(name, "initial_value", initial_value, -1e12, 1e12)
        self.step_size = step_size
        self.discount = discount
        self.initial_value = initial_value

    def _blank(self, n_states: int, n_choices: int) -> Worth:
        return Worth(np.zeros((n_states, n_choices)), np.full(n_states, float(self.initial_value)))

    def _memory(self, n_states: int, n_choices: int) -> Any:
        return self._blank(n_states, n_choices)

    def _rate(self) -> Rate:
        return Rate(float(self.step_size), float(self.discount))

    def _numbers(self) -> Any:
        return self._rate()

    @property
    def v(self) -> FloatArray:
        """The values of the states (S,)."""
        values: FloatArray = self.memory.v
        return values
