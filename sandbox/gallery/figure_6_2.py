"""A random walk of five states: TD(0) against constant-step Monte Carlo.

Both learn how a walk ends. TD, which learns from the next guess instead of the end, is nearer to the truth after any
number of episodes, whatever the step sizes.
"""

from __future__ import annotations

import numpy as np

from sandbox.gallery._found import Curve, Found, Panel, published, sigmas
from sandbox.gallery._runs import mean_and_error
from sandbox.gallery._walks import Walker

SOURCE = "Sutton & Barto, 2nd edition, figure 6.2 (example 6.2), re-run with 1,000 runs"
WORLD, EPISODES = "sandbox/RandomWalk-v0:states=5,left_reward=0", 100
AGENTS = (
    ("TD, step size 0.05", "td:step_size=0.05,initial_value=0.5", 0.0353),
    ("TD, step size 0.1", "td:step_size=0.1,initial_value=0.5", 0.0552),
    ("Monte Carlo, step size 0.01", "mc-prediction:step_size=0.01,initial_value=0.5", 0.0969),
    ("Monte Carlo, step size 0.03", "mc-prediction:step_size=0.03,initial_value=0.5", 0.0936),
)


def measure(quick: bool) -> Found:
    """Run TD(0) and Monte Carlo prediction, and follow the error over episodes."""
    runs, walker = 60 if quick else 600, Walker(WORLD)
    rows, curves = [], []
    for label, agent, expected in AGENTS:
        errors = np.stack([walker.errors(agent, seed, EPISODES) for seed in range(runs)])
        row = published(f"{label}: after 100 episodes", "RMS error", errors[:, -1], expected, 1000, 4, SOURCE)
        mean, error = mean_and_error(errors)
        told = [(float(EPISODES), row.expected.mean, row.tolerance(len(AGENTS)))]
        curves.append(Curve(label, list(map(float, range(1, EPISODES + 1))), mean, error, told))
        rows.append(row)
    note = f"{runs:,} runs; {sigmas(len(rows)):.2f} standard errors of the difference are allowed."
    return Found(rows, [Panel("5 states", "episodes", "RMS error, mean over runs", curves)], [note])
