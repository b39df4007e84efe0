"""Print the peak memory, in MiB, of a Q-learning run of as many decisions as the argument says."""

from __future__ import annotations

import resource
import sys

from sandbox.agents.q_learning import QLearning
from sandbox.catalog import make_world
from sandbox.runs import Options, run_once
from sandbox.world import Budget

steps = int(sys.argv[1])
run = run_once(make_world("FrozenLake-v1"), QLearning(), 0, Budget(steps), Options())
assert run.scores is not None and run.scores.decisions == steps, run.error
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
