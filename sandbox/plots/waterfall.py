"""A waterfall: from the best possible, step by step, down (or up) to what was earned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sandbox.plots.looks import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Step = tuple[str, float]  # what it is called, and how much it adds
_LEVEL, _DOWN, _UP = "#777777", "#D55E00", "#0072B2"  # of Okabe and Ito's palette; the sign is written too
_ROOM = 0.2  # of the range, for the numbers beside the bars


def draw_waterfall(axes: Axes, start: Step, steps: Sequence[Step], end: Step, unit: str) -> None:
    """Draw bars from `start` by `steps` to `end`: whole bars for both ends, floating ones for what lies between.

    start + sum of steps = end, all in `unit`. Bars of the ends begin at 0, so that lengths can be compared.
    """
    level, places = start[1], []
    for name, change in steps:
        places.append((name, change, level, level + change))
        level += change
    rows = [(start[0], start[1], 0.0, start[1]), *places, (end[0], end[1], 0.0, end[1])]
    span = max(max(a, b) for *_, a, b in rows) - min(min(a, b) for *_, a, b in rows) or 1.0
    digits = max(0, 2 - math.floor(math.log10(span)))
    for k, (_, value, begin, stop) in enumerate(rows):
        whole = k in (0, len(rows) - 1)
        axes.barh(
            k, stop - begin, left=begin, height=0.62, color=_LEVEL if whole else _UP if value >= 0 else _DOWN,
            hatch="" if whole or value >= 0 else "////", edgecolor="#ffffff", linewidth=0.0, zorder=2,
        )  # fmt: skip
        told = f"{value:,.{digits}f}" if whole else f"{value:+,.{digits}f}"
        right = max(begin, stop) + 0.02 * span
        axes.annotate(told.replace("-", "−"), (right, k), va="center", ha="left", fontsize=9)
        if k + 1 < len(rows):
            axes.plot([stop, stop], [k + 0.31, k + 0.69], color="#000000", linewidth=0.7, zorder=1)
    axes.axvline(0.0, color="#000000", linewidth=0.8, zorder=3)
    axes.set_yticks(range(len(rows)), [plain(name) for name, *_ in rows])
    axes.invert_yaxis()
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + _ROOM * span)
    axes.set_xlabel(unit)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
