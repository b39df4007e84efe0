"""What a metric is: a number per run, a pure function of the evaluator's sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

_FROM_ZERO = ("log_loss", "mae", "rmse", "pinball", "brier", "regret", "episode_length")


class Sums(Protocol):
    """What a metric may ask the evaluator for."""

    def total(self, signal: str) -> float:
        """Sum of a signal, NaN if it never had a value."""

    def mean(self, signal: str) -> float:
        """Mean of a signal over the rows where it has a value."""

    def count(self, signal: str) -> float:
        """Number of rows where a signal has a value."""

    def tail(self, signal: str) -> float:
        """Mean of a signal over the final tenth."""

    def tail_count(self, signal: str) -> float:
        """Number of rows of the final tenth where a signal has a value."""

    def audit(self, name: str) -> float:
        """One entry of the audit."""

    def labels(self, name: str) -> float:
        """One of the numbers that follow from counts of labels, or of items shown, by its metric's name."""

    def visits(self, name: str) -> float:
        """One of the numbers that follow from visits to concepts, by its metric's name."""


@dataclass(frozen=True)
class Metric:
    """A number per run. `signal` is what its curve shows, None if it has none."""

    name: str
    text: str
    unit: str
    better: Literal["higher", "lower", ""]
    of: Callable[[Sums], float]
    signal: str | None = None

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the most that it can be: shares from 0 to 1, counts and losses from 0, kappas up to 1."""
        counted = self.unit in ("decisions", "answers", "episodes", "cards")
        least = 0.0 if self.percent or counted or self.name in _FROM_ZERO else -math.inf
        return least, 1.0 if self.percent or self.unit.startswith("beyond ") else math.inf

    @property
    def percent(self) -> bool:
        """Whether people read it as per cent: it is a share."""
        return self.unit.startswith("share of")
