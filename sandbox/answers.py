"""Count the answers of a run: those still on their way at its end, and those that never come."""

from __future__ import annotations

import numpy as np

from sandbox.table import IntArray
from sandbox.trace import Trace


class AnswerCount:
    """Keeps when the answers on their way are due, in memory that grows with their number alone."""

    def __init__(self) -> None:
        self.never = 0
        self._seen = 0
        self._due: list[IntArray] = []  # of the answers that were on their way when their chunk ended
        self._kept = 0
        self._limit = 0  # how many may be kept before those that have come are thrown out

    def update(self, trace: Trace) -> None:
        """Add the next chunk of the run."""
        self._seen = int(trace.step[-1]) + 1
        late = trace.answered_at != trace.step
        if not late.any():
            return
        due = trace.answered_at[late]
        self.never += int((due < 0).sum())
        due = due[due >= self._seen]
        self._due.append(due)
        self._kept += len(due)
        if self._kept > self._limit:
            self._throw_out()
            self._limit = 2 * self._kept + len(trace)  # so each is looked at a few times, however late answers are

    def _throw_out(self) -> None:
        due = np.concatenate([np.zeros(0, dtype=np.int64), *self._due])
        self._due = [due[due >= self._seen]]
        self._kept = len(self._due[0])

    @property
    def pending(self) -> int:
        """Answers that come after the last decision so far."""
        self._throw_out()
        return self._kept
