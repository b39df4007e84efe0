"""The picture of an experiment: what was found as lines, what was expected as points with their tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.gallery._found import Curve, Found, Panel
from sandbox.plots.looks import looks_of, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EXPECTED = "#262626"
_BAND = 2.0  # standard errors to each side
EXPECTED_TOLD = "expected, and by how much it may differ"
FOUND_TOLD = "found (shaded or barred: two standard errors)"


def figure(found: Found, title: str) -> Figure:
    """Return the figure of an experiment, a panel beside the other, with one legend for all curves."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(curve.name for panel in found.panels for curve in panel.curves))
    looks = dict(zip(names, looks_of([f" {name}" for name in names]), strict=True))  # none is a yardstick here
    columns = 3 if len(names) <= 12 else 4
    drawn = Figure(
        figsize=(5.2 * len(found.panels) + 0.6, 4.1 + 0.22 * -(-len(names) // columns)), layout="constrained"
    )
    for axes, panel in zip(drawn.subplots(1, len(found.panels), squeeze=False)[0], found.panels, strict=True):
        draw_panel(axes, panel, looks)
    drawn.suptitle(plain(title), fontsize=11)
    handles: dict[str, Any] = {}
    for axes in drawn.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    last = [label for label in handles if label == EXPECTED_TOLD]
    labels = [label for label in handles if label not in last] + last
    drawn.legend(
        [handles[label] for label in labels], labels, loc="outside lower center", ncols=min(columns, len(labels)),
        frameon=False, fontsize=9,
    )  # fmt: skip
    return drawn


def draw_panel(axes: Axes, panel: Panel, looks: dict[str, dict[str, Any]]) -> None:
    """Draw one panel on the axes given."""
    for curve in panel.curves:
        _draw_curve(axes, curve, looks[curve.name], bool(panel.ticks))
    if "x" in panel.log:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}" if value >= 1 else f"1/{1 / value:g}")
    if "y" in panel.log:
        axes.set_yscale("log")
    if panel.span is not None:
        axes.set_ylim(*panel.span)
    if panel.ticks:
        axes.set_xticks(range(len(panel.ticks)), panel.ticks, rotation=25, ha="right", fontsize=8)
    axes.set_title(plain(panel.title), fontsize=11)
    axes.set_xlabel(plain(panel.x))
    axes.set_ylabel(plain(panel.y))
    axes.grid(alpha=0.25, linewidth=0.6)


def _draw_curve(axes: Axes, curve: Curve, look: dict[str, Any], apart: bool) -> None:
    """Draw what was found; over what was expected, since that is larger."""
    x, y = np.array(curve.x), np.array(curve.y)
    error = np.array(curve.error) if curve.error else None
    if curve.points:
        at, expected, tolerance = np.array(curve.points).T
        axes.errorbar(
            at, expected, yerr=tolerance, fmt="o", color=_EXPECTED, markerfacecolor="white", markersize=6.5, capsize=4,
            elinewidth=1.0, label=EXPECTED_TOLD, zorder=4,
        )  # fmt: skip
    label = plain(curve.name)
    if apart or curve.marked:
        style = look | ({"linestyle": "none"} if apart else {"linewidth": 1.4})
        bars = None if error is None else _BAND * error
        axes.errorbar(x, y, yerr=bars, marker="s", markersize=3.5, elinewidth=1.2, label=label, zorder=5, **style)
        return
    axes.plot(x, y, label=label, zorder=3, **look)
    if error is not None:
        axes.fill_between(x, y - _BAND * error, y + _BAND * error, color=look["color"], alpha=0.18, linewidth=0)
