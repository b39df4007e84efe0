"""Measure speed and memory as ratios in one run: `make bench`, or `python benchmarks/run.py [--quick] [NAME...]`.

Two things are timed in turn, several times; the ratio is the median over the pairs, so that a machine whose speed
drifts does not decide it. What needs one core is kept on one.
"""

from __future__ import annotations

import argparse
import os
import sys

from bandit_speed import bandits
from bands import bands
from c_kernel import c_kernel
from interval_coverage import coverage
from long_checks import long_checks
from measure import one_core
from open_loop import episode_loop, river_loop
from planner_speed import planners
from second_speed import slates, tables, words
from settle import settle
from stream_speed import streams
from thousand import thousand
from whole_process import command_line, first_run, memory, two_cores

ON_ONE_CORE = {
    "episodes": episode_loop,
    "river": river_loop,
    "tables": tables,
    "words": words,
    "slates": slates,
    "streams": streams,
    "bandits": bandits,
    "planners": planners,
    "kernel": c_kernel,
}
BENCHMARKS = ON_ONE_CORE | {
    "cores": two_cores,
    "commands": command_line,
    "first": first_run,
    "memory": memory,
    "checks": long_checks,
    "bands": bands,
    "thousand": thousand,
    "coverage": coverage,
    "settle": settle,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} [all]")
    parser.add_argument("--quick", action="store_true", help="small versions, to see that they run")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; there is {', '.join(BENCHMARKS)}")
    if hasattr(os, "getloadavg"):
        print(f"{os.cpu_count()} cores, of which {os.getloadavg()[0]:.1f} were busy in the last minute", flush=True)
    missed = 0
    for name in asked.names or BENCHMARKS:
        if name in ON_ONE_CORE:
            with one_core():
                rows = BENCHMARKS[name](asked.quick)
        else:
            rows = BENCHMARKS[name](asked.quick)
        for row in rows:
            missed += not row.kept
            mark = "ok  " if row.kept else "MISS"
            print(f"{mark} {row.name}: {row.found:.3g} (bound {row.bound})  {row.detail}", flush=True)
    sys.exit(1 if missed and not asked.quick else 0)


if __name__ == "__main__":
    main()
