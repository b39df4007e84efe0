"""How agents look in every figure: a colour and a line style each, greys for yardsticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.yardsticks import is_yardstick

# Okabe & Ito's palette, safe for the colour-blind; each colour has a line style of its own, for print without colour.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_STYLES = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)))
_GREYS = ("#444444", "#777777", "#999999", "#111111", "#555555")
_GREY_STYLES = (":", (0, (1, 4)), (0, (2, 2)), (0, (4, 4)), (0, (2, 1, 1, 4)))


def looks_of(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return a colour and a line style for each agent: greys for yardsticks."""
    looks: list[dict[str, Any]] = []
    learners = yardsticks = 0
    for name in names:
        if is_yardstick(name):
            k, yardsticks = yardsticks % len(_GREYS), yardsticks + 1
            looks.append({"color": _GREYS[k], "linestyle": _GREY_STYLES[k], "linewidth": 1.6})
        else:
            (turn, k), learners = divmod(learners, len(_COLOURS)), learners + 1
            looks.append({"color": _COLOURS[k], "linestyle": _STYLES[(k + turn) % len(_STYLES)], "linewidth": 2.0})
    return looks


def plain(text: str) -> str:
    """Return text that matplotlib shows as it is: no formulas, no labels hidden for their first character."""
    text = text.replace("$", r"\$")
    return f"\N{WORD JOINER}{text}" if text.startswith("_") else text
