"""Reliability: how often choices made with a confidence were right, against that confidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.calibration import CONFIDENCE, COUNT, RIGHT
from sandbox.plots.looks import looks_of, plain
from sandbox.table import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sandbox.result import Result

_FEWEST = 10  # decisions in a bin that is drawn: the share of fewer says little
_LARGEST = 140.0  # points squared, of a marker that stands for all decisions


def bins_of(agent: AgentResult) -> FloatArray | None:
    """Return the bins (n, 3) of an agent's runs together, None where no choice had a confidence.

    Runs that are all the same run count once.
    """
    kept = [run.scores.tables["reliability"] for run in agent.done if run.scores and "reliability" in run.scores.tables]
    if not kept:
        return None
    found: FloatArray = kept[0] if agent.distinct == 1 else np.sum(kept, axis=0)
    return found


def points_of(bins: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return, of the bins with at least ten decisions: mean confidence, share right, and share of all decisions."""
    full = bins[bins[:, COUNT] >= _FEWEST]
    count = full[:, COUNT]
    return full[:, CONFIDENCE] / count, full[:, RIGHT] / count, count / bins[:, COUNT].sum()


def draw_reliability(axes: Axes, agents: Sequence[tuple[str, FloatArray]], looks: Sequence[dict[str, Any]]) -> None:
    """Draw a line for each agent, by name and bins (n, 3); a marker's area is the share of decisions in the bin."""
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1.0, zorder=1)
    for (name, bins), look in zip(agents, looks, strict=True):
        sure, right, share = points_of(bins)
        axes.plot(sure, right, label=plain(name), **look)
        axes.scatter(sure, right, s=6.0 + _LARGEST * share, color=look["color"], zorder=3)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("confidence in the choice")
    axes.set_ylabel("share of choices that were right")
    axes.grid(alpha=0.5, linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def figure(result: Result) -> Figure:
    """Return the reliability diagram of a result's agents; the grey line is perfect calibration.

    Agents that state no confidence are left out.
    """
    from matplotlib.figure import Figure

    looks = looks_of([agent.name for agent in result.agents])
    found = [(agent.name, bins_of(agent), look) for agent, look in zip(result.agents, looks, strict=True)]
    shown = [(name, bins, look) for name, bins, look in found if bins is not None]
    drawn = Figure(figsize=(5.2, 4.8), layout="constrained")
    axes = drawn.subplots()
    draw_reliability(axes, [(name, bins) for name, bins, _ in shown], [look for _, _, look in shown])
    axes.set_title(plain(f"{result.world}: is confidence borne out?"), loc="left")
    if shown:
        axes.legend(frameon=False, fontsize="small")
    return drawn
