"""Gradient bandits: what a reward is measured against.

All arms are worth about 4. With a baseline, the mean of the rewards before, that changes nothing; without one the first
arms drawn are liked for what every arm would have paid.
"""

from __future__ import annotations

from sandbox.gallery._found import Found, Panel, computed
from sandbox.gallery._testbed import OPTIMAL, UNITS, how_many, line, play, points

SOURCE = "Sutton & Barto, 2nd edition, figure 2.5; numbers by the brute-force program sandbox/gallery/brute/testbed.py"


def measure(quick: bool) -> Found:
    """Run gradient bandits with and without a baseline, for two step sizes."""
    runs = 300 if quick else 4000
    rows, curves = [], []
    for baseline in (True, False):
        for step_size in (0.1, 0.4):
            agent = f"gradient-bandit:step_size={step_size},baseline={baseline}"
            played = play(agent, runs, world="ten-armed:mean=4")
            given = "with" if baseline else "without"
            label = f"{given} baseline, step size {step_size:g}"
            values = played.at[OPTIMAL][1000]
            name = f"{step_size:g} {given} step 1000"
            rows.append(computed(f"{label}: {OPTIMAL} at step 1,000", UNITS[OPTIMAL], values, "figure-2-5", name))
            curves.append(line(label, played.means[OPTIMAL], points(rows[-1], 4, 1000)))
    return Found(rows, [Panel(OPTIMAL, "step", "best arm chosen, % of runs", curves)], [how_many(runs, len(rows))])
