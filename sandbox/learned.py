"""How fast the agents of a result learned: areas under their curves, and decisions to a level that counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sandbox.agent_result import AgentResult
from sandbox.comparison.intervals import Interval, mean_interval
from sandbox.comparison.learning import LearningCurve, Speed, Threshold, area, default_threshold, mean_curve, speed
from sandbox.metrics import METRICS

if TYPE_CHECKING:
    from sandbox.result import Result


class Learned(NamedTuple):
    """One agent: the area under its curves over the decisions that all runs made, and its speed to the threshold."""

    agent: str
    area: Interval
    speed: Speed


class Learning(NamedTuple):
    """All agents of a result in one signal; `threshold.value` is NaN where nothing counts as learned."""

    signal: str
    to: float  # decisions over which the areas reach
    threshold: Threshold
    agents: tuple[Learned, ...]

    def of(self, name: str) -> Learned | None:
        """Return what is known of an agent, None where there is no threshold or no curve of it."""
        if math.isnan(self.threshold.value):
            return None
        return next((one for one in self.agents if one.agent == name and one.speed.n), None)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; NaN stays NaN."""
        rows = []
        for one in self.agents:
            told = {"median": one.speed.median._asdict(), "mean": one.speed.mean._asdict()}
            rows.append(
                {"agent": one.agent, "area": one.area._asdict(), "steps_to": told, "reached": one.speed.reached}
            )
        return {
            "signal": self.signal, "to": self.to, "threshold": self.threshold.value, "told": self.threshold.told,
            "agents": rows,
        }  # fmt: skip


def curves_in(agent: AgentResult, signal: str) -> list[LearningCurve]:
    """Return the windowed curve of a signal of every run that has one; of runs that are all the same, one."""
    found = []
    for run in agent.done[:1] if agent.distinct == 1 else agent.done:
        curve = run.scores.curves.get(signal) if run.scores is not None else None
        if curve is not None:
            known = ~np.isnan(curve.windowed)
            if known.any():
                found.append((curve.step[known].astype(np.float64), curve.windowed[known]))
    return found


def learning_of(result: Result, metric: str) -> Learning | None:
    """Return how fast a result's agents learned, in the curve of `metric`; None if it has no curve."""
    from sandbox.yardsticks import is_yardstick

    signal, higher = METRICS[metric].signal, METRICS[metric].better == "higher"
    if signal is None:
        return None
    curves = {agent.name: curves_in(agent, signal) for agent in result.agents}
    known = [found for found in curves.values() if found]
    if not known:
        return None
    learners = [found for name, found in curves.items() if found and not is_yardstick(name)]
    means = [mean_curve(found)[1] for found in learners or known]
    threshold = default_threshold([mean for mean in means if len(mean)], higher, _chance(result, metric))
    kept = f"; a run is there once it stays so for {result.window:,} decisions"
    if result.drifting.changes:
        kept += " (the world changed meanwhile: a level may have been out of reach for a time, or lost again)"
    threshold = threshold._replace(told=threshold.told + ("" if math.isnan(threshold.value) else kept))
    to = min(float(step[-1]) for found in known for step, _ in found)
    agents = tuple(_learned(name, found, threshold.value, higher, to, result) for name, found in curves.items())
    return Learning(signal, to, threshold, agents)


def _chance(result: Result, metric: str) -> float | None:
    """Return the level of choosing at random, where that is in the study."""
    for agent in result.agents:
        if agent.name == "random":
            level = agent.interval(metric).mean
            return None if math.isnan(level) else level
    return None


def _learned(
    name: str, curves: Sequence[LearningCurve], threshold: float, higher: bool, to: float, result: Result
) -> Learned:
    areas = [area(step, value, to) for step, value in curves]
    found = mean_interval(areas)
    if math.isnan(threshold):
        nothing = speed([], 0.0, higher, np.random.default_rng(0))
        return Learned(name, found, nothing)
    return Learned(name, found, speed(curves, threshold, higher, np.random.default_rng(0), float(result.window)))
