"""States without places: drawn in their order where they are few, the costliest by name where they are many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sandbox.plots.looks import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sandbox.plots.heat import Phase

MOST_IN_ORDER = 60
_COSTLIEST = 15
_LEARNED, _TRUE, _VISITS, _COST = "#0072B2", "#000000", "#8aa4b8", "#D55E00"


def draw_states(title: str, phases: Sequence[Phase], names: Sequence[str] = ()) -> Figure:
    """Return the figure of phases whose states have no places; `names` of states, else their numbers."""
    from matplotlib.figure import Figure

    few = len(phases[0].visits) <= MOST_IN_ORDER
    n_down = (3 if phases[0].best is not None or phases[0].learned is not None else 2) if few else 1
    drawn = Figure(figsize=(5.2 * len(phases), 1.9 * n_down + 0.6 if few else 4.6), layout="constrained")
    axes = drawn.subplots(n_down, len(phases), squeeze=False)
    for k, phase in enumerate(phases):
        if few:
            _in_order(list(axes[:, k]), phase)
        else:
            draw_costliest(axes[0, k], phase, names)
        axes[0, k].set_title(plain(phase.title), fontsize=10, loc="left")
    drawn.suptitle(plain(title), fontsize=11)
    return drawn


def _in_order(axes: Sequence[Axes], phase: Phase) -> None:
    """Draw values, visits and cost against the number of the state."""
    state, seen = np.arange(len(phase.visits)), phase.visits > 0
    if len(axes) == 3:
        if phase.best is not None:
            axes[0].plot(state[seen], phase.best[seen], "--", color=_TRUE, linewidth=1.4, label="true (V*)")
        if phase.learned is not None:
            told = phase.learned.max(axis=1)
            axes[0].plot(state[seen], told[seen], "o-", color=_LEARNED, markersize=4, label="what the agent expects")
        axes[0].set_ylabel("value")
        axes[0].legend(frameon=False, fontsize=8)
    for at, values, colour, unit in (
        (axes[-2], phase.visits, _VISITS, "decisions"),
        (axes[-1], phase.cost, _COST, "cost of mistakes\n(sum of gaps)"),
    ):
        at.bar(state, values, color=colour, width=0.8)
        at.set_ylabel(unit, fontsize=9)
    axes[-1].set_xlabel("state")
    for at in axes:
        at.set_xlim(-0.7, len(state) - 0.3)
        at.grid(axis="y", alpha=0.3, linewidth=0.6)
        for side in ("top", "right"):
            at.spines[side].set_visible(False)


def draw_costliest(axes: Axes, phase: Phase, names: Sequence[str] = ()) -> None:
    """Draw the costliest states as bars, each with its number of decisions and mistakes."""
    order = np.argsort(-phase.cost, kind="stable")[:_COSTLIEST]
    order = order[phase.cost[order] > 0]
    total = float(phase.cost.sum())
    places = np.arange(len(order))
    axes.barh(places, phase.cost[order], color=_COST, height=0.7)
    for k, state in enumerate(order):
        told = f"{phase.mistakes[state]:,.0f} mistakes in {phase.visits[state]:,.0f} decisions"
        axes.annotate(
            told, (phase.cost[state], k), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5
        )
    axes.set_yticks(places, [plain(names[s] if names else f"state {s}") for s in order], fontsize=8.5)
    axes.invert_yaxis()
    axes.margins(x=0.4)
    share = 100.0 * float(phase.cost[order].sum()) / total if total > 0 else 0.0
    axes.set_xlabel(f"cost of mistakes (sum of gaps); these {len(order)} states: {share:.0f} % of all")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
