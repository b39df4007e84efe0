"""The Dyna maze: what is remembered can be learned from again.

A maze of 14 steps. With 50 planning steps a decision the third episode is nearly the best; without any it takes nearly
thirty.
"""

from __future__ import annotations

import numpy as np

from sandbox.gallery._found import Curve, Estimate, Found, Panel, Row
from sandbox.gallery._runs import lengths, mean_and_error, measured
from sandbox.table import FloatArray

SOURCE = "Sutton & Barto, 2nd edition, figure 8.2, re-run with 300 runs"
EPISODES, SHORT, REFERENCE_RUNS = 50, 20, 300
AGENTS = ((0, 29), (5, 6), (50, 3))  # planning steps, and the first episode whose mean is under 20 steps


def measure(quick: bool) -> Found:
    """Run Dyna-Q with three numbers of planning steps."""
    # Of fewer runs the mean is noisier and falls under the mark too early: a small version has as many.
    runs, rows, curves = REFERENCE_RUNS, [], []
    for planning, expected in AGENTS:
        agent = f"dyna-q:planning_steps={planning},step_size=0.1,epsilon=0.1,discount=0.95"
        steps = measured("sandbox/DynaMaze-v0", agent, runs, lengths, episodes=EPISODES)
        found = first_short(steps)
        what = f"{planning} planning steps: first episode under {SHORT} steps"
        rows.append(Row(what, "episode", Estimate(expected, found.error), found, SOURCE, 0.5))
        mean, error = mean_and_error(steps[:, 1:])
        x = list(map(float, range(2, EPISODES + 1)))
        expected_at = [(float(expected), float(SHORT), 0.0)]
        curves.append(Curve(f"{planning} planning steps", x, mean, error, expected_at))
    note = (
        f"{runs} runs. The first episode whose mean number of steps is under {SHORT}; its standard error by resampling "
        "runs. The first episode, the same for all, is not drawn."
    )
    return Found(rows, [Panel("Dyna maze", "episode", "steps, mean over runs", curves, log="y")], [note])


def first_short(steps: FloatArray) -> Estimate:
    """Return the first episode whose mean of `steps` (runs, episodes) is under 20, and its bootstrap error."""

    def first(some: FloatArray) -> float:
        short = some.mean(axis=0) < SHORT
        return float(short.argmax() + 1) if short.any() else float(steps.shape[1] + 1)

    rng = np.random.default_rng(82)
    again = [first(steps[rng.integers(0, len(steps), len(steps))]) for _ in range(400)]
    return Estimate(first(steps), float(np.std(again)))
