"""Learning curves: each agent's mean, the band that holds it, and every run faint behind."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.comparison.bands import mean_of, simultaneous_band
from sandbox.comparison.learning import LearningCurve, on_grid
from sandbox.plots.crowd import thinned
from sandbox.plots.looks import looks_of, plain
from sandbox.plots.marks import draw_best, mark_arrivals, mark_changes, shrink_failures, zoom_on_learners
from sandbox.plots.panels import Panel, curves_of, panels
from sandbox.result import Result
from sandbox.table import FloatArray
from sandbox.yardsticks import is_yardstick

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAND_FROM = 8  # runs; from fewer, the band is wider than the runs themselves lie apart
_BAND_POINTS = 100
_SHADE = 0.16
_TITLE = 50  # characters of a title's line for each panel
BAND_TOLD = "shaded: 95 % sure to hold the whole mean curve"


def _draw_band(axes: Axes, grid: FloatArray, values: FloatArray, look: dict[str, Any]) -> bool:
    """Shade the band of the whole mean curve, which stretches no axis; return whether there is one.

    `values`: each run's curve (n_seeds, n_points) on the grid (n_points,).
    """
    if len(values) < BAND_FROM or not len(grid):
        return False
    some = np.linspace(0, len(grid) - 1, _BAND_POINTS).round().astype(np.int64)
    band = simultaneous_band(values[:, some], np.random.default_rng(0))
    limits = axes.dataLim.frozen()
    axes.fill_between(grid[some], band.low, band.high, color=look["color"], alpha=_SHADE, linewidth=0, zorder=1.5)
    axes.dataLim.set(limits)
    return True


def _draw_agent(
    axes: Axes, curves: list[LearningCurve], look: dict[str, Any], several: bool, yardstick: bool
) -> LearningCurve:
    """Draw an agent's mean curve, and if its runs are `several` also these and the band; return the mean curve.

    A yardstick has no band: nobody asks how sure its mean is.
    """
    grid, values = on_grid(curves)
    if several:
        faint = 0.12 if not yardstick and _draw_band(axes, grid, values, look) else 0.18
        for step, value in curves:
            axes.plot(step, value, color=look["color"], alpha=faint, linewidth=0.7, zorder=1)
    mean = mean_of(values)
    axes.plot(grid, mean, zorder=3, **look)
    return grid, mean


def draw_panel(axes: Axes, panel: Panel, result: Result, looks: list[dict[str, Any]]) -> None:
    """Draw one panel on the axes given: each agent's runs, band and mean, the best possible, and the drift."""
    means: dict[str, FloatArray] = {}
    drawn: list[FloatArray] = []
    for agent, look in zip(result.agents, looks, strict=True):
        curves = curves_of(agent, panel)
        if not curves:
            continue
        shown = {"label": plain(agent.name), **look}
        _, means[agent.name] = _draw_agent(axes, curves, shown, agent.distinct > 1, is_yardstick(agent.name))
        drawn += [value for _, value in curves] if not is_yardstick(agent.name) else []
    best = draw_best(axes, result, panel.reference)
    mark_changes(axes, result.drifting.changes)
    mark_arrivals(axes, result.drifting.arrivals)
    ends = [float(end) for mean in means.values() if len(mean) for end in (np.nanmin(mean), np.nanmax(mean))]
    if ends and panel.logarithmic:
        positive = min(ends) > 0
        axes.set_yscale("log" if positive else "symlog", **({} if positive else {"linthresh": 1.0}))
        if not positive:
            axes.set_ylim(bottom=0.0)
    elif ends and panel.signal in ("return", "reward"):
        shrunk = panel.signal == "return" and bool(drawn) and shrink_failures(axes, drawn, means, best)
        if not shrunk:
            zoom_on_learners(axes, means, best)
    axes.set_title(panel.title, fontsize=11)
    axes.set_xlabel("decisions")
    axes.set_ylabel(panel.unit)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.margins(x=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}")


def figure(result: Result) -> Figure:
    """Return the learning curves of a result: one panel per question, every run faint behind the mean.

    Of more than six learners the best six are drawn (`thinned`), and the title says so.
    From 8 runs on, the band is shaded that holds the whole mean curve with 95 % (`simultaneous_band`).
    Colours and line styles are safe for the colour-blind and in print; yardsticks are grey; axes carry their unit.
    """
    from matplotlib.figure import Figure

    result, few = thinned(result)
    wanted = panels(result)
    looks = looks_of([agent.name for agent in result.agents])
    # Wide legends go below, a row for each two agents.
    rows = -(-len(result.agents) // 3)
    drawn = Figure(figsize=(4.6 * len(wanted), 3.7 + 0.24 * rows), layout="constrained")
    all_axes = drawn.subplots(1, len(wanted), squeeze=False)[0]
    for axes, panel in zip(all_axes, wanted, strict=True):
        draw_panel(axes, panel, result, looks)
    seeds = max((agent.distinct for agent in result.agents), default=0)
    priced = f"objective: {result.meta.objective}" if result.meta.priced else f"unpriced: {result.meta.why_unpriced}"
    priced = "; ".join(filter(None, (priced, str(result.drifting))))
    band = f"{BAND_TOLD}; " if any(axes.collections for axes in all_axes) else ""
    band = f"{few}; {band}" if few else band
    title = f"{result.world} — mean over up to {seeds} runs; thin lines: each run; {band}{priced}"
    drawn.suptitle(plain(textwrap.fill(title, _TITLE * len(wanted))), fontsize=11)
    handles, labels = [], []
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    if handles:
        shown = [label if len(label) <= 60 else label[:57] + "…" for label in labels]
        drawn.legend(handles, shown, loc="outside lower center", ncols=min(3, len(labels)), frameon=False, fontsize=9)
    return drawn
