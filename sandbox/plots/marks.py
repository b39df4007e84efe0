"""What stands beside the curves of a figure: the best possible, where the world changes, and which range is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.result import YARDSTICKS, Result
from sandbox.table import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_MARKS = 200  # changes that are marked
_MANY = 12  # changes from which on their marks are faint
_STRETCH = 4.0  # times the learners' range that a yardstick may make the axis before it is left outside
_ROOM = 0.08  # of the range, above and below
_EARLY = 0.01  # share of a curve that may fall out of the range: its first decisions are few
_BEHIND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}


def draw_best(axes: Axes, result: Result, reference: str) -> list[float]:
    """Draw the best possible, a step for each law; return its levels, none if they are not known."""
    last = (result.oracle or {}).get(reference) if reference else None
    if last is None:
        return []
    levels = [(at, value) for at, value in result.drifting.best if np.isfinite(value)]
    if not levels and (result.drifting.drift or not np.isfinite(last)):  # that of the first law alone would mislead
        return []
    many = len(result.drifting.changes) > _MANY  # a gradual one has many levels, and one end
    look: dict[str, Any] = {"color": "black", "linewidth": 0.9, "linestyle": "-" if many else (0, (6, 3)), "zorder": 2}
    if levels:
        steps = [at for at, _ in levels] + [max(agent.decisions for agent in result.agents)]
        values = [value for _, value in levels]
        last = values[-1]
        axes.step(steps, [*values, last], where="post", **(look | ({"linewidth": 0.6} if many else {})))
    else:
        values = [last]
        axes.axhline(last, **look)
    about = "≈ " if (result.oracle or {}).get("sampled") else ""
    told = f"{min(values):.4g} to {max(values):.4g}" if many else f"{last:.4g}"
    axes.annotate(
        f"best possible {about}{told}", (1, max(values) if many else last), xycoords=("axes fraction", "data"),
        fontsize=8, ha="right", va="bottom", xytext=(-3, 2), textcoords="offset points", bbox=_BEHIND,
    )  # fmt: skip
    return values


def mark_changes(axes: Axes, changes: Sequence[tuple[int, int]]) -> None:
    """Draw a line where a change begins, and a band until it is complete."""
    strength = 1.0 if len(changes) <= _MANY else 0.35
    for k, (begin, complete) in enumerate(changes[:_MOST_MARKS]):
        axes.axvline(begin, color="#000000", linewidth=1.1, linestyle=(0, (1, 1.5)), zorder=2, alpha=strength)
        if complete > begin:
            axes.axvspan(begin, complete, color="#000000", alpha=0.08 * strength, linewidth=0, zorder=0)
        if k == 0:
            axes.annotate(
                "drift", (begin, 1), xycoords=("data", "axes fraction"), fontsize=8, va="top", ha="left",
                xytext=(3, -3), textcoords="offset points", bbox=_BEHIND,
            )  # fmt: skip


def zoom_on_learners(axes: Axes, means: Mapping[str, FloatArray], best: Sequence[float]) -> None:
    """Leave a yardstick out of the axis, in words, where it would make it more than four times as long.

    `means`: each agent's mean curve. What is shown is the range of the learners and of the best possible.
    """
    known = {name: mean[~np.isnan(mean)] for name, mean in means.items()}
    learners = [mean for name, mean in known.items() if name not in YARDSTICKS and len(mean)]
    if not learners:
        return
    low = min([*best, *(float(np.quantile(mean, _EARLY)) for mean in learners)])
    high = max([*best, *(float(np.quantile(mean, 1.0 - _EARLY)) for mean in learners)])
    room = _ROOM * (high - low)
    outside = {n: mean for n, mean in known.items() if n in YARDSTICKS and len(mean) and np.median(mean) < low - room}
    lowest = min((float(mean.min()) for mean in outside.values()), default=low)
    if high - low <= 0.0 or high - lowest <= _STRETCH * (high - low):
        return
    axes.set_ylim(low - room, high + 1.5 * room)
    told = ", ".join(f"{name} ({np.median(mean):.3g})" for name, mean in outside.items())
    axes.annotate(
        f"below: {told}", (0, 0), xycoords="axes fraction", fontsize=8, ha="left", va="bottom", xytext=(4, 3),
        textcoords="offset points", bbox=_BEHIND,
    )  # fmt: skip


def shrink_failures(axes: Axes, curves: Sequence[FloatArray], top: float) -> bool:
    """Where early failures dwarf everything after, use a symmetric logarithmic axis; return whether it is."""
    best = max(float(values[-1]) for values in curves)
    lowest = min(float(values.min()) for values in curves)
    if lowest >= 0 or abs(lowest) <= 20 * max(1.0, abs(best), abs(top)):
        return False
    axes.set_yscale("symlog", linthresh=max(1.0, abs(best)))
    axes.set_ylim(top=0.0 if top <= 0 else None)
    return True
