"""The experiments on the 19-state random walk: errors over step sizes, one line for each n or lambda."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row, computed, sigmas
from sandbox.gallery._grids import GRIDS, Point, point
from sandbox.gallery._walks import Walker
from sandbox.table import FloatArray

WORLD, EPISODES = "sandbox/RandomWalk-v0", 10
AGENTS = {
    "n-step": "n-step-td:n={0:g},step_size={1:g}",
    "lambda-return": "lambda-return:trace_decay={0:g},step_size={1:g}",
    "td-lambda": "td-lambda:trace_decay={0:g},step_size={1:g}",
    "online": "true-online-td:trace_decay={0:g},step_size={1:g}",
}
LETTERS = {"n-step": "n"}
UNIT = "RMS error"
_TOP = 0.56  # of the axis, as in the book


class Side(NamedTuple):
    """One panel: the figure whose expected numbers it has, its title, and whether only some step sizes are run."""

    experiment: str
    title: str
    some: bool = False


def walk_errors(walker: Walker, one: Point, runs: int) -> FloatArray:
    """Return the RMS error, mean over the first ten episodes, of each run (runs,)."""
    kind, setting, alpha = one
    agent = AGENTS[kind].format(setting, alpha)
    return np.array([walker.errors(agent, seed, EPISODES).mean() for seed in range(runs)])


def run_walks(sides: list[Side], runs: int, quick: bool) -> Found:
    """Run every point of each side; the best step size of each line is a row, and all the others count in one."""
    walker = Walker(WORLD)
    best: list[Row] = []
    everything: list[Row] = []
    panels = []
    for side in sides:
        made = {one: _row(side.experiment, walker, one, runs) for one in _grid(side, quick)}
        everything += made.values()
        least = [
            min((one for one in made if one[1] == n), key=lambda one: made[one].expected.mean) for n in _lines(made)
        ]
        best += [made[one] for one in least]
        panels.append((side, made, least))
    rows = [*best, _others(everything)]
    drawn = [_panel(side, made, least, len(rows)) for side, made, least in panels]
    note = f"{runs:,} runs. RMS error over the 19 states, mean over the first {EPISODES} episodes."
    return Found(rows, drawn, [note, "Circles: the best step size of each line."])


def _grid(side: Side, quick: bool) -> list[Point]:
    grid = GRIDS[side.experiment]
    every = 3 if quick else 2 if side.some else 1
    return [one for k, one in enumerate(grid) if k % every == 0 or one[2] == 0.4]


def _lines(made: dict[Point, Row]) -> list[float]:
    return list(dict.fromkeys(setting for _, setting, _ in made))


def _row(experiment: str, walker: Walker, one: Point, runs: int) -> Row:
    kind, setting, alpha = one
    letter = LETTERS.get(kind, "lambda")
    what = f"{kind}, {letter} = {setting:g}, step size {alpha:g}"
    return computed(what, UNIT, walk_errors(walker, one, runs), experiment, point(*one))


def _others(rows: list[Row]) -> Row:
    """Return a row that counts the points that are off, of all there are."""
    off = sum(not row.ok(len(rows)) for row in rows)
    told = f"points off, of all {len(rows)} ({sigmas(len(rows)):.2f} standard errors allowed)"
    return Row(told, "points", Estimate(0.0), Estimate(float(off)), rows[0].source)


def _panel(side: Side, made: dict[Point, Row], least: list[Point], rows: int) -> Panel:
    curves = []
    for setting in _lines(made):
        line = {one[2]: row for one, row in made.items() if one[1] == setting}
        chosen = [(one[2], made[one].expected.mean, made[one].tolerance(rows)) for one in least if one[1] == setting]
        letter = LETTERS.get(least[0][0], "lambda")
        y, error = [row.found.mean for row in line.values()], [row.found.error for row in line.values()]
        curves.append(Curve(f"{letter} = {setting:g}", list(line), y, error, chosen, marked=True))
    return Panel(side.title, "step size", f"{UNIT}, first {EPISODES} episodes", curves, span=(0.22, _TOP))
