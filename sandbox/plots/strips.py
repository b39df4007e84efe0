"""States without places: drawn in their order where they are few, the costliest by name where they are many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sandbox.plots.looks import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sandbox.plots.heat import Phase
    from sandbox.table import FloatArray

MOST_IN_ORDER = 130
COSTLIEST = 15
_MOST_CHOICES = 40  # states above which there is room for what is chosen
_LEARNED, _TRUE, _VISITS, _COST = "#0072B2", "#000000", "#8aa4b8", "#D55E00"


def draw_states(
    title: str,
    phases: Sequence[Phase],
    names: Mapping[int, str] | None = None,
    ways: Sequence[tuple[float, float] | None] = (),
) -> Figure:
    """Return the figure of phases whose states have no places, or lie in a row.

    `names`: what states are called, by number, where they are no numbers. `ways`: which way each choice goes.
    """
    from matplotlib.figure import Figure

    few = len(phases[0].visits) <= MOST_IN_ORDER
    n_down = (3 if phases[0].best is not None or phases[0].expected is not None else 2) if few else 1
    drawn = Figure(
        figsize=((5.2 if few else 7.0) * len(phases), 1.9 * n_down + 0.6 if few else 4.6), layout="constrained"
    )
    axes = drawn.subplots(n_down, len(phases), squeeze=False)
    for k, phase in enumerate(phases):
        if few:
            _in_order(list(axes[:, k]), phase, ways)
        else:
            draw_costliest(axes[0, k], phase, names or {})
        axes[0, k].set_title(plain(phase.title), fontsize=10, loc="left")
    drawn.suptitle(plain(title), fontsize=11)
    return drawn


def _in_order(axes: Sequence[Axes], phase: Phase, ways: Sequence[tuple[float, float] | None]) -> None:
    """Draw values and what is chosen, visits and cost against the number of the state."""
    from matplotlib.ticker import MaxNLocator

    state, seen = np.arange(len(phase.visits)), phase.visits > 0
    if len(axes) == 3:
        if phase.best is not None:
            axes[0].plot(state[seen], phase.best[seen], "--", color=_TRUE, linewidth=1.4, label="true (V*)")
        if phase.expected is not None:
            told = phase.expected[seen]
            axes[0].plot(state[seen], told, "o-", color=_LEARNED, markersize=4, label="what the agent expects")
        axes[0].set_ylabel("value")
        if len(state) <= _MOST_CHOICES and len(ways) > 1:
            _choices(axes[0], phase, ways)
        axes[0].legend(frameon=False, fontsize=8)
    for at, values, colour, unit in (
        (axes[-2], phase.visits, _VISITS, "decisions"),
        (axes[-1], phase.cost, _COST, "cost of mistakes\n(sum of gaps)"),
    ):
        at.bar(state, values, color=colour, width=0.8)
        at.set_ylabel(unit, fontsize=9)
        at.set_ylim(0.0, 1.06 * max(float(values.max()), 1e-9 if values.any() else 1.0))
    axes[-1].set_xlabel("state")
    for at in axes:
        at.xaxis.set_major_locator(MaxNLocator(integer=True))
        at.set_xlim(-0.7, len(state) - 0.3)
        at.grid(axis="y", alpha=0.3, linewidth=0.6)
        for side in ("top", "right"):
            at.spines[side].set_visible(False)


def draw_bars(axes: Axes, values: FloatArray, unit: str) -> None:
    """Draw a number for each state against the number of the state."""
    from matplotlib.ticker import MaxNLocator

    axes.bar(np.arange(len(values)), values, color=_COST, width=0.8)
    axes.set_xlabel("state")
    axes.set_ylabel(unit)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", alpha=0.3, linewidth=0.6)


def _choices(axes: Axes, phase: Phase, ways: Sequence[tuple[float, float] | None]) -> None:
    """Write above the values which way is chosen where, by the agent and by the best."""
    seen = np.flatnonzero(phase.visits > 0)
    rows = [("agent", phase.learned, _LEARNED), ("best", phase.value, _TRUE)]
    shown = [row for row in rows if row[1] is not None and row[1].shape[1] == len(ways)]
    for k, (name, table, colour) in enumerate(shown):
        height = 1.06 + 0.12 * (len(shown) - 1 - k)
        axes.annotate(name, (1.01, height), xycoords="axes fraction", fontsize=8, color=colour, va="center")
        for state in seen if table is not None else ():
            assert table is not None
            best = np.flatnonzero(table[state] >= table[state].max())
            if len(best) < len(ways):
                told = "".join(_sign(ways[choice]) for choice in best.tolist())
                axes.annotate(
                    told, (state, height), xycoords=("data", "axes fraction"), fontsize=8, color=colour, ha="center",
                    va="center",
                )  # fmt: skip


def _sign(way: tuple[float, float] | None) -> str:
    if way is None or max(map(abs, way)) < 0.5:
        return "·"
    return ("→" if way[1] > 0 else "←") if abs(way[1]) >= abs(way[0]) else "↓" if way[0] > 0 else "↑"


def costliest(phase: Phase) -> list[int]:
    """Return the states in which mistakes cost most, the worst first."""
    order = np.argsort(-phase.cost, kind="stable")[:COSTLIEST]
    return [int(state) for state in order if phase.cost[state] > 0]


def draw_costliest(axes: Axes, phase: Phase, names: Mapping[int, str]) -> None:
    """Draw the costliest states as bars, each with its number of mistakes and of decisions."""
    order = np.array(costliest(phase), dtype=np.int64)
    total = float(phase.cost.sum())
    places = np.arange(len(order))
    axes.barh(places, phase.cost[order], color=_COST, height=0.7)
    for k, state in enumerate(order):
        told = f"{phase.mistakes[state]:,.0f} of {phase.visits[state]:,.0f}"
        axes.annotate(
            told, (phase.cost[state], k), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5
        )
    axes.set_yticks(places, [plain(names.get(s, f"state {s}")) for s in order.tolist()], fontsize=8.5)
    if names:
        for text in axes.get_yticklabels():
            text.set_fontfamily("monospace")
    axes.invert_yaxis()
    axes.margins(x=0.22)
    share = 100.0 * float(phase.cost[order].sum()) / total if total > 0 else 0.0
    axes.set_xlabel(
        f"sum of gaps (beside it: mistakes of decisions);\nthese {len(order)} states have {share:.0f} % of all",
        fontsize=9,
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
