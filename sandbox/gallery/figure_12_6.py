"""TD(lambda) beside the off-line lambda-return: nearly as good, at every step, until steps get large.

With the best step size for each lambda they do almost alike. With larger ones TD(lambda) gets worse, or diverges.
"""

from __future__ import annotations

from sandbox.gallery._curves_of_walks import Side, run_walks
from sandbox.gallery._found import Found

SOURCE = "Sutton & Barto, 2nd edition, figure 12.6; numbers by the brute-force program sandbox/gallery/brute/walks.py"


def measure(quick: bool) -> Found:
    """Run TD(lambda) with accumulating traces, and the off-line lambda-return beside it."""
    sides = [
        Side("figure-12-6", "TD(lambda)"),
        Side("figure-12-3", "off-line lambda-return (figure 12.3)", some=True),
    ]
    return run_walks(sides, 60 if quick else 300, quick)
