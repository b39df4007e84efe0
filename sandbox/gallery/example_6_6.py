"""The cliff: Q-learning knows the best way and falls off it; Sarsa takes the safe way.

One choice in ten is random for all. Q-learning learns the values of the best way, along the edge, and so falls now and
then; Sarsa and Expected Sarsa learn what their own exploring costs, and keep away.
"""

from __future__ import annotations

import numpy as np

from sandbox.gallery._found import Curve, Found, Panel, published, sigmas
from sandbox.gallery._runs import Average, returns, traces

SOURCE = "Sutton & Barto, 2nd edition, example 6.6, re-run with 500 runs"
EPISODES = 500
AGENTS = (("sarsa", -27.0), ("q-learning", -50.1), ("expected-sarsa", -20.8))
_SETTINGS = "step_size=0.5,discount=1.0,epsilon=0.1"


def measure(quick: bool) -> Found:
    """Run the three agents for 500 episodes."""
    runs, rows, curves = 60 if quick else 500, [], []
    for agent, expected in AGENTS:
        average, last = Average(), []
        for trace, _ in traces("CliffWalking-v1", f"{agent}:{_SETTINGS}", runs, episodes=EPISODES):
            earned = returns(trace)
            average.add(earned)
            last.append(earned[400:].mean())
        row = published(f"{agent}: mean return of episodes 401-500", "return", last, expected, 500, 1, SOURCE)
        tens = average.mean.reshape(-1, 10).mean(axis=1)
        at = (10.0 * np.arange(len(tens)) + 5.5).tolist()
        told = [(450.0, row.expected.mean, row.tolerance(len(AGENTS)))]
        curves.append(Curve(agent, at, tens.tolist(), [], told))
        rows.append(row)
    note = f"{runs:,} runs; {sigmas(len(rows)):.2f} standard errors of the difference are allowed. Step size 0.5."
    panel = Panel("CliffWalking", "episode", "return, means of 10 episodes", curves, span=(-105.0, 0.0))
    return Found(rows, [panel], [note])
