"""Optimism: who expects too much tries everything.

All arms are first believed to earn 5, far more than any does. A greedy agent is disappointed by each in turn, and so
explores without a single random choice, early and for good.
"""

from __future__ import annotations

from sandbox.gallery._found import Found
from sandbox.gallery._testbed import Agent, run_testbed

SOURCE = "Sutton & Barto, 2nd edition, figure 2.3, re-run with 20,000 runs"


def measure(quick: bool) -> Found:
    """Run an optimistic greedy and a realistic epsilon-greedy agent on the testbed."""
    agents = [
        Agent("optimistic, greedy", "epsilon-greedy:epsilon=0,step_size=0.1,initial_value=5", 85.7),
        Agent("realistic, epsilon 0.1", "epsilon-greedy:epsilon=0.1,step_size=0.1", 76.1),
    ]
    return run_testbed(agents, 300 if quick else 5000, SOURCE)
