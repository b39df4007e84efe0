"""An alarm that knows its direction: a drift detector watches a learner's losses, and only worse is worse."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

from gymnasium import spaces

from sandbox.errors import SandboxError
from sandbox.interfaces import Labels

from ..adapters.river_detector import detector_of, is_binary


def change_point(losses: Sequence[float]) -> int:
    """Return the place at which the mean of `losses` (n,) changes most, 1 to n - 1; 0 where there are less than two.

    The split that maximises |mean after - mean before| · sqrt(before · after / n): Page (1955), for a change of mean
    at an unknown time.
    """
    n, total = len(losses), math.fsum(losses)
    best, place, up_to = -1.0, 0, 0.0
    for k in range(1, n):
        up_to += losses[k - 1]
        distance = abs(up_to - k * total / n) / math.sqrt(k * (n - k) / n)
        if distance > best:
            best, place = distance, k
    return place


class Alarm:
    """A detector of River's, fresh, and the last `window` losses that it saw since the last change."""

    def __init__(self, detector: str, window: int, choice_space: spaces.Space[Any]) -> None:
        self._made = detector_of(detector)
        self._binary = is_binary(self._made)
        if self._binary and not isinstance(choice_space, Labels):
            name = type(self._made).__name__
            raise SandboxError(f"{name} watches right and wrong labels, and this world tells none; try ADWIN()")
        self._losses: deque[float] = deque(maxlen=window)
        self.since = 0
        self.restart()

    def restart(self) -> None:
        """Forget everything."""
        self._detector = self._made.clone()
        self._losses.clear()

    def worse(self, loss: float) -> bool:
        """Say whether losses are larger than before, now that `loss` (0 to 1) came; `since` is for how many of them.

        The detector may well see a change for the better: then what was before it is forgotten, and nothing is said.
        """
        if math.isnan(loss):
            return False
        self._detector.update(loss >= 0.5 if self._binary else loss)
        self._losses.append(loss)
        if not self._detector.drift_detected:
            return False
        losses = list(self._losses)
        at = change_point(losses)
        before, after = losses[:at], losses[at:]
        self._losses = deque(after, maxlen=self._losses.maxlen)
        self.since = len(after)
        return bool(before) and math.fsum(after) / len(after) > math.fsum(before) / len(before)
