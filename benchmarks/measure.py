"""How things are timed here: in pairs, on one core, in seconds of the processor."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from sandbox.catalog import make_agent
from sandbox.runs import Options, run_once
from sandbox.world import Budget, World

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent


class Row(NamedTuple):
    """A measured number, and the bound it should keep."""

    name: str
    found: float
    bound: str
    kept: bool
    detail: str


def at_least(name: str, found: float, bound: float | None, detail: str) -> Row:
    """Return the row of a number that should be as large as `bound` says; None: it is only told."""
    return Row(name, found, "none" if bound is None else f">= {bound:,}", bound is None or found >= bound, detail)


def at_most(name: str, found: float, bound: float | None, detail: str) -> Row:
    """Return the row of a number that should be as small as `bound` says; None: it is only told."""
    return Row(name, found, "none" if bound is None else f"<= {bound:,}", bound is None or found <= bound, detail)


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Keep this process and what it starts on one core, where the platform can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def paired(
    a: Callable[[], None], b: Callable[[], None], pairs: int, clock: Callable[[], float] = time.process_time
) -> tuple[float, float, float]:
    """Return the median of time(a) / time(b) over pairs, and the median seconds of each.

    The processor's seconds do not count what other programs on a shared machine take away; those of a wall clock are
    for what runs on several cores.
    """
    a(), b()  # warm
    times = []
    for _ in range(pairs):
        lap = []
        for work in (a, b):
            began = clock()
            work()
            lap.append(clock() - began)
        times.append(lap)
    return median(x / y for x, y in times), median(x for x, _ in times), median(y for _, y in times)


def runs_of(world: World, agent: str, steps: int, repeats: int, compiled: bool = True) -> Callable[[], None]:
    """Return what does a number of runs, from the making of the agent to the scores, and sees how they were done."""
    _ = world.meta  # what is known of the law is found once a study, not once a run

    def work() -> None:
        for _ in range(repeats):
            run = run_once(world, make_agent(agent, world), 0, Budget(steps), Options())
            assert run.scores is not None and run.scores.decisions == steps, run.error
            assert (run.why_plain == "") == compiled, run.why_plain

    return work


def seconds_of(commands: list[list[str]]) -> tuple[float, str]:
    """Return the median seconds by the wall clock that Python takes with these arguments, and how busy it was."""
    times = []
    for command in commands:
        began, before = time.perf_counter(), os.times()
        subprocess.run([sys.executable, *command], capture_output=True, check=True)
        after = os.times()
        worked = sum(after[2:4]) - sum(before[2:4])  # user and system, of children
        times.append((time.perf_counter() - began, worked))
    return median(wall for wall, _ in times), f"{median(worked for _, worked in times):.2f} s of them at work"


def busy_seconds() -> float:
    """Return how many seconds all cores of the machine have worked, for whomever; NaN where nobody knows."""
    file = Path("/proc/stat")
    if not file.is_file():
        return math.nan
    user, nice, system, _, _, *interrupts = (int(n) for n in file.read_text().splitlines()[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
