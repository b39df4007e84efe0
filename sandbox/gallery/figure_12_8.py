"""True online TD(lambda) is the online lambda-return: the best of both, at the price of a trace.

The brute-force program does what the definition says: at every step it learns the whole episode so far anew. The agent
keeps one trace instead, and must find the same numbers.
"""

from __future__ import annotations

from sandbox.gallery._curves_of_walks import Side, run_walks
from sandbox.gallery._found import Found

SOURCE = "Sutton & Barto, 2nd edition, figure 12.8; numbers by the brute-force program sandbox/gallery/brute/walks.py"


def measure(quick: bool) -> Found:
    """Run true online TD(lambda), and the off-line lambda-return beside it."""
    sides = [
        Side("figure-12-8", "true online TD(lambda)"),
        Side("figure-12-3", "off-line lambda-return (figure 12.3)", some=True),
    ]
    return run_walks(sides, 60 if quick else 300, quick)
