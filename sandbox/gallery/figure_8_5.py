"""The shortcut maze: nothing gets worse, so nothing makes one look.

A shorter way opens while the old one stays. Dyna-Q, for which all goes as planned, hardly ever finds it; Dyna-Q+ does,
because it tries again what it has not tried for long.
"""

from __future__ import annotations

from sandbox.gallery._found import Found
from sandbox.gallery._mazes import Rider, run_maze

SOURCE = (
    "Sutton & Barto, 2nd edition, figure 8.5, with 10 planning steps, step size 1 and kappa 0.001; numbers by the "
    "brute-force program sandbox/gallery/brute/mazes.py"
)
_SAME = "step_size=1.0,planning_steps=10,epsilon=0.1,discount=0.95"


def measure(quick: bool) -> Found:
    """Run Dyna-Q and Dyna-Q+ in the maze where a shorter way opens."""
    riders = [
        Rider("Dyna-Q+", "dyna-q-plus alpha 1", f"dyna-q-plus:exploration=0.001,{_SAME}"),
        Rider("Dyna-Q", "dyna-q alpha 1", f"dyna-q:{_SAME}"),
    ]
    return run_maze("figure-8-5", "sandbox/ShortcutMaze-v0", riders, 3000, 6000, 40 if quick else 400, SOURCE)
