"""How fast a run learned: curves on a common grid, the area under them, and the steps until they are good enough.

A curve is a pair (step, value) of arrays of one length: decisions made so far, ascending, and the level there, known at
each of its points. The runs of an agent may differ in length and in where their points lie.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sandbox.comparison.bands import mean_of, needed
from sandbox.comparison.intervals import Interval
from sandbox.comparison.survival import Median, median_time, restricted_mean
from sandbox.errors import SandboxError
from sandbox.table import FloatArray

POINTS = 400
FAR = 0.9  # of the way from the start to the best: what counts as learned
_PARTS = 10  # of a lifetime, over which a level is averaged: the best single point is luck

LearningCurve = tuple[FloatArray, FloatArray]


class Reached(NamedTuple):
    """When a run became good enough: after `time` decisions, or, where not `observed`, later than that if ever."""

    time: float
    observed: bool


class Speed(NamedTuple):
    """How fast `n` runs reached a threshold: in decisions; `reached` is the share of runs that did."""

    median: Median
    mean: Interval
    reached: float
    n: int


class Threshold(NamedTuple):
    """A level that counts as learned, NaN if there is none, and in words how it was chosen."""

    value: float
    told: str


def _reach_of(curves: Sequence[LearningCurve]) -> tuple[float, float] | None:
    """Return from where to where a mean over these runs is told: what half of them reach, two where there are two."""
    if not curves:
        return None
    starts, ends = np.array([step[0] for step, _ in curves]), np.array([step[-1] for step, _ in curves])
    edges = np.union1d(starts, ends)
    there = ((starts <= edges[:, None]) & (edges[:, None] <= ends)).sum(axis=1)
    edges = edges[there >= needed(len(curves))]
    return (float(edges[0]), float(edges[-1])) if len(edges) else None


def shared_grid(groups: Sequence[Sequence[LearningCurve]], points: int = POINTS) -> FloatArray:
    """Return a grid of decisions (points,) that half of the runs of every group reach; empty if there is none.

    A group is the curves of one agent's seeds: on this grid two agents are subtracted.
    """
    spans = [_reach_of(curves) for curves in groups]
    known = [span for span in spans if span is not None]
    if not known or len(known) < len(spans):
        return np.empty(0)
    first, last = max(span[0] for span in known), min(span[1] for span in known)
    return np.linspace(first, last, points) if first <= last else np.empty(0)


def values_on(grid: FloatArray, curves: Sequence[LearningCurve]) -> FloatArray:
    """Return every curve at the grid's points (n_seeds, n_points), straight between its own, NaN outside them."""
    rows = [np.interp(grid, step, value, left=np.nan, right=np.nan) for step, value in curves]
    return np.array(rows).reshape(len(curves), len(grid))


def on_grid(curves: Sequence[LearningCurve], points: int = POINTS) -> tuple[FloatArray, FloatArray]:
    """Return a grid of decisions (points,) and every seed's curve there (n_seeds, points).

    A seed counts between its first point and its last, and is NaN elsewhere. The grid spans the decisions that half of
    the seeds reach, and two of them where there are two; it is empty where that is nowhere.
    """
    grid = shared_grid([curves], points)
    return grid, values_on(grid, curves)


def mean_curve(curves: Sequence[LearningCurve], points: int = POINTS) -> LearningCurve:
    """Return the mean over seeds on their common grid, NaN where fewer than half of them are."""
    grid, values = on_grid(curves, points)
    return grid, mean_of(values)


def area(step: FloatArray, value: FloatArray, to: float) -> float:
    """Return the area under one run's curve from decision 0 up to `to`, over `to`: the level of its lifetime's mean.

    Its unit is the curve's. Trapezoids between the points; before the first point the curve is taken to be there
    already. NaN if the run ended before `to`: give the end of the shortest run, and all are judged on the same
    decisions. The area of a curve that is a mean over a window looks back by half a window.
    """
    _check(step, value)
    if not to > 0.0:
        raise SandboxError(f"to={to} is out of range: the area under a curve needs at least one decision")
    if to > step[-1]:
        return math.nan
    at = np.concatenate([[0.0], step[(step > 0.0) & (step < to)], [to]])
    return float(np.trapezoid(np.interp(at, step, value), at)) / to


def steps_to(step: FloatArray, value: FloatArray, threshold: float, higher: bool, hold: float = 0.0) -> Reached:
    """Return the first point of one run's curve from which on it is as good as `threshold`, for `hold` decisions.

    `higher`: whether more is better. It must be so at each point from there up to `hold` decisions later. The last
    point of which this can be said is `hold` before the run's end; there the run is censored if it came to none.
    """
    _check(step, value)
    if not (math.isfinite(threshold) and hold >= 0.0):
        raise SandboxError(f"threshold={threshold}, hold={hold}: give a finite threshold and a hold from 0")
    bad = value < threshold if higher else value > threshold
    judged = int(np.searchsorted(step, step[-1] - hold, side="right"))  # points that can be judged
    until = np.searchsorted(step, step[:judged] + hold, side="right")  # points up to there must be good
    worse = np.concatenate([[0], np.cumsum(bad)])
    good = np.flatnonzero(worse[until] == worse[:judged])
    if len(good):
        return Reached(float(step[good[0]]), True)
    return Reached(float(step[judged - 1]) if judged else 0.0, False)


def speed(
    curves: Sequence[LearningCurve], threshold: float, higher: bool, rng: np.random.Generator, hold: float = 0.0
) -> Speed:
    """Return how many decisions the runs needed to become as good as `threshold` (see `steps_to`).

    Median by Kaplan and Meier; the mean counts up to the longest time, so that means of agents compare only where
    their runs have one length.
    """
    found = [steps_to(step, value, threshold, higher, hold) for step, value in curves]
    times, seen = [one.time for one in found], [one.observed for one in found]
    share = sum(seen) / len(seen) if seen else math.nan
    return Speed(median_time(times, seen, rng), restricted_mean(times, seen), share, len(found))


def default_threshold(means: Sequence[FloatArray], higher: bool, start: float | None = None) -> Threshold:
    """Return what counts as learned in a study, the same for all its agents.

    It lies nine tenths of the way from `start`, the level of a yardstick, or else the worst level at which an agent's
    mean curve begins, to the best level of a tenth of a lifetime in any agent's mean curve. `means`: each agent's mean
    curve (n_points,), on evenly spaced decisions. NaN if nobody became better than the start.
    """
    known = [mean[~np.isnan(mean)] for mean in means]
    known = [mean for mean in known if len(mean)]
    if not known:
        return Threshold(math.nan, "no agent has a curve")
    sign = 1.0 if higher else -1.0
    origin = "a yardstick's level" if start is not None else "the worst start"
    begin = min(sign * float(mean[0]) for mean in known) if start is None else sign * start
    parts = [part for mean in known for part in np.array_split(mean, min(_PARTS, len(mean)))]
    best = max(sign * float(part.mean()) for part in parts)
    if not best > begin:
        return Threshold(math.nan, f"no agent became better than {origin}, {sign * begin:.4g}")
    value = sign * (begin + FAR * (best - begin))
    told = f"learned is a level of {value:.4g}: nine tenths of the way from {origin}, {sign * begin:.4g}, to the best"
    return Threshold(value, f"{told} that any agent's mean held for a tenth of its life, {sign * best:.4g}")


def _check(step: FloatArray, value: FloatArray) -> None:
    if len(step) != len(value) or not len(step):
        raise SandboxError(f"a curve has one value for each of its points, not {len(value)} for {len(step)}")
    if np.isnan(value).any() or not (np.diff(step) > 0).all():
        raise SandboxError("the points of a curve must ascend, and each must have a value")
