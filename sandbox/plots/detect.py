"""Detectors at a glance: a raster of alarms with and without drift, how late drifts are found, and the credit."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.detection.found import Found, Row
from sandbox.plots.files import save
from sandbox.plots.looks import looks_of, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DUMMY = "#777777"
_SEVENTH = "#6A4C93"  # colour: there are seven detectors of River's
_DRIFT = "#000000"
_MOST_SEEDS = 30  # that are drawn, a line each
_CROWD = 400  # alarms of a run from which on it is drawn as a bar


def save_detection(found: Found, stem: Path | None) -> list[Path]:
    """Write the figure as PNG and SVG; return the paths. Without a `stem` it is named after the stream."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", found.world).strip("-.")[:60] or "stream"
    return save(detection_figure(found), stem if stem is not None else Path(f"{name}--detect"))


def detection_figure(found: Found) -> Figure:
    """Return the figure: what is heard, and a strip for each detector, a line for each seed, a tick for each alarm."""
    from matplotlib.figure import Figure

    rows = found.ranking(found.matched or found.given)
    scored = bool(found.spans)
    drawn = Figure(figsize=(11.5 if scored else 8.5, 2.7 + 0.62 * len(rows)), layout="constrained")
    widths = [3.2, 1.7, 1.4, 1.4] if scored else [1.0]
    all_axes = drawn.subplots(
        2, len(widths), sharex="col", sharey="row", width_ratios=widths, height_ratios=[1.3, len(rows)], squeeze=False
    )
    colours = _colours(rows)
    for which in range(1 + scored):
        _heard(all_axes[0, which], found, which)
        _raster(all_axes[1, which], found, rows, colours, which)
    all_axes[0, 0].set_title("the world changes" if scored else "what is heard, and alarms", fontsize=10, loc="left")
    if scored:
        all_axes[0, 1].set_title("nothing changes", fontsize=10, loc="left")
        for axes in all_axes[0, 2:]:
            axes.set_axis_off()
        _bars(all_axes[1, 2], rows, colours, "delay", "delay ↓ (decisions)")
        _bars(all_axes[1, 3], rows, colours, "credit", "credit ↑")
    all_axes[1, 0].set_yticks(range(len(rows)), [plain(_label(row)) for row in rows], fontsize=9)
    all_axes[1, 0].set_ylim(len(rows) - 0.45, -0.55)
    told = [found.terms, *([found.tuned] if found.matched else [])]
    drawn.suptitle(plain("\n".join(fill(text, 120 if scored else 90) for text in told)), fontsize=11)
    drawn.supxlabel(_key(found), fontsize=8.5)
    return drawn


def _heard(axes: Axes, found: Found, which: int) -> None:
    """Draw the mean of what is heard, over stretches and runs."""
    _drifts(axes, found, which)
    curve = np.array(found.facts["control_curve" if which else "curve"]).reshape(-1, 2)
    axes.step(curve[:, 0], curve[:, 1], where="pre", color="#444444", linewidth=1.0, zorder=2)
    axes.set_ylabel({"error": "error", "truth": "answer", "reward": "reward"}[found.watch], fontsize=9)
    axes.tick_params(labelsize=8.5)
    axes.locator_params(axis="y", nbins=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _drifts(axes: Axes, found: Found, which: int) -> None:
    for span in found.spans if which == 0 else ():
        axes.axvspan(span.begin, span.complete, color="#bbbbbb", alpha=0.6, linewidth=0, zorder=0)
        axes.axvline(span.begin, color=_DRIFT, linewidth=0.9, zorder=1)


def _key(found: Found) -> str:
    line = "black line: a drift begins (grey: until it is complete);  " if found.spans else ""
    return f"{line}a line for each seed, a tick for each alarm;  pale: what is heard fell"


def _label(row: Row) -> str:
    settings = str(row.detector)[len(row.detector.name) + 1 :]
    name = row.detector.name[-34:]
    return f"{name}\n{settings[:34]}" if settings else name


def _colours(rows: Sequence[Row]) -> list[str]:
    real = [row.name for row in rows if not row.detector.is_dummy]
    looks = [str(look["color"]) for look in looks_of(real)]
    looks[6:7] = [_SEVENTH] * (len(real) > 6)
    of_name = dict(zip(real, looks, strict=True))
    return [_DUMMY if row.detector.is_dummy else of_name[row.name] for row in rows]


def _raster(axes: Axes, found: Found, rows: Sequence[Row], colours: Sequence[str], which: int) -> None:
    """Draw the alarms of each run (`which` = 0) or of its control (1)."""
    _drifts(axes, found, which)
    for k, (row, colour) in enumerate(zip(rows, colours, strict=True)):
        runs = [row.alarms[seed][which] for seed in sorted(row.alarms)][:_MOST_SEEDS]
        for place, run in zip(np.linspace(-0.36, 0.36, len(runs)) if len(runs) > 1 else [0.0], runs, strict=True):
            if len(run.at) > _CROWD:
                axes.plot([run.at[0], run.at[-1]], [k + place] * 2, color=colour, linewidth=0.8, alpha=0.5)
                continue
            for fell in (True, False):
                at = [step for step, down in zip(run.at, run.fell, strict=True) if down == fell]
                look: dict[str, Any] = {"markersize": 4.5, "markeredgewidth": 1.3, "alpha": 0.35 if fell else 1.0}
                axes.plot(at, [k + place] * len(at), "|", color=colour, zorder=3, **look)
    axes.set_xlim(0, found.steps)
    axes.locator_params(axis="x", nbins=4 if which else 6)
    axes.set_xlabel("decision")
    axes.tick_params(labelsize=9)
    for edge in np.arange(0.5, len(rows) - 0.6):
        axes.axhline(edge, color="#dddddd", linewidth=0.8, zorder=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _bars(axes: Axes, rows: Sequence[Row], colours: Sequence[str], measure: str, title: str) -> None:
    """Draw the mean of a measure over seeds with its interval."""
    for k, (row, colour) in enumerate(zip(rows, colours, strict=True)):
        mean, low, high, _ = row.interval(measure)
        if math.isnan(mean):
            axes.text(0.0, k, " none found", va="center", fontsize=8.5, color=_DUMMY)
            continue
        axes.barh(k, mean, height=0.55, color=colour, alpha=0.55, zorder=2)
        if not math.isnan(low) and high > low:
            axes.plot([max(low, 0.0) if mean >= 0 else low, high], [k, k], color=colour, linewidth=2.2, zorder=3)
    axes.set_title(title, fontsize=10, loc="left")
    axes.axvline(0.0, color="#000000", linewidth=0.8)
    axes.locator_params(axis="x", nbins=4)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(labelsize=9)
    axes.grid(axis="x", alpha=0.5, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
