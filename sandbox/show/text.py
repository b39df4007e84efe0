"""Words, numbers and names as a terminal shows them."""

from __future__ import annotations

import math
import re
import sys
from typing import Any

from rich.console import Console
from rich.markup import escape

from sandbox.metrics import METRICS
from sandbox.show.numbers import interval_text

_NAMES = {
    "return": "return", "final_return": "final return", "mistake_rate": "mistakes %",
    "final_mistake_rate": "final mistakes %", "accuracy_answered": "accuracy of answers", "log_loss": "log loss",
    "episode_length": "length",
}  # fmt: skip


def printable(text: str) -> str:
    """Return `text` with its control characters spelled out, as \\x1b, so that none of them steers the terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", lambda found: found[0].encode("unicode_escape").decode(), text)


def safe(told: str) -> str:
    """Return text that comes from data, names, paths or errors as it may be printed: neither control nor markup."""
    return escape(printable(told))


def console_of() -> Console:
    """Return the console on standard output: a pipe or file gets whole lines, a terminal is asked for its width."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False, emoji=False)


def heading(name: str) -> str:
    """Return what a metric is called at the head of a column."""
    told = _NAMES.get(name, name.replace("_", " "))
    return told + " %" if METRICS[name].percent and not told.endswith("%") else told


def cell(name: str, interval: Any) -> str:
    """Return a metric's value with its interval, shares as per cent."""
    if METRICS[name].percent:
        interval = interval._make([*(100 * part for part in interval[:3]), *interval[3:]])
    return interval_text(interval)


def exact(value: float | None) -> str:
    """Return a number that is known exactly."""
    return "–" if value is None or math.isnan(value) else f"{value:.6g}"
