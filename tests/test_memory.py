"""Memory does not grow with the length of a run (the full size is measured by `make bench`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FAST = """
import gymnasium as gym
from gymnasium import spaces

class Env(gym.Env):
    observation_space = spaces.Discrete(4)
    action_space = spaces.Discrete(2)
    t = 0
    def reset(self, *, seed=None, options=None):
        return 0, {}
    def step(self, action):
        self.t += 1
        return self.t & 3, 1.0, self.t % 7 == 0, False, {}

class Agent:
    def begin(self, observation_space, choice_space, rng): pass
    def act(self, observation): return 1
    def learn(self, experience): pass
"""
SCRIPT = """
import resource, sys
from pathlib import Path
import duckdb
from sandbox.catalog import make_agent, make_world
from sandbox.runs import Options
from sandbox.worker import do_run
from sandbox.world import Budget
world = make_world("fast.py:Env")
agent = make_agent("fast.py:Agent", world)
trace_to = "t.parquet" if sys.argv[2] == "trace" else None
run = do_run(world, agent, 0, Budget(int(sys.argv[1])), Options(), trace_to)
assert run.scores is not None and run.scores.decisions == int(sys.argv[1]), run.error
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize(("kept", "share"), [("scores", 1.10), ("trace", 1.25)])
def test_a_long_run_needs_no_more_memory_than_a_short_one(kept: str, share: float, tmp_path: Path) -> None:
    (tmp_path / "fast.py").write_text(FAST)

    def peak(steps: int) -> int:
        words = [sys.executable, "-c", SCRIPT, str(steps), kept]
        return int(subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stdout)

    short, long = peak(200_000), peak(1_000_000)
    assert long < share * short, (short, long)
