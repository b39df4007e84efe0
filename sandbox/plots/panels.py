"""What there is to see of a result: one panel for each question, and every seed's curve for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.curves import Curve
from sandbox.result import Result
from sandbox.table import FloatArray


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
        "regression, priced": [reward, mistakes, regret],
        "regression": [
            Panel("absolute_error", "Absolute error", units, _windowed, True),
            Panel("squared_error", squared, units, _root_windowed, True),
        ],
    }[result.task]  # fmt: skip


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
