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
_DRIFT = "#000000"
_MOST_SEEDS = 30  # that are drawn, a line each
_CROWD = 400  # alarms of a run from which on it is drawn as a bar


def save_detection(found: Found, stem: Path | None) -> list[Path]:
    """Write the figure as PNG and SVG; return the paths. Without a `stem` it is named after the stream."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", found.world).strip("-.")[:60] or "stream"
    return save(detection_figure(found), stem if stem is not None else Path(f"{name}--detect"))


def detection_figure(found: Found) -> Figure:
    """Return the figure: a strip for each detector, a line for each seed, a tick for each alarm."""
    from matplotlib.figure import Figure

    rows = found.ranking(found.matched or found.given)
    scored = bool(found.spans)
    drawn = Figure(figsize=(11.0 if scored else 8.0, 1.9 + 0.62 * len(rows)), layout="constrained")
    widths = [3.2, 1.7, 1.5, 1.5] if scored else [1.0]
    all_axes = drawn.subplots(1, len(widths), sharey=True, width_ratios=widths, squeeze=False)[0]
    colours = _colours(rows)
    _raster(all_axes[0], found, rows, colours, 0)
    all_axes[0].set_title("alarms" + " where the world changes" * scored, fontsize=10, loc="left")
    if scored:
        _raster(all_axes[1], found, rows, colours, 1)
        all_axes[1].set_title("where nothing changes", fontsize=10, loc="left")
        _bars(all_axes[2], rows, colours, "delay", "decisions until found ↓")
        _bars(all_axes[3], rows, colours, "credit", "credit beyond chance ↑")
    all_axes[0].set_yticks(range(len(rows)), [plain(_label(row)) for row in rows], fontsize=9)
    all_axes[0].set_ylim(len(rows) - 0.45, -0.55)
    told = f"{found.world}, {found.drift or 'no drift'}: {found.watch} of {found.agent}, {found.seeds} seeds"
    if found.matched:
        told += f"; tuned to {found.rate:g} false alarms per 10,000 decisions"
    drawn.suptitle(plain(fill(told, 120 if scored else 90)), fontsize=11)
    drawn.supxlabel(_key(found), fontsize=8.5)
    return drawn


def _key(found: Found) -> str:
    line = "black line: a drift begins (grey: until it is complete);  " if found.spans else ""
    return f"{line}a line for each seed, a tick for each alarm;  pale: what is heard fell"


def _label(row: Row) -> str:
    text = str(row.detector)
    return text if len(text) <= 30 else f"{text[:14]}…{text[-15:]}"


def _colours(rows: Sequence[Row]) -> list[str]:
    real = [row.name for row in rows if not row.detector.is_dummy]
    looks = dict(zip(real, looks_of(real), strict=True))
    return [_DUMMY if row.detector.is_dummy else str(looks[row.name]["color"]) for row in rows]


def _raster(axes: Axes, found: Found, rows: Sequence[Row], colours: Sequence[str], which: int) -> None:
    """Draw the alarms of each run (`which` = 0) or of its control (1)."""
    for span in found.spans if which == 0 else ():
        axes.axvspan(span.begin, span.complete, color="#bbbbbb", alpha=0.6, linewidth=0, zorder=0)
        axes.axvline(span.begin, color=_DRIFT, linewidth=0.9, zorder=1)
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
