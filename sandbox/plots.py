"""Figures: learning curves with every seed faint behind the mean, legible in print and to the colour-blind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.curves import Curve
from sandbox.errors import SandboxError
from sandbox.plot_marks import draw_best, mark_changes, shrink_failures, zoom_on_learners
from sandbox.result import YARDSTICKS, Result
from sandbox.table import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette, safe for the colour-blind; each colour has a line style of its own, for print without colour.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_STYLES = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1)))
_GREYS = ("#444444", "#777777", "#999999", "#111111", "#555555")
_GREY_STYLES = (":", (0, (1, 4)), (0, (2, 2)), (0, (4, 4)), (0, (2, 1, 1, 4)))
_POINTS = 400
_UNWRITTEN: ContextVar[list[str] | None] = ContextVar("_UNWRITTEN", default=None)
_SAME_BYTES: Any = {"svg.hashsalt": "learner-sandbox", "svg.fonttype": "path"}


@dataclass(frozen=True)
class Panel:
    """One set of axes: which signal, how it is summed up, and what it is called."""

    signal: str
    title: str
    unit: str
    of: Callable[[Curve], FloatArray]
    logarithmic: bool = False
    reference: str = ""  # a number of the oracle's to draw a line at


def _windowed(curve: Curve) -> FloatArray:
    return curve.windowed


def _running_total(curve: Curve) -> FloatArray:
    return np.cumsum(curve.total)


def _root_windowed(curve: Curve) -> FloatArray:
    return np.sqrt(curve.windowed)


def panels(result: Result) -> list[Panel]:
    """Return the panels that this result can fill."""
    have = {name for agent in result.agents for run in agent.done if run.scores for name in run.scores.curves}
    found = [panel for panel in _wanted(result) if panel.signal in have]
    return found or [Panel("reward", "Reward", f"reward per decision\n(window of {result.window:,})", _windowed)]


def _wanted(result: Result) -> list[Panel]:
    """Return the panels for what the world asks."""
    window, episodes = f"(window of {result.window:,})", min(result.window, 100)

    def per(unit: str) -> str:
        return f"{unit}\n(mean of {episodes} episodes)" if episodes > 1 else unit

    unpriced = "" if result.meta.priced else " (unpriced: includes bad luck)"
    mistakes = Panel("mistake", "Mistakes", f"share of decisions\n{window}", _windowed)
    regret = Panel("regret", "Regret", "sum of gaps so far (reward)", _running_total, True)
    reward = Panel("reward", "Reward", f"reward per decision\n{window}", _windowed, False, "stationary_value")
    squared, units = "Root of the squared error", f"units of the label\n{window}"
    return {
        "control": [
            Panel("return", "Return", per("reward per episode"), _windowed, False, "optimal_return"), mistakes, regret,
        ],
        "control, unpriced": [
            Panel("return", "Return", per("reward per episode"), _windowed),
            Panel("length", "Length", per("decisions per episode"), _windowed),
            Panel("mistake", "Failed episodes so far" + unpriced, "episodes", _running_total),
        ],
        "control, one step": [reward, mistakes, regret],
        "classification, priced": [reward, mistakes, regret],
        "classification": [
            Panel("correct", "Accuracy", f"share of right labels\n{window}", _windowed),
            Panel("mistake", "Mistakes so far" + unpriced, "decisions", _running_total),
            Panel("log_loss", "Log loss", f"nats per decision\n{window}", _windowed),
        ],
        "regression": [
            Panel("absolute_error", "Absolute error", units, _windowed, True),
            Panel("squared_error", squared, units, _root_windowed, True),
        ],
    }[result.task]  # fmt: skip


def _looks(agents: list[AgentResult]) -> list[dict[str, Any]]:
    """Return a colour and a line style for each agent: greys for yardsticks."""
    looks: list[dict[str, Any]] = []
    learners = yardsticks = 0
    for agent in agents:
        if agent.name in YARDSTICKS:
            k, yardsticks = yardsticks % len(_GREYS), yardsticks + 1
            looks.append({"color": _GREYS[k], "linestyle": _GREY_STYLES[k], "linewidth": 1.6})
        else:
            (turn, k), learners = divmod(learners, len(_COLOURS)), learners + 1
            looks.append({"color": _COLOURS[k], "linestyle": _STYLES[(k + turn) % len(_STYLES)], "linewidth": 2.0})
    return looks


def _plain(text: str) -> str:
    """Return text that matplotlib shows as it is: no formulas, no labels hidden for their first character."""
    text = text.replace("$", r"\$")
    return f"\N{WORD JOINER}{text}" if text.startswith("_") else text


def curves_of(agent: AgentResult, panel: Panel) -> list[tuple[FloatArray, FloatArray]]:
    """Return, for every seed that has it, decisions made and the panel's value there."""
    found = []
    for run in agent.done:
        curve = run.scores.curves.get(panel.signal) if run.scores is not None else None
        if curve is not None:
            value = panel.of(curve)
            known = ~np.isnan(value)
            found.append((curve.step[known].astype(np.float64), value[known]))
    return [pair for pair in found if len(pair[0])]


def mean_curve(curves: list[tuple[FloatArray, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """Return the mean over seeds on a common grid of decisions.

    A seed counts between its first point and its last. The mean spans the decisions that half of the seeds reach, and
    two of them where there are two; it is NaN where fewer are there, and empty where that is everywhere.
    """
    need = max(-(-len(curves) // 2), min(2, len(curves)))
    starts, ends = np.array([step[0] for step, _ in curves]), np.array([step[-1] for step, _ in curves])
    edges = np.union1d(starts, ends)
    edges = edges[((starts <= edges[:, None]) & (edges[:, None] <= ends)).sum(axis=1) >= need]
    if not len(edges):
        return edges, edges
    grid = np.linspace(edges[0], edges[-1], _POINTS)
    values = np.array([np.interp(grid, step, value, left=np.nan, right=np.nan) for step, value in curves])
    there = (~np.isnan(values)).sum(axis=0)
    mean = np.full(len(grid), np.nan)
    np.divide(np.nansum(values, axis=0), there, out=mean, where=there >= need)
    return grid, mean


def _draw(axes: Axes, panel: Panel, result: Result, looks: list[dict[str, Any]]) -> None:
    means: dict[str, FloatArray] = {}
    drawn: list[FloatArray] = []
    for agent, look in zip(result.agents, looks, strict=True):
        curves = curves_of(agent, panel)
        if not curves:
            continue
        if agent.distinct > 1:
            for step, value in curves:
                axes.plot(step, value, color=look["color"], alpha=0.18, linewidth=0.7, zorder=1)
        grid, means[agent.name] = mean_curve(curves)
        drawn += [value for _, value in curves]
        axes.plot(grid, means[agent.name], label=_plain(agent.name), zorder=3, **look)
    best = draw_best(axes, result, panel.reference)
    mark_changes(axes, result.drifting.changes)
    ends = [float(end) for mean in means.values() if len(mean) for end in (np.nanmin(mean), np.nanmax(mean))]
    if ends and panel.logarithmic:
        positive = min(ends) > 0
        axes.set_yscale("log" if positive else "symlog", **({} if positive else {"linthresh": 1.0}))
        if not positive:
            axes.set_ylim(bottom=0.0)
    elif ends and panel.signal in ("return", "reward"):
        shrunk = panel.signal == "return" and shrink_failures(axes, drawn, max(*ends, *best))
        if not shrunk:
            zoom_on_learners(axes, means, best)
    axes.set_title(panel.title, fontsize=11)
    axes.set_xlabel("decisions")
    axes.set_ylabel(panel.unit)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.margins(x=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}k" if value >= 10_000 else f"{value:g}")


def figure(result: Result) -> Figure:
    """Return the learning curves of a result: one panel per question, every seed faint behind the mean.

    Colours and line styles are safe for the colour-blind and in print; yardsticks are grey; axes carry their unit.
    """
    from matplotlib.figure import Figure

    wanted = panels(result)
    looks = _looks(result.agents)
    # Wide legends go below, a row for each two agents.
    rows = -(-len(result.agents) // 3)
    drawn = Figure(figsize=(4.6 * len(wanted), 3.7 + 0.24 * rows), layout="constrained")
    all_axes = drawn.subplots(1, len(wanted), squeeze=False)[0]
    for axes, panel in zip(all_axes, wanted, strict=True):
        _draw(axes, panel, result, looks)
    seeds = max((agent.distinct for agent in result.agents), default=0)
    priced = f"objective: {result.meta.objective}" if result.meta.priced else f"unpriced: {result.meta.why_unpriced}"
    priced = "; ".join(filter(None, (priced, str(result.drifting))))
    title = f"{result.world} — mean over up to {seeds} runs; thin lines: each run; {priced}"
    drawn.suptitle(_plain(title), fontsize=11)
    handles, labels = [], []
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            if label not in labels:
                handles.append(handle)
                labels.append(label)
    if handles:
        shown = [label if len(label) <= 60 else label[:57] + "…" for label in labels]
        drawn.legend(handles, shown, loc="outside lower center", ncols=min(3, len(labels)), frameon=False, fontsize=9)
    return drawn


@contextmanager
def unwritten() -> Iterator[list[str]]:
    """Within it, a figure that cannot be written is a line in the list, no error: the numbers matter more."""
    found: list[str] = []
    token = _UNWRITTEN.set(found)
    try:
        yield found
    finally:
        _UNWRITTEN.reset(token)


def save(drawn: Figure, stem: Path) -> list[Path]:
    """Write a figure as PNG and SVG, the same bytes for the same figure; return the paths."""
    import matplotlib

    paths = [stem.with_name(stem.name + ".png"), stem.with_name(stem.name + ".svg")]
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        with matplotlib.rc_context(_SAME_BYTES):
            drawn.savefig(paths[0], dpi=130, metadata={"Software": None})
            drawn.savefig(paths[1], metadata={"Date": None, "Creator": None})
    except OSError as error:
        for path in paths:  # half a figure is worse than none
            with suppress(OSError):
                path.unlink(missing_ok=True)
        text = f"{stem}: the figure cannot be written: {error.strerror or error}"
        noted = _UNWRITTEN.get()
        if noted is None:
            raise SandboxError(text) from error
        noted.append(text)
        return []
    return paths
