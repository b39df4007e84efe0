"""Numbers as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Protocol


def minus(text: str) -> str:
    """Return numbers in a text with a true minus sign, and without one where they are rounded to nothing."""
    return re.sub(r"-(?=[\d.])", "−", re.sub(r"-(?=[0.,]*(?![\d.,]))", "", text))


def number(value: float, like: Sequence[float] = ()) -> str:
    """Return a number as people read it: as many digits as tell it from `like`'s spread, at most six."""
    if math.isnan(value):
        return "–"
    if value == 0 and not any(like):
        return "0"
    size = max([abs(v) for v in (value, *like) if not math.isnan(v)], default=0.0)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3 if size >= 1 else 4
    return f"{value:,.{digits}f}"


class Measured(Protocol):
    """A value with an interval, whatever it is the centre of: (value, low, high, n)."""

    def __getitem__(self, index: int, /) -> float:
        """Return one of the four."""


def interval_text(interval: Measured) -> str:
    """Return `value [low, high]` with digits that suit the interval's width, or the value alone without one."""
    value, low, high = interval[0], interval[1], interval[2]
    if math.isnan(low) or math.isnan(high) or high == low:
        return number(value)
    digits = min(6, max(0, 1 - math.floor(math.log10(high - low)))) if math.isfinite(high - low) else 2
    return f"{value:,.{digits}f} [{low:,.{digits}f}, {high:,.{digits}f}]"
