"""Sensitivity figures: a metric against one setting, every run faint behind the means, yardsticks as lines."""

from __future__ import annotations

import math
import re
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.metrics import METRICS
from sandbox.plots.files import save
from sandbox.plots.looks import looks_of, plain
from sandbox.result import Result
from sandbox.sensitivity import Line, Sensitivity, is_number, sensitivities
from sandbox.show.numbers import number
from sandbox.table import FloatArray
from sandbox.yardsticks import is_yardstick

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Beside the whole run its end: what learns fast need not end well.
_ENDS = {"return": "final_return", "reward": "final_reward", "accuracy": "final_mistake_rate"}
_BEST = {"return": "optimal_return", "final_return": "optimal_return"}
_BEST |= {"reward": "stationary_value", "final_reward": "stationary_value"}
_MOST_LINES = 8
_STRETCH = 2.0  # times the learners' range that a level may make the axis before it is told in words
_MOST_TICKS = 12
_ROOM = 60  # characters that an axis has room for
_MARKERS = "osD^vPX<"
_BEHIND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}


def sensitivity_figures(result: Result) -> dict[str, Figure]:
    """Return a figure for each setting that was swept, by its name; none where none was."""
    found: dict[str, list[Sensitivity]] = {}
    for metric in filter(None, (result.headline, _ENDS.get(result.headline))):
        for one in sensitivities(result, metric):
            if any(not math.isnan(point.interval.mean) for line in one.lines for point in line.points):
                found.setdefault(one.setting, []).append(one)
    return {setting: _figure(result, several) for setting, several in found.items()}


def save_sensitivity(result: Result, stem: Path) -> list[Path]:
    """Write each figure as PNG and SVG beside `stem`, named with its setting; return the paths."""
    paths: list[Path] = []
    for setting, drawn in sensitivity_figures(result).items():
        safe = re.sub(r"[^A-Za-z0-9.]+", "-", setting).strip("-.")[:40] or "x"
        paths += save(drawn, stem.with_name(f"{stem.name}--{safe}"))
    return paths


def _figure(result: Result, several: list[Sensitivity]) -> Figure:
    """Return a panel for each metric, of one setting."""
    from matplotlib.figure import Figure

    lines = [_most_telling(one) for one in several]
    labels = [line.label for line in lines[0]]
    rows = -(-len(labels) // 2)
    drawn = Figure(figsize=(4.8 * max(len(several), 1.4), 3.9 + 0.24 * rows), layout="constrained")
    all_axes = drawn.subplots(1, len(several), squeeze=False)[0]
    looks = dict(zip(labels, looks_of(labels), strict=True))
    for axes, one, chosen in zip(all_axes, several, lines, strict=True):
        _draw(axes, result, one, [line for line in chosen if line.label in looks], looks)
    title = fill(_title(result, several[0], len(labels)), 55 + 50 * (len(several) > 1))
    drawn.suptitle(plain(title), fontsize=11)
    legend: dict[str, Any] = {}
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            legend.setdefault(label, handle)
    order = [*map(plain, labels), *legend]  # learners first
    legend = {label: legend[label] for label in sorted(legend, key=order.index)}
    cut = [label if len(label) <= 60 else f"{label[:28]}…{label[-31:]}" for label in legend]
    columns = min(3 if max(map(len, cut)) <= 40 else 2, len(cut))
    drawn.legend(list(legend.values()), cut, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
    return drawn


def _title(result: Result, one: Sensitivity, shown: int) -> str:
    seeds = max(point.interval.n for line in one.lines for point in line.points)
    runs = f"mean with 95 % interval of up to {seeds} runs (dots)" if seeds > 1 else "one run: no interval"
    told = [f"{result.world} — sensitivity to {one.setting}: {runs}; ring: best of its line", str(result.drifting)]
    if len(one.lines) > shown:
        told.append(f"the best {shown} of {len(one.lines)} combinations")
    return "; ".join(filter(None, told))


def _most_telling(one: Sensitivity) -> list[Line]:
    """Return the lines that are drawn: all, or those of the best values where they are too many to be told apart."""
    better = METRICS[one.metric].better
    if len(one.lines) <= _MOST_LINES:
        return list(one.lines)
    sign = -1.0 if better == "lower" else 1.0

    def worth(line: Line) -> float:
        best = line.best(better)
        return -math.inf if best is None else sign * best.interval.mean

    kept = sorted(one.lines, key=worth, reverse=True)[:_MOST_LINES]
    return [line for line in one.lines if line in kept]


def _draw(axes: Axes, result: Result, one: Sensitivity, lines: list[Line], looks: dict[str, dict[str, Any]]) -> None:
    metric, values = METRICS[one.metric], one.values
    places = _places(one)
    wide = (max(places.values()) - min(places.values())) or 1.0
    for k, line in enumerate(lines):
        aside = (k - (len(lines) - 1) / 2) * 0.012 * wide  # so that intervals do not hide each other
        _draw_line(axes, one, line, looks[line.label], _MARKERS[k % len(_MARKERS)], aside)
    axes.margins(x=0.08, y=0.12)
    _draw_levels(axes, result, one, lines)
    _tell_best(axes, one, lines)
    if one.scale != "linear" or len(values) <= 6:
        shown = values[:: -(-len(values) // _MOST_TICKS)]
        axes.set_xticks([places[repr(value)] for value in shown], [_name(value) for value in shown])
        if max(len(_name(value)) + 1 for value in shown) * len(shown) > _ROOM:
            axes.tick_params(axis="x", labelrotation=20)
            for text in axes.get_xticklabels():
                text.set_horizontalalignment("right")
    axes.set_title(plain(metric.text.split(";")[0][:1].upper() + metric.text.split(";")[0][1:]), fontsize=10)
    spaced = {"log": " (logarithmic)", "even": " (evenly spaced)" if all(map(is_number, values)) else ""}
    axes.set_xlabel(plain(one.setting) + spaced.get(one.scale, ""))
    axes.set_ylabel(metric.unit)
    axes.grid(alpha=0.25, linewidth=0.6)


def _places(one: Sensitivity) -> dict[str, float]:
    """Return where each value lies: itself, its decimal logarithm, or its number in order."""
    if one.scale == "even":
        return {repr(value): float(k) for k, value in enumerate(one.values)}
    return {repr(value): math.log10(value) if one.scale == "log" else float(value) for value in one.values}


def _draw_line(axes: Axes, one: Sensitivity, line: Line, look: dict[str, Any], marker: str, aside: float) -> None:
    """Draw the runs, the means with their intervals, and a ring around the best mean."""
    places = _places(one)
    at = np.array([places[_key(one, point.value)] for point in line.points]) + aside
    means = np.array([point.interval.mean for point in line.points])
    each = [(x, value) for x, point in zip(at, line.points, strict=True) for value in point.by_seed]
    known = np.array([pair for pair in each if not math.isnan(pair[1])]).reshape(-1, 2)
    axes.plot(known[:, 0], known[:, 1], ".", color=look["color"], alpha=0.25, markersize=4, zorder=1)
    low = np.nan_to_num(means - [point.interval.low for point in line.points])
    high = np.nan_to_num([point.interval.high for point in line.points] - means)
    axes.errorbar(
        at, means, yerr=(low, high), label=plain(line.label), marker=marker, markersize=5, capsize=3, elinewidth=1.3,
        zorder=3, **look,
    )  # fmt: skip
    best = line.best(METRICS[one.metric].better)
    if best is not None:
        x, y = at[line.points.index(best)], best.interval.mean
        axes.plot([x], [y], "o", markersize=13, markerfacecolor="none", markeredgecolor=look["color"], zorder=4)


def _tell_best(axes: Axes, one: Sensitivity, lines: list[Line]) -> None:
    """Write the best value of all beside its point."""
    best = Line("", tuple(point for line in lines for point in line.points)).best(METRICS[one.metric].better)
    if best is None:
        return
    x, y = _places(one)[_key(one, best.value)], best.interval.mean
    share = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
    side = "left" if share[0] < 0.2 else "right" if share[0] > 0.8 else "center"
    up = share[1] < 0.85
    axes.annotate(
        f"best: {_name(best.value)} ({number(y)})", (x, y), xytext=(0, 10 if up else -10), textcoords="offset points",
        fontsize=8, ha=side, va="bottom" if up else "top", bbox=_BEHIND, zorder=5,
    )  # fmt: skip


def _key(one: Sensitivity, value: Any) -> str:
    """Return the value as `values` holds it: 1 and 1.0 are one."""
    return next(repr(v) for v in one.values if repr(v) == repr(value) or (is_number(v) and v == value))


def _draw_levels(axes: Axes, result: Result, one: Sensitivity, lines: list[Line]) -> None:
    """Draw yardsticks and the best possible as horizontal lines; say in words which are too far away to be drawn."""
    runs: FloatArray = np.array([value for line in lines for point in line.points for value in point.by_seed])
    runs = runs[~np.isnan(runs)]
    low, high = float(runs.min()), float(runs.max())
    levels = {agent.name: agent.interval(one.metric).mean for agent in result.agents if is_yardstick(agent.name)}
    looks = dict(zip(levels, looks_of(list(levels)), strict=True))
    best = (result.oracle or {}).get(_BEST.get(one.metric, ""))
    if best is not None and not result.drifting.drift:  # under drift there is no one level
        levels["best possible"] = best
        looks["best possible"] = {"color": "black", "linestyle": (0, (6, 3)), "linewidth": 0.9}
    told = []
    for name, level in levels.items():
        if math.isnan(level):
            continue
        if high > low and max(high, level) - min(low, level) > _STRETCH * (high - low):
            told.append(f"{'below' if level < low else 'above'}: {name} ({number(level)})")
            continue
        axes.axhline(level, zorder=2, label=name, **looks[name])
    if told:
        axes.annotate(
            ", ".join(told), (0, 0), xycoords="axes fraction", fontsize=8, ha="left", va="bottom", xytext=(4, 3),
            textcoords="offset points", bbox=_BEHIND,
        )  # fmt: skip


def _name(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return plain(text if len(text) <= 24 else text[:23] + "…")
