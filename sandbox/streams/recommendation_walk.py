"""Runs of the recommendation world whose users tire: one who is known chooses, and the world goes on from there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from sandbox.streams.recommendation_price import Satiety
from sandbox.table import FloatArray, IntArray

_KEPT = 8  # runs whose last state is remembered
_STRIDE = 8192  # steps at a time
_STOPPING = threading.Lock()  # several seeds of a stream may run at once

Priced = tuple[IntArray, FloatArray, FloatArray]  # levels met (n, categories), values and rewards (n, k)
Go = Callable[[int, int, int, Satiety], Priced]  # seed, start, count; it changes the satiety


class _Stop(NamedTuple):
    """Where a walk stopped."""

    step: int
    satiety: Satiety


class Walks:
    """Goes through a run from its beginning, and remembers how far it came: the next stretch is mostly the one after.

    `begin` returns the satiety of a run that begins; `go` walks on.
    """

    def __init__(self, begin: Callable[[], Satiety], go: Go) -> None:
        self._begin, self._go = begin, go
        self._stops: dict[int, _Stop] = {}

    def at(self, seed: int, start: int, count: int) -> Priced:
        """Return what is met in the steps `start`, ..., `start + count - 1` of the run of `seed`."""
        with _STOPPING:
            stop = self._stops.get(seed)
        if stop is None or stop.step > start:
            stop = _Stop(0, self._begin())
        satiety = Satiety(*(part.copy() for part in stop.satiety))
        for step in range(stop.step, start, _STRIDE):
            self._go(seed, step, min(_STRIDE, start - step), satiety)
        found = self._go(seed, start, count, satiety)
        with _STOPPING:
            if seed not in self._stops and len(self._stops) >= _KEPT:
                self._stops.pop(next(iter(self._stops)))
            self._stops[seed] = _Stop(start + count, satiety)
        return found
