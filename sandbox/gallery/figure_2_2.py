"""The ten-armed testbed: how much exploring is enough.

Greedy choice settles on an arm that is good by luck and finds the best one in a third of the runs; a tenth of random
choices finds it soon and then wastes a tenth of them; a hundredth is slower and will overtake it.
"""

from __future__ import annotations

from sandbox.gallery._found import Found
from sandbox.gallery._testbed import Agent, run_testbed

SOURCE = "Sutton & Barto, 2nd edition, figure 2.2, re-run with 20,000 runs"


def measure(quick: bool) -> Found:
    """Run epsilon-greedy agents with the plain mean of rewards on the testbed."""
    agents = [
        Agent("greedy", "epsilon-greedy:epsilon=0", 35.5, 1.033),
        Agent("epsilon 0.01", "epsilon-greedy:epsilon=0.01", 59.9, 1.316),
        Agent("epsilon 0.1", "epsilon-greedy:epsilon=0.1", 79.9, 1.362),
    ]
    return run_testbed(agents, 300 if quick else 5000, SOURCE)
