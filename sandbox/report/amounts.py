"""Numbers with their units, as a report prints them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sandbox.metrics import METRICS
from sandbox.show.numbers import Measured, minus, number

NONE = "–"


def digits_for(width: float) -> int:
    """Return how many decimals tell apart what differs by `width`."""
    return min(6, max(0, 1 - math.floor(math.log10(width)))) if 0.0 < width < math.inf else 2


def amount(value: float, like: Sequence[float] = ()) -> str:
    """Return a number with a true minus sign, a dash where it is not known."""
    return minus(number(value, like)) if not math.isinf(value) else NONE


def rounded(value: float) -> str:
    """Return a number as one says it: two digits that count, three from 1 on, whole ones from 100 on."""
    if not math.isfinite(value) or value == 0:
        return amount(value)
    size = abs(value)
    digits = 0 if size >= 100 else 2 if size >= 1 else 1 - math.floor(math.log10(size))
    digits = 1 if 10 <= size < 100 else digits
    return minus(f"{value:,.{digits}f}".removesuffix(".0"))


def among(values: Sequence[float]) -> list[str]:
    """Return numbers with as many decimals as tell apart those that are nearest in size to each other's spread."""
    known = [value for value in values if math.isfinite(value)]
    digits = digits_for(max(known) - min(known)) if len(set(known)) > 1 else None
    return [
        NONE if not math.isfinite(value) else amount(value) if digits is None else minus(f"{value:,.{digits}f}")
        for value in values
    ]


def scaled(metric: str, value: float) -> float:
    """Return a value as it is shown: shares in percent."""
    return 100.0 * value if METRICS[metric].percent else value


def unit_of(metric: str) -> str:
    """Return the unit that a value of a metric is shown in."""
    unit = METRICS[metric].unit
    return f"% of {unit.removeprefix('share of ')}" if METRICS[metric].percent else unit


def in_words(metric: str) -> str:
    """Return what stands behind a value in a sentence: `-18 reward per episode`, `89 % right labels`."""
    known = {"accuracy": "% right labels", "mae": "mean absolute error", "rmse": "root mean squared error"}
    known["shortfall"] = "reward less than the oracle's run of the same seed"
    if metric in known or METRICS[metric].percent:
        return known.get(metric, f"% {title_of(metric)}")
    unit = METRICS[metric].unit
    return unit if metric in ("reward", "return") else f"{unit} ({title_of(metric)})"


def title_of(metric: str) -> str:
    """Return a metric's name for people."""
    return METRICS[metric].name.replace("_", " ")


def measured(metric: str, found: Measured) -> str:
    """Return `value (low to high)` of an interval of a metric, the value alone without one."""
    value, low, high = (scaled(metric, found[k]) for k in range(3))
    if math.isnan(low) or math.isnan(high) or low == high:
        return amount(value)
    digits = digits_for(high - low)
    return minus(f"{value:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})")


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number of things."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(names: Sequence[str], link: str = "and") -> str:
    """Return names as a list in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {link} {names[-1]}" if names else "nobody"
