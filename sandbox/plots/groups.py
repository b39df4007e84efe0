"""Agents group by group, a dot with its interval each; and what visits to a concept began and ended with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sandbox.plots.looks import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sandbox.comparison.intervals import Interval
    from sandbox.stretches import Visit

_ROW = 0.8  # of a group's room that its agents share


def height_of(groups: int, agents: int) -> float:
    """Return the height in inches of a figure of so many groups and agents."""
    return 0.8 + groups * (0.26 + 0.11 * agents)


def draw_groups(
    axes: Axes, groups: Sequence[str], agents: Sequence[Sequence[Interval | None]], colours: Sequence[str], unit: str
) -> None:
    """Draw a row for each group, the first on top; in it every agent's mean and interval, in its colour.

    `agents`: for each agent its interval in each group, None where it has none.
    """
    for k, (row, colour) in enumerate(zip(agents, colours, strict=True)):
        shift = (k + 0.5) / len(agents) * _ROW - _ROW / 2
        for g, found in enumerate(row):
            if found is None or math.isnan(found.mean):
                continue
            if not math.isnan(found.low):
                axes.plot([found.low, found.high], [g + shift] * 2, color=colour, linewidth=1.8, zorder=2)
            axes.plot([found.mean], [g + shift], "o", color=colour, markersize=4.5, zorder=3)
    for g in range(1, len(groups)):
        axes.axhline(g - 0.5, color="#000000", alpha=0.12, linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(groups)), [plain(name) for name in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(unit)


def draw_visits(
    axes: Axes,
    agents: Sequence[Sequence[tuple[Visit, Interval, Interval]]],
    looks: Sequence[dict[str, Any]],
    window: int,
    unit: str,
) -> None:
    """Draw each visit as a line from its start, a hollow dot, to its end, a full one; agents in their colours."""
    begins = sorted({visit.begin for told in agents for visit, _, _ in told if visit.begin})
    for at in begins:
        axes.axvline(at, color="#000000", linewidth=0.9, linestyle=(0, (1, 1.5)), alpha=0.6, zorder=0)
    for told, look in zip(agents, looks, strict=True):
        for visit, start, end in told:
            half = visit.span(window) / 2
            x = [visit.begin + half, visit.begin + visit.decisions - half]
            axes.plot(x, [start.mean, end.mean], color=look["color"], linestyle=look["linestyle"], linewidth=1.4)
            axes.plot(x[:1], [start.mean], "o", color=look["color"], markerfacecolor="#ffffff", markersize=4.5)
            axes.plot(x[1:], [end.mean], "o", color=look["color"], markersize=4.5)
    axes.set_xlabel("decisions made")
    axes.set_ylabel(unit)
