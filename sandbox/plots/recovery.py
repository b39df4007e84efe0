"""Recovery after a change: of the runs that lost by it, the share that is not back yet, as time goes by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.comparison.survival import kaplan_meier
from sandbox.recovery import Recovery

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def times_of(by_seed: Sequence[Recovery]) -> tuple[list[float], list[bool]]:
    """Return, for the runs at risk, decisions until recovery or until it was cut short, and whether it was seen."""
    due = [one for one in by_seed if one.at_risk]
    observed = [one.steps == one.steps for one in due]  # NaN: it did not come
    return [one.steps if seen else one.censored_at for one, seen in zip(due, observed, strict=True)], observed


def draw_recovery(axes: Axes, runs: Sequence[Sequence[Recovery]], looks: Sequence[dict[str, Any]]) -> None:
    """Draw for each agent the share of runs still to recover (Kaplan-Meier) against decisions since the change.

    A tick on a curve is a run that was not back when it was last seen.
    """
    longest = max((time for by_seed in runs for time in times_of(by_seed)[0]), default=1.0)
    for by_seed, look in zip(runs, looks, strict=True):
        times, observed = times_of(by_seed)
        if not times:
            continue
        curve = kaplan_meier(times, observed)
        end = max(times)
        steps = np.concatenate([[0.0], curve.time, [end]])
        share = np.concatenate([[1.0], curve.share, curve.share[-1:] if len(curve.share) else [1.0]])
        axes.step(steps, share, where="post", **look)
        cut = np.unique([time for time, seen in zip(times, observed, strict=True) if not seen])
        if len(cut):
            at = share[np.searchsorted(steps[:-1], cut, side="right") - 1]
            axes.plot(cut, at, "|", color=look["color"], markersize=9, markeredgewidth=1.6)
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlim(0.0, 1.03 * longest)
    axes.set_xlabel("decisions since the change")
    axes.set_ylabel("share of runs not back yet")
    axes.grid(alpha=0.5, linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
