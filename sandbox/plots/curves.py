"""Learning curves with every seed faint behind the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.plots.looks import looks_of, plain
from sandbox.plots.marks import draw_best, mark_changes, shrink_failures, zoom_on_learners
from sandbox.plots.panels import Panel, curves_of, panels
from sandbox.result import Result
from sandbox.table import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 400


def mean_curve(curves: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """Return the mean over seeds on a common grid of decisions.

    A seed counts between its first point and its last. The mean spans the decisions that half of the seeds reach, and
    two of them where there are two; it is NaN where fewer are there, and empty where that is everywhere.
    """
    need = max(-(-len(curves) // 2), min(2, len(curves)))
    starts, ends = np.array([step[0] for step, _ in curves]), np.array([step[-1] for step, _ in curves])
    edges = np.union1d(starts, ends)
    edges = edges[((starts <= edges[:, None]) & (edges[:, None] <= ends)).sum(axis=1) >= need]
    if not len(edges):
        return edges, edges
    grid = np.linspace(edges[0], edges[-1], _POINTS)
    values = np.array([np.interp(grid, step, value, left=np.nan, right=np.nan) for step, value in curves])
    there = (~np.isnan(values)).sum(axis=0)
    mean = np.full(len(grid), np.nan)
    np.divide(np.nansum(values, axis=0), there, out=mean, where=there >= need)
    return grid, mean


def _draw(axes: Axes, panel: Panel, result: Result, looks: list[dict[str, Any]]) -> None:
    means: dict[str, FloatArray] = {}
    drawn: list[FloatArray] = []
    for agent, look in zip(result.agents, looks, strict=True):
        curves = curves_of(agent, panel)
        if not curves:
            continue
        if agent.distinct > 1:
            for step, value in curves:
                axes.plot(step, value, color=look["color"], alpha=0.18, linewidth=0.7, zorder=1)
        grid, means[agent.name] = mean_curve(curves)
        drawn += [value for _, value in curves]
        axes.plot(grid, means[agent.name], label=plain(agent.name), zorder=3, **look)
    best = draw_best(axes, result, panel.reference)
    mark_changes(axes, result.drifting.changes)
    ends = [float(end) for mean in means.values() if len(mean) for end in (np.nanmin(mean), np.nanmax(mean))]
    if ends and panel.logarithmic:
        positive = min(ends) > 0
        axes.set_yscale("log" if positive else "symlog", **({} if positive else {"linthresh": 1.0}))
        if not positive:
            axes.set_ylim(bottom=0.0)
    elif ends and panel.signal in ("return", "reward"):
        shrunk = panel.signal == "return" and shrink_failures(axes, drawn, max(*ends, *best))
        if not shrunk:
            zoom_on_learners(axes, means, best)
    axes.set_title(panel.title, fontsize=11)
    axes.set_xlabel("decisions")
    axes.set_ylabel(panel.unit)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.margins(x=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}")


def figure(result: Result) -> Figure:
    """Return the learning curves of a result: one panel per question, every seed faint behind the mean.

    Colours and line styles are safe for the colour-blind and in print; yardsticks are grey; axes carry their unit.
    """
    from matplotlib.figure import Figure

    wanted = panels(result)
    looks = looks_of([agent.name for agent in result.agents])
    # Wide legends go below, a row for each two agents.
    rows = -(-len(result.agents) // 3)
    drawn = Figure(figsize=(4.6 * len(wanted), 3.7 + 0.24 * rows), layout="constrained")
    all_axes = drawn.subplots(1, len(wanted), squeeze=False)[0]
    for axes, panel in zip(all_axes, wanted, strict=True):
        _draw(axes, panel, result, looks)
    seeds = max((agent.distinct for agent in result.agents), default=0)
    priced = f"objective: {result.meta.objective}" if result.meta.priced else f"unpriced: {result.meta.why_unpriced}"
    priced = "; ".join(filter(None, (priced, str(result.drifting))))
    title = f"{result.world} — mean over up to {seeds} runs; thin lines: each run; {priced}"
    drawn.suptitle(plain(title), fontsize=11)
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
