"""Heat maps of a table: what was learned, what is true, where the agent was, and where its mistakes were made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.plots.looks import plain
from sandbox.table import FloatArray, IntArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Way = tuple[float, float]
WALL, EMPTY, WRONG = "#4b5055", "#ececec", "#D55E00"
_WINDS = {"^": "↑", ">": "→", "v": "↓", "<": "←"}
_TOLD_SHARE = 0.04  # of all that mistakes cost, from which on a cell says its share
_ALIKE = 4.0  # times the range of one map of values that all together may have, to share their colours
_MOST_SIDE = 14  # cells in a row, in which there is room for numbers
_MOST_TOLD = 12  # cells that say it
_LIGHT, _DARK = "#fefefe", "#010101"  # on colours of ours: not what a page in dark has for white and black
VALUE, VISITS, COST = "value", "visits", "cost"  # kinds of maps
_COLOURS = {VALUE: "cividis", VISITS: "Blues", COST: "Oranges"}


@dataclass(frozen=True)
class Map:
    """Where states are drawn: `rows` of signs (`#` a wall), `places` (S, 2) row and column, -1 nowhere; `bars`: cells
    with a thin wall on their right.
    """

    rows: tuple[str, ...]
    places: IntArray
    bars: tuple[tuple[int, int], ...] = ()

    @property
    def shared(self) -> bool:
        """Whether several states lie in one place."""
        placed = [tuple(place) for place in self.places.tolist() if min(place) >= 0]
        return len(set(placed)) < len(placed)


@dataclass(frozen=True)
class Phase:
    """A stretch of a run, state by state: `visits`, `cost` (sum of gaps) and `mistakes`, each (S,).

    `learned`: what the agent thought of choices (S, A) at its end, and `values` of states (S,), None where it has no
    such table; without the second, a state is worth what its best choice is. `best` (S,) and `value` (S, A): V* and Q*
    under the law in force at its end, None where they are not known.
    """

    title: str
    visits: FloatArray
    cost: FloatArray
    mistakes: FloatArray
    learned: FloatArray | None = None
    best: FloatArray | None = None
    value: FloatArray | None = None
    values: FloatArray | None = None

    @property
    def expected(self) -> FloatArray | None:
        """What the agent thought that states are worth (S,)."""
        return self.values if self.values is not None or self.learned is None else self.learned.max(axis=1)


@dataclass(frozen=True)
class Panel:
    """One map: a number for each state (NaN: none), its title and unit, and which way is chosen where."""

    title: str
    unit: str
    values: FloatArray
    kind: str
    chosen: FloatArray | None = None  # (S, A) of values whose largest is chosen


def panels_of(phase: Phase) -> list[Panel]:
    """Return what there is to be seen of a phase."""
    seen = phase.visits > 0
    found = []
    if phase.expected is not None:
        told = np.where(seen, phase.expected, math.nan)
        found.append(Panel("what the agent expects", "value learned", told, VALUE, phase.learned))
    if phase.best is not None:
        told = np.where(seen, phase.best, math.nan)
        found.append(Panel("what is true: V*, best choices", "value", told, VALUE, phase.value))
    visits = np.where(seen, phase.visits, math.nan)
    found.append(Panel("where it was", "decisions", visits, VISITS))
    cost = np.where(seen, phase.cost, math.nan)
    found.append(Panel(f"{phase.mistakes.sum():,.0f} mistakes: what they cost", "sum of gaps", cost, COST))
    return found


def _rough(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def figure(
    title: str,
    phases: Sequence[Phase],
    maps: Sequence[Map | None],
    ways: Sequence[Way | None] = (),
    names: Mapping[int, str] | None = None,
) -> Figure:
    """Return the maps of a run, a row of them for each phase (a column, where the map is wide).

    `maps`: where states lie in each phase; None: they have no places, and are drawn in their order. `ways`: which way
    each choice goes on the map (rows down, columns right). `names`: what states are called, by number.
    """
    from matplotlib.figure import Figure

    from sandbox.plots.strips import draw_states

    rows = [panels_of(phase) for phase in phases]
    grounds = [ground for ground in maps if ground is not None]
    if len(grounds) < len(maps) or len(grounds[0].rows) == 1:
        return draw_states(title, phases, names, ways if grounds else ())
    high, wide = len(grounds[0].rows), len(grounds[0].rows[0])
    down = wide > 2 * high  # wide maps lie under each other
    n_across, n_down = (len(phases), len(rows[0])) if down else (len(rows[0]), len(phases))
    broad = min(8.0, max(4.4, 0.42 * wide)) if down else 3.3  # inches, of which the scale takes one
    drawn = Figure(
        figsize=(broad * n_across, ((broad - 1.0) * high / wide + 0.45) * n_down + 0.45), layout="constrained"
    )
    axes = drawn.subplots(n_down, n_across, squeeze=False)
    for i, (phase, panels) in enumerate(zip(phases, rows, strict=True)):
        for k, panel in enumerate(panels):
            at = axes[k, i] if down else axes[i, k]
            draw_map(at, panel, grounds[i], ways, _limits(panels, panel, grounds[i]))
            first = down and k == 0 and phase.title
            at.set_title(plain(f"{phase.title}\n\n{panel.title}" if first else panel.title), fontsize=9.5, loc="left")
        if phase.title and not down:
            axes[i, 0].set_ylabel(plain(phase.title), fontsize=11)
    drawn.suptitle(plain(title), fontsize=11)
    return drawn


def _limits(panels: Sequence[Panel], panel: Panel, ground: Map) -> tuple[float, float] | None:
    """Return the range of a map of values, shared by all that are alike so that colours compare; None for its own."""
    ranges = {}
    for one in panels:
        known = on_map(one.values, ground, False)
        known = known[np.isfinite(known)]
        if one.kind == VALUE and len(known):
            ranges[one.title] = float(known.min()), float(known.max())
    if panel.title not in ranges:
        return None
    low, high = min(a for a, _ in ranges.values()), max(b for _, b in ranges.values())
    alike = all(high - low <= _ALIKE * (b - a) for a, b in ranges.values())
    return (low, high) if alike else ranges[panel.title]


def on_map(values: FloatArray, ground: Map, add: bool) -> FloatArray:
    """Return the values (rows, columns) of a map: of states that share a place the sum, or the mean; NaN for none."""
    total = np.zeros((len(ground.rows), len(ground.rows[0])))
    count = np.zeros(total.shape)
    sound = (ground.places >= 0).all(axis=1) & np.isfinite(values)
    r, c = ground.places[sound].T
    np.add.at(total, (r, c), values[sound])
    np.add.at(count, (r, c), 1.0)
    grid: FloatArray = np.where(count > 0, total / (1.0 if add else np.maximum(count, 1.0)), math.nan)
    return grid


def draw_map(
    axes: Axes,
    panel: Panel,
    ground: Map,
    ways: Sequence[Way | None] = (),
    limits: tuple[float, float] | None = None,
    steps: int = 0,
) -> None:
    """Draw one map on the axes given.

    `limits`: the range of its colours, None for its own. `steps`: how many colours there are, 0 for very many; where
    they are few, as on a page whose scheme may be dark, no shares are written on them.
    """
    from matplotlib import colormaps
    from matplotlib.ticker import LogLocator, NullLocator

    grid = on_map(panel.values, ground, panel.kind != VALUE)
    colours, norm = colormaps[_COLOURS[panel.kind]], _norm(panel, grid, limits)
    if steps:
        colours = colours.resampled(steps)
    axes.set_facecolor(EMPTY)
    shown = axes.pcolormesh(
        np.arange(grid.shape[1] + 1) - 0.5, np.arange(grid.shape[0] + 1) - 0.5, np.ma.masked_invalid(grid),
        cmap=colours, norm=norm, edgecolors="white", linewidth=0.4,
    )  # fmt: skip
    _frame(axes, ground, grid)
    bar = axes.figure.colorbar(shown, cax=axes.inset_axes((1.03, 0.0, 0.05, 1.0)))
    bar.ax.yaxis.set_major_formatter(lambda value, _: _rough(value).replace("-", "\N{MINUS SIGN}"))
    if panel.kind == VISITS:
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.tick_params(labelsize=8)
    if panel.unit:
        bar.set_label(panel.unit, fontsize=8)
    if panel.kind == VALUE and panel.chosen is not None and not ground.shared:
        _arrows(axes, panel, ground, ways, grid, norm)
    if panel.kind == COST and not steps and grid.shape[1] <= _MOST_SIDE:
        _tell_shares(axes, grid, norm)


def _norm(panel: Panel, grid: FloatArray, limits: tuple[float, float] | None) -> Any:
    """Return how numbers become colours: logarithmically for visits, from 0 for cost."""
    from matplotlib.colors import LogNorm, Normalize

    known = grid[np.isfinite(grid)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if limits is not None:
        low, high = limits
    if panel.kind == VISITS:
        return LogNorm(low if low > 0 else 1.0, max(2.0, high, 2.0 * low))
    low = 0.0 if panel.kind == COST else low
    return Normalize(low, high if high > low else low + 1.0)


def _frame(axes: Axes, ground: Map, grid: FloatArray) -> None:
    """Draw walls, thin and thick, and the letters of places; equal cells, no ticks."""
    from matplotlib.patches import Rectangle

    for r, row in enumerate(ground.rows):
        for c, sign in enumerate(row):
            if sign == "#" and math.isnan(grid[r, c]):
                axes.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=WALL, edgecolor=WALL))
            elif sign not in ".#F@ " and math.isnan(grid[r, c]):
                axes.text(c, r, _WINDS.get(sign, sign), ha="center", va="center", fontsize=8, color="#555555")
    for r, c in ground.bars:
        axes.plot([c + 0.5, c + 0.5], [r - 0.5, r + 0.5], color=WALL, linewidth=2.5)
    axes.set_xlim(-0.5, len(ground.rows[0]) - 0.5)
    axes.set_ylim(len(ground.rows) - 0.5, -0.5)
    axes.set_aspect("equal", anchor="W")  # what room is left goes to the scale's numbers
    axes.set_xticks([])
    axes.set_yticks([])


def _arrows(axes: Axes, panel: Panel, ground: Map, ways: Sequence[Way | None], grid: FloatArray, norm: Any) -> None:
    """Draw which way is chosen in each state that was visited: every one of the best, where several are."""
    assert panel.chosen is not None
    for state in np.flatnonzero(np.isfinite(panel.values)):
        values = panel.chosen[state]
        r, c = (int(k) for k in ground.places[state])
        if r < 0 or len(ways) != len(values):
            continue
        best = np.flatnonzero(values >= values.max())
        if len(best) == len(values) > 1:
            continue
        colour = _LIGHT if float(norm(grid[r, c])) < 0.55 else _DARK
        for choice in best.tolist():
            way = ways[choice]
            if way is not None and way != (0.0, 0.0):
                axes.annotate(
                    "", (c + 0.42 * way[1], r + 0.42 * way[0]), (c - 0.06 * way[1], r - 0.06 * way[0]),
                    arrowprops={"arrowstyle": "-|>,head_width=0.16,head_length=0.28", "color": colour, "linewidth": 0.9,
                                "shrinkA": 0, "shrinkB": 0},
                )  # fmt: skip


def _tell_shares(axes: Axes, grid: FloatArray, norm: Any) -> None:
    """Write into the costliest cells which share of all cost they have."""
    total = float(np.nansum(grid))
    if total <= 0:
        return
    shares = np.nan_to_num(grid / total)
    order = np.argsort(-shares, axis=None, kind="stable")[:_MOST_TOLD]
    for r, c in zip(*np.unravel_index(order, grid.shape), strict=True):
        if shares[r, c] >= _TOLD_SHARE:
            colour = _LIGHT if float(norm(grid[r, c])) > 0.6 else _DARK
            axes.text(c, r, f"{100 * shares[r, c]:.0f}%", ha="center", va="center", fontsize=7.5, color=colour)
