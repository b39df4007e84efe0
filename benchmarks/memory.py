"""Print the peak memory, in MiB, of a run: `memory.py STEPS WORLD AGENT plain|compiled`."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from measure import runs_of

from sandbox.catalog import make_world
from sandbox.world import make_terms

_, steps, name, agent, speed = sys.argv
world = make_world(name).under(make_terms(plain=speed == "plain"))
runs_of(world, agent, int(steps), 1, compiled=speed == "compiled")()
status = Path("/proc/self/status")
if status.is_file():  # what a process is said to have used at most includes what its parent did when it was started
    print(next(float(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024)
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024))
