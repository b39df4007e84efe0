"""What stands beside the curves of a figure: the best possible, where the world changes, and which range is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.plots.looks import plain
from sandbox.result import Result
from sandbox.show.numbers import minus
from sandbox.table import FloatArray
from sandbox.yardsticks import is_yardstick

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_MARKS = 200  # changes that are marked
_MANY = 12  # changes from which on their marks are faint
_STRETCH = 4.0  # times the learners' range that a yardstick may make the axis before it is left outside
_ROOM = 0.08  # of the range, above and below
_EARLY = 0.01  # share of a curve that may fall out of the range: its first decisions are few
_BEHIND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}


def draw_best(axes: Axes, result: Result, reference: str) -> list[float]:
    """Draw the best possible, a step for each law; return its levels, none if they are not known, or not constant."""
    last = (result.oracle or {}).get(reference) if reference else None
    if last is None or result.meta.reactive:  # what the oracle earns depends on how long it has reigned
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
    told = f"{min(values):.3g} to {max(values):.3g}" if many else f"{last:.3g}"
    axes.annotate(
        f"best possible {about}{minus(told)}", (1, max(values) if many else last), xycoords=("axes fraction", "data"),
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
                "drift", (begin, 0), xycoords=("data", "axes fraction"), fontsize=8, va="bottom", ha="left",
                xytext=(3, 3), textcoords="offset points", bbox=_BEHIND,
            )  # fmt: skip


def mark_arrivals(axes: Axes, arrivals: Sequence[tuple[int, str]]) -> None:
    """Draw a line where a group arrives, and name it where there is room for names."""
    for at, name in arrivals[:_MOST_MARKS]:
        axes.axvline(at, color="#000000", linewidth=0.9, linestyle=(0, (4, 2)), zorder=2, alpha=0.7)
        if len(arrivals) <= _MANY:
            axes.annotate(
                plain(name), (at, 0), xycoords=("data", "axes fraction"), fontsize=7, va="bottom", ha="left",
                rotation=90, xytext=(2, 3), textcoords="offset points", bbox=_BEHIND,
            )  # fmt: skip


def zoom_on_learners(axes: Axes, means: Mapping[str, FloatArray], best: Sequence[float]) -> None:
    """Leave a yardstick out of the axis, in words, where it would make it more than four times as long.

    `means`: each agent's mean curve. What is shown is the range of the learners and of the best possible.
    """
    known = {name: mean[~np.isnan(mean)] for name, mean in means.items()}
    learners = [mean for name, mean in known.items() if not is_yardstick(name) and len(mean)]
    if not learners:
        return
    low = min([*best, *(float(np.quantile(mean, _EARLY)) for mean in learners)])
    high = max([*best, *(float(np.quantile(mean, 1.0 - _EARLY)) for mean in learners)])
    room = _ROOM * (high - low)
    outside = {n: mean for n, mean in known.items() if is_yardstick(n) and len(mean) and np.median(mean) < low - room}
    lowest = min((float(mean.min()) for mean in outside.values()), default=low)
    if high - low <= 0.0 or high - lowest <= _STRETCH * (high - low):
        return
    axes.set_ylim(low - room, high + 1.5 * room)
    _tell_below(axes, outside)


def _tell_below(axes: Axes, outside: Mapping[str, FloatArray]) -> None:
    """Say in words which mean curves lie under the axis."""
    if not outside:
        return
    told = ", ".join(f"{name} ({_rough(float(np.median(mean)))})" for name, mean in outside.items())
    axes.annotate(
        f"below: {told}", (0, 0), xycoords="axes fraction", fontsize=8, ha="left", va="bottom", xytext=(4, 3),
        textcoords="offset points", bbox=_BEHIND,
    )  # fmt: skip


def _rough(value: float) -> str:
    return minus(f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}")


def shrink_failures(
    axes: Axes, curves: Sequence[FloatArray], means: Mapping[str, FloatArray], best: Sequence[float]
) -> bool:
    """Where early failures dwarf everything after, use a symmetric logarithmic axis; return whether it is.

    `curves`: every learner's run. Yardsticks whose mean curve (`means`) lies under them all are told of in words.
    """
    top = max([*best, *(float(np.nanmax(mean)) for mean in means.values() if len(mean))], default=0.0)
    last = max(float(values[-1]) for values in curves)
    lowest = min(float(values.min()) for values in curves)
    if lowest >= 0 or abs(lowest) <= 20 * max(1.0, abs(last), abs(top)):
        return False
    linear = max(1.0, abs(last))
    axes.set_yscale("symlog", linthresh=linear)
    axes.set_ylim(1.6 * lowest, 0.0 if top <= 0 else 1.6 * max(top, linear))
    powers = range(math.ceil(math.log10(linear)), math.floor(math.log10(-lowest)) + 1)
    ups = [10.0**k for k in powers if 10.0**k <= top]
    axes.set_yticks([*(-(10.0**k) for k in powers), 0.0, *ups], minor=False)
    axes.set_yticks([], minor=True)
    axes.yaxis.set_major_formatter(lambda value, _: minus(f"{value:,.0f}"))
    known = {name: mean[~np.isnan(mean)] for name, mean in means.items()}
    _tell_below(axes, {n: m for n, m in known.items() if is_yardstick(n) and len(m) and np.median(m) < 1.6 * lowest})
    return True
