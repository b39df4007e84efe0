"""Maximization bias: the largest of ten estimates is not an estimate of the largest.

Left leads to ten choices that all lose a little on average, right ends at once for nothing. Q-learning goes left again
and again, because some choice always looks good by luck; Double Q-learning asks another table what its best is worth.
"""

from __future__ import annotations

import numpy as np

from sandbox.gallery._found import Curve, Found, Panel, brute, computed
from sandbox.gallery._runs import Average, traces
from sandbox.gallery._testbed import how_many
from sandbox.table import FloatArray
from sandbox.trace import Trace

SOURCE = (
    "Sutton & Barto, 2nd edition, figure 6.5 (example 6.7), with as many ways left and right as arms; numbers by the "
    "brute-force program sandbox/gallery/brute/bias.py"
)
AGENTS = ("q-learning", "double-q-learning")
EPISODES, AT = 300, (25, 50, 100, 200, 300)


def measure(quick: bool) -> Found:
    """Run Q-learning and Double Q-learning for 300 episodes, and count how often they go left."""
    runs, rows, curves = 300 if quick else 4000, [], []
    for agent in AGENTS:
        settings, average = f"{agent}:step_size=0.1,discount=1.0,epsilon=0.1", Average()
        kept: dict[int, list[float]] = {episode: [] for episode in AT}
        for trace, _ in traces("sandbox/MaximizationBias-v0", settings, runs, episodes=EPISODES):
            left = went_left(trace)
            average.add(left)
            for episode in AT:
                kept[episode].append(left[episode - 1])
        named = [(f"{agent}: went left in episode {at}", kept[at], f"{agent} episode {at}") for at in AT]
        of = [computed(what, "% of runs", values, "figure-6-5", name) for what, values, name in named]
        count = len(AT) * len(AGENTS)
        told = [(float(at), row.expected.mean, row.tolerance(count)) for at, row in zip(AT, of, strict=True)]
        x = list(map(float, range(1, EPISODES + 1)))
        curves.append(Curve(agent, x, average.mean.tolist(), average.error.tolist(), told))
        rows += of
    flat = Curve("best: a tenth of random choices, half of them left", [1.0, 300.0], [5.0, 5.0])
    panel = Panel("going left", "episode", "went left, % of runs", [*curves, flat])
    plain = [f"{agent} {brute('figure-6-5', f'{agent} as in the book episode 100').mean:.0f} %" for agent in AGENTS]
    note = f"With two ways, as in the book, the brute-force program finds in episode 100: {', '.join(plain)}."
    return Found(rows, [panel], [how_many(runs, len(rows)), note])


def went_left(trace: Trace) -> FloatArray:
    """Return 100 for each episode that went left, which makes it two decisions long, else 0 (episodes,)."""
    return np.where(np.bincount(trace.episode) > 1, 100.0, 0.0)
