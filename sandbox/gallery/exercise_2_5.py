"""Arms that walk: who gives all rewards the same weight cannot follow.

All arms begin equal and take a small random step each time. The plain mean of rewards gets slower with every try; a
constant step size forgets, and stays with the best.
"""

from __future__ import annotations

from sandbox.gallery._found import Found
from sandbox.gallery._testbed import Agent, run_testbed

SOURCE = "Sutton & Barto, 2nd edition, exercise 2.5, run with 20,000 runs"


def measure(quick: bool) -> Found:
    """Run epsilon-greedy agents with two kinds of step size on walking arms."""
    agents = [
        Agent("sample average", "epsilon-greedy:epsilon=0.1", 45.4),
        Agent("constant step size 0.1", "epsilon-greedy:epsilon=0.1,step_size=0.1", 76.8),
    ]
    return run_testbed(agents, 200 if quick else 2000, SOURCE, world="walking-arms", steps=10_000)
