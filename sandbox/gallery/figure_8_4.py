"""The blocking maze: when the short way closes, who looks again what may have changed?

Dyna-Q plans with what was true, and bumps into the wall until its exploring finds the longer way. Dyna-Q+ hopes that
what it has not tried for long has become better. That is so with a step size of 1; with 0.1 the ranking turns round.
"""

from __future__ import annotations

from sandbox.gallery._found import Estimate, Found
from sandbox.gallery._mazes import Rider, run_maze

SOURCE = "Sutton & Barto, 2nd edition, figure 8.4 (10 planning steps, kappa 0.001), re-run"
_SAME = "planning_steps=10,epsilon=0.1,discount=0.95"


def measure(quick: bool) -> Found:
    """Run Dyna-Q and Dyna-Q+ with two step sizes."""
    riders = []
    for alpha, plus, plain in ((1.0, Estimate(140.9, 1.1), Estimate(75.3, 4.3)), (0.1, Estimate(20.7), Estimate(49.2))):
        settings = f"step_size={alpha},{_SAME}"
        told = f"step size {alpha:g}"
        riders += [
            Rider(
                f"Dyna-Q+, {told}", f"dyna-q-plus alpha {alpha:g}", f"dyna-q-plus:exploration=0.001,{settings}", plus
            ),
            Rider(f"Dyna-Q, {told}", f"dyna-q alpha {alpha:g}", f"dyna-q:{settings}", plain),
        ]
    runs = 60 if quick else 400
    return run_maze("figure-8-4", "sandbox/BlockingMaze-v0", riders, 1000, 3000, runs, SOURCE)
