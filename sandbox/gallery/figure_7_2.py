"""n-step TD on a random walk: between one step and the whole episode lies the best.

One step learns little from an episode; many steps learn from luck. Of 19 states, four steps do best.
"""

from __future__ import annotations

from sandbox.gallery._curves_of_walks import UNIT, WORLD, Side, run_walks, walk_errors
from sandbox.gallery._found import Found, published
from sandbox.gallery._walks import Walker

SOURCE = (
    "Sutton & Barto, 2nd edition, figure 7.2, re-run with 1,000 runs; the other points from the brute-force program "
    "sandbox/gallery/brute/walks.py"
)


def measure(quick: bool) -> Found:
    """Run n-step TD prediction for every n and step size."""
    runs = 60 if quick else 300
    found = run_walks([Side("figure-7-2", "n-step TD")], runs, quick)
    walker = Walker(WORLD)
    told = []
    for n, alpha, expected in ((4.0, 0.4, 0.266), (1.0, 0.8, 0.347)):
        values = walk_errors(walker, ("n-step", n, alpha), runs)
        what = f"published: n = {n:g}, step size {alpha:g}"
        told.append(published(what, UNIT, values, expected, 1000, 3, SOURCE))
    return Found(told + found.rows, found.panels, found.notes)
