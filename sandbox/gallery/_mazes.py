"""What the experiments on mazes that change share: reward earned so far, and what it should be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row, computed, estimate
from sandbox.gallery._runs import Average, traces
from sandbox.gallery._testbed import how_many

_POINTS = 150  # of a curve


class Rider(NamedTuple):
    """An agent: its label, its name in the brute-force numbers, its own, and what was published of its end."""

    label: str
    numbers: str
    agent: str
    published: Estimate | None = None


def run_maze(
    experiment: str, world: str, riders: list[Rider], change: int, steps: int, runs: int, source: str
) -> Found:
    """Run agents in a maze that changes after `change` steps; compare the reward earned by then and by the end."""
    made: list[tuple[Rider, Average, list[tuple[float, Row]]]] = []
    for rider in riders:
        average, kept = Average(), {change: list[float](), steps: list[float]()}
        for trace, _ in traces(world, rider.agent, runs, steps=steps):
            earned = np.cumsum(trace.reward)
            average.add(earned)
            for at, values in kept.items():
                values.append(float(earned[at - 1]))
        told = [
            (
                float(at),
                computed(f"{rider.label}: by step {at:,}", "reward", values, experiment, f"{rider.numbers} at {at}"),
            )
            for at, values in kept.items()
        ]
        if rider.published is not None:
            what = f"{rider.label}: by step {steps:,}, published"
            found = estimate(kept[steps])
            error = rider.published.error if rider.published.error else found.error  # untold: about as much as ours
            row = Row(what, "reward", Estimate(rider.published.mean, error), found, source, 0.05)
            told.append((float(steps), row))
        made.append((rider, average, told))
    rows = [row for _, _, told in made for _, row in told]
    panel = Panel(
        "reward so far",
        "step",
        "reward, mean over runs",
        [_curve(*one, len(rows)) for one in made],
        changes=[float(change)],
    )
    return Found(rows, [panel], [how_many(runs, len(rows)), f"The maze changes after {change:,} steps."])


def _curve(rider: Rider, average: Average, told: list[tuple[float, Row]], rows: int) -> Curve:
    shown = np.unique(np.linspace(0, len(average.mean) - 1, _POINTS).astype(int))
    points = [(at, row.expected.mean, row.tolerance(rows)) for at, row in told]
    return Curve(
        rider.label, (shown + 1.0).tolist(), average.mean[shown].tolist(), average.error[shown].tolist(), points
    )
