"""Agents that draw their next choice while learning, as Sarsa does, and then take it."""

from __future__ import annotations

import numpy as np

from sandbox.table import IntArray

from ._table_agent import GreedyTableAgent
from ._tabular import FloatArray
from .sarsa import KNOWN


class OnPolicyAgent(GreedyTableAgent):
    """An epsilon-greedy agent whose memory has `planned` (4,), as Sarsa's."""

    def _start(self, n_states: int, n_choices: int) -> tuple[FloatArray, IntArray]:
        """Return action values (S, A), and a plan that says nothing."""
        return np.full((n_states, n_choices), float(self.initial_value)), np.zeros(4, dtype=np.int64)

    def interrupt(self) -> None:
        """Forget the choice that was planned."""
        self.memory.planned[KNOWN] = 0
