"""Who is ahead: each agent's mean among its seeds, and the differences of pairs with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sandbox.plots.looks import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OPEN = "#777777"  # a difference that is not settled


class Bar(NamedTuple):
    """A row: its label, a value with its interval (NaN bounds: none), the value of every seed, and a colour."""

    label: str
    value: float
    low: float
    high: float
    seeds: Sequence[float]
    colour: str


def height_of(rows: int) -> float:
    """Return the height in inches of a figure with so many rows."""
    return 0.75 + 0.46 * max(1, rows)


def draw_standings(axes: Axes, bars: Sequence[Bar], unit: str) -> None:
    """Draw each bar's seeds as faint points, its value and its interval, the first row on top."""
    for k, bar in enumerate(bars):
        known = [value for value in bar.seeds if not math.isnan(value)]
        # Points are spread a little over the height of their row, the same way every time.
        places = k + 0.16 * np.sin(2.4 * np.arange(len(known)))
        axes.plot(known, places, "o", color=bar.colour, alpha=0.3, markersize=3.2, markeredgewidth=0, zorder=1)
    _draw_rows(axes, bars, unit)


def draw_differences(axes: Axes, bars: Sequence[Bar], unit: str) -> None:
    """Draw a forest plot: differences with their intervals, and the line of no difference.

    What is settled is filled and in colour, what is not is hollow and grey.
    """
    axes.axvline(0.0, color="#000000", linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    _draw_rows(axes, bars, unit)


def _draw_rows(axes: Axes, bars: Sequence[Bar], unit: str) -> None:
    for k, bar in enumerate(bars):
        if math.isnan(bar.value):
            continue
        if not math.isnan(bar.low):
            axes.plot([bar.low, bar.high], [k, k], color=bar.colour, linewidth=2.4, zorder=2, solid_capstyle="butt")
            for end in (bar.low, bar.high):
                axes.plot([end, end], [k - 0.12, k + 0.12], color=bar.colour, linewidth=1.4, zorder=2)
        face = "#ffffff" if bar.colour == _OPEN else bar.colour
        look: dict[str, Any] = {
            "markerfacecolor": face,
            "markeredgecolor": bar.colour,
            "markeredgewidth": 1.6,
            "markersize": 7,
        }
        axes.plot([bar.value], [k], "D", zorder=3, **look)
    for k, bar in enumerate(bars):  # above its row: there is no room beside it on a phone
        axes.annotate(
            plain(bar.label),
            (0, k - 0.27),
            xycoords=("axes fraction", "data"),
            fontsize=9,
            ha="left",
            va="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 1.0, "pad": 1.0},
            zorder=4,
        )
    axes.set_ylim(len(bars) - 0.6, -0.9)
    axes.set_yticks([])
    axes.margins(x=0.06)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(unit)
    axes.grid(axis="x", alpha=0.5, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
