"""What a decision is held to have cost when a run is compared with its twin.

It is the gap where prices are known. Where they are not, it is minus the return of the decision's whole episode, so
that the mean over a window of the lifetime is a mean of returns, long episodes counting as long as they last.
"""

from __future__ import annotations

import math

import numpy as np

from sandbox.recovery import GapLog
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Meta, Trace

SHARE = 0.1  # of a return: losing less is no drop


class Harm:
    """Tells the harm of decisions chunk by chunk; that of an episode which has not ended is told when it has."""

    def __init__(self, meta: Meta) -> None:
        self._priced = meta.priced
        self._steps: list[IntArray] = []
        self._reward = 0.0

    def of(self, trace: Trace) -> tuple[IntArray, FloatArray]:
        """Return the lifetime steps (n,) and the harm (n,) of the decisions of which it is known by now."""
        if self._priced:
            return trace.step, trace.best - trace.value
        steps, harm, first = list[IntArray](), list[FloatArray](), 0
        for last in np.flatnonzero(trace.terminated | trace.truncated):
            self._steps.append(trace.step[first : last + 1])
            earned = self._reward + math.fsum(trace.reward[first : last + 1])
            steps.append(np.concatenate(self._steps))
            harm.append(np.full(len(steps[-1]), -earned))
            self._steps, self._reward, first = [], 0.0, int(last) + 1
        self._steps.append(trace.step[first:])
        self._reward += math.fsum(trace.reward[first:])
        return np.concatenate([np.empty(0, dtype=np.int64), *steps]), np.concatenate([np.empty(0), *harm])


def slight(meta: Meta, twin: GapLog) -> float:
    """Return the harm per decision that counts as none: the world's own measure, else a mistake's.

    Unpriced it is a tenth of the return to be reached: the environment's own threshold, or what the twin earned.
    """
    if meta.priced:
        return _of_prices(meta)
    return SHARE * abs(twin.mean() if math.isnan(meta.reference_return) else meta.reference_return)


def slight_text(meta: Meta) -> str:
    """Return in words from what loss on a run has a drop."""
    if meta.priced:
        return f"an excess gap above {_of_prices(meta):.4g} per decision"
    if math.isnan(meta.reference_return):
        return "a loss of more than a tenth of the twin's mean return"
    return f"a loss of more than {SHARE * abs(meta.reference_return):.4g} of an episode's return"


def _of_prices(meta: Meta) -> float:
    return meta.material * meta.gap_range if math.isnan(meta.slight) else meta.slight
