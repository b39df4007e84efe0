"""Off-line lambda-return beside n-step TD: all lengths mixed do as well as the best.

Both learn best in between, with about the same error; lambda-return is a little better where it is best.
"""

from __future__ import annotations

from sandbox.gallery._curves_of_walks import Side, run_walks
from sandbox.gallery._found import Found

SOURCE = "Sutton & Barto, 2nd edition, figure 12.3; numbers by the brute-force program sandbox/gallery/brute/walks.py"


def measure(quick: bool) -> Found:
    """Run the off-line lambda-return algorithm, and n-step TD beside it."""
    sides = [Side("figure-12-3", "off-line lambda-return"), Side("figure-7-2", "n-step TD (figure 7.2)", some=True)]
    return run_walks(sides, 60 if quick else 300, quick)
