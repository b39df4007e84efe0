"""The picture of an experiment: what was found as lines, what was expected as points with their tolerance."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.gallery._found import Curve, Found, Panel
from sandbox.plots.looks import looks_of, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINT: dict[str, Any] = {"marker": "o", "markerfacecolor": "white", "markersize": 6.5, "markeredgewidth": 1.6}
_MARKS = ("s", "^", "D")
_BAND = 2.0  # standard errors to each side
EXPECTED_TOLD = "expected, with its tolerance (lines: found)"


def figure(found: Found, title: str, narrowest: float = 7.6) -> Figure:
    """Return the figure of an experiment, a panel beside the other, with one legend for all curves.

    `narrowest`: inches that it is wide at least.
    """
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(curve.name for panel in found.panels for curve in panel.curves))
    looks = dict(zip(names, looks_of([f" {name}" for name in names]), strict=True))  # none is a yardstick here
    for k, look in enumerate(looks.values()):  # a colour that comes again has another mark
        look["marker"] = _MARKS[min(k // 6, len(_MARKS) - 1)]
    wide = max(5.2 * len(found.panels), narrowest)
    columns = _columns(names, wide)
    drawn = Figure(figsize=(wide, 4.1 + 0.22 * -(-(len(names) + 1) // columns)), layout="constrained")
    for axes, panel in zip(drawn.subplots(1, len(found.panels), squeeze=False)[0], found.panels, strict=True):
        draw_panel(axes, panel, looks)
    drawn.suptitle(plain(textwrap.fill(title, int(11 * wide))), fontsize=11)
    handles: dict[str, Any] = {}
    ticks = any(panel.ticks for panel in found.panels)  # which name the curves already
    for axes in drawn.axes:
        named = axes.get_legend_handles_labels() if not ticks else ((), ())
        for handle, label in zip(*named, strict=True):
            handles.setdefault(label, handle)
    if any(curve.points for panel in found.panels for curve in panel.curves):
        handles[EXPECTED_TOLD] = _sign()
    drawn.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=min(columns, len(handles)),
        frameon=False, fontsize=9,
    )  # fmt: skip
    return drawn


def _columns(labels: list[str], wide: float) -> int:
    """Return into how many columns a legend fits, in a figure of so many inches."""
    return max(1, min(4, int(wide / (0.068 * max(map(len, labels)) + 0.6))))


def _sign() -> Any:
    """Return what stands for an expected point in the legend: its curve's colour differs."""
    from matplotlib.lines import Line2D

    return Line2D([], [], **(_POINT | {"linestyle": "none", "color": "#262626"}))


def draw_panel(axes: Axes, panel: Panel, looks: dict[str, dict[str, Any]]) -> None:
    """Draw one panel on the axes given."""
    for curve in panel.curves:
        _draw_curve(axes, curve, looks[curve.name], bool(panel.ticks))
    if "x" in panel.log:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}" if value >= 1 else f"1/{1 / value:g}")
    if "y" in panel.log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:,g}" if f"{value:e}"[0] in "25" else "")
    for at in panel.changes:
        axes.axvline(at, color="#000000", linewidth=1.1, linestyle=(0, (1, 1.5)), zorder=2)
        axes.annotate("change", (at, 1), xycoords=("data", "axes fraction"), fontsize=8, va="top", xytext=(3, -3),
                      textcoords="offset points")  # fmt: skip
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
            at, expected, yerr=tolerance, linestyle="none", color=look["color"], capsize=4, elinewidth=1.2, zorder=4,
            **_POINT,
        )  # fmt: skip
    label = plain(curve.name)
    if apart or curve.marked:
        style = look | ({"linestyle": "none"} if apart else {"linewidth": 1.4})
        bars = None if error is None else _BAND * error
        axes.errorbar(x, y, yerr=bars, markersize=4, elinewidth=1.2, label=label, zorder=5, **style)
        return
    axes.plot(x, y, label=label, zorder=3, **(look | {"marker": "none"}))
    if error is not None:
        axes.fill_between(x, y - _BAND * error, y + _BAND * error, color=look["color"], alpha=0.18, linewidth=0)
