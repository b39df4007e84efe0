"""What the experiments on the ten-armed testbed share: two curves over the steps, and their last points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.gallery._found import Curve, Found, Panel, Row, published, sigmas
from sandbox.gallery._runs import Average, optimal, rewards, traces
from sandbox.table import FloatArray

REFERENCE_RUNS = 20_000  # of the published numbers
REWARD, OPTIMAL = "reward", "best arm chosen"
UNITS = {REWARD: "a step", OPTIMAL: "% of runs"}
_MOST, _FIRST = 240, 40  # steps of a curve that are drawn, and the first ones of them, each of which is


class Agent(NamedTuple):
    """An agent of a figure, and what was published of it at the last step; NaN: nothing."""

    label: str
    name: str
    optimal: float = float("nan")  # per cent of runs
    reward: float = float("nan")


class Played(NamedTuple):
    """What runs of an agent did: the mean over runs at each step, and each run at steps that were asked for."""

    means: dict[str, Average]  # (steps,) each
    at: dict[str, dict[int, FloatArray]]  # (runs,) for each step, counted from 1


def play(agent: str, runs: int, *, world: str = "ten-armed", steps: int = 1000, keep: tuple[int, ...] = ()) -> Played:
    """Run an agent, and keep each run at the steps `keep` and the last."""
    means, kept = {REWARD: Average(), OPTIMAL: Average()}, (*keep, steps)
    at: dict[str, dict[int, list[float]]] = {what: {step: [] for step in kept} for what in means}
    for trace, _ in traces(world, agent, runs, steps=steps):
        for what, values in ((REWARD, rewards(trace)), (OPTIMAL, optimal(trace))):
            means[what].add(values)
            for step in kept:
                at[what][step].append(values[step - 1])
    return Played(means, {what: {step: np.array(one) for step, one in of.items()} for what, of in at.items()})


def line(label: str, average: Average, points: list[tuple[float, float, float]] | None = None) -> Curve:
    """Return the mean over runs at each step as a curve; of many steps some are drawn."""
    steps = len(average.mean)
    some = np.linspace(0, steps - 1, _MOST).astype(int)
    shown = np.unique(np.concatenate([np.arange(min(steps, _FIRST)), some]))
    return Curve(
        label, (shown + 1.0).tolist(), average.mean[shown].tolist(), average.error[shown].tolist(), points or []
    )


def points(row: Row, rows: int, at: float) -> list[tuple[float, float, float]]:
    """Return the expected point of a row, drawn at `at`."""
    return [(at, row.expected.mean, row.tolerance(rows))]


def run_testbed(agents: list[Agent], runs: int, source: str, *, world: str = "ten-armed", steps: int = 1000) -> Found:
    """Run agents, and compare what was published of their last step."""
    played = {agent.label: play(agent.name, runs, world=world, steps=steps) for agent in agents}
    rows: dict[tuple[str, str], Row] = {}
    for agent in agents:
        for what, expected, digits in ((OPTIMAL, agent.optimal, 1), (REWARD, agent.reward, 3)):
            if expected == expected:
                values = played[agent.label].at[what][steps]
                name = f"{agent.label}: {what} at step {steps:,}"
                rows[agent.label, what] = published(name, UNITS[what], values, expected, REFERENCE_RUNS, digits, source)
    panels = []
    for what, unit in ((REWARD, "reward, mean over runs"), (OPTIMAL, "best arm chosen, % of runs")):
        if not any(told == what for _, told in rows):
            continue
        curves = []
        for agent in agents:
            row = rows.get((agent.label, what))
            expected_points = points(row, len(rows), steps) if row is not None else None
            curves.append(line(agent.label, played[agent.label].means[what], expected_points))
        panels.append(Panel(what, "step", unit, curves))
    return Found(list(rows.values()), panels, [how_many(runs, len(rows))])


def how_many(runs: int, rows: int) -> str:
    """Say how much was run, and what is allowed."""
    each = f", corrected for {rows} rows" if rows > 1 else ""
    return f"{runs:,} runs of each agent. {sigmas(rows):.2f} standard errors of the difference are allowed{each}."
