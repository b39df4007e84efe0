"""What a user waits for, and what a machine must hold: commands, first runs, two cores, memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from measure import FOLDER, Row, at_least, at_most, busy_seconds, one_core, paired, seconds_of

from sandbox.study import run_study
from sandbox.world import Budget

FIRST = (
    ("FrozenLake-v1:map_name=8x8", "q-learning"),
    ("spam", "logistic"),
    ("recommendation:items=50", "linucb"),
)


def command_line(quick: bool) -> list[Row]:
    """The commands that people wait for."""
    rows = []
    for arguments, bound in ((["--help"], 0.3), (["list"], 1.0)):
        found, detail = seconds_of([["-m", "sandbox", *arguments]] * (3 if quick else 9))
        rows.append(at_most(f"seconds of 'sandbox {arguments[0]}'", found, bound, detail))
    return rows


def first_run(quick: bool) -> list[Row]:
    """A second process and its first compiled run, from its start to its end; compiled code is on disk already.

    The command stores the run and draws it too, which takes as long again: that is told, without a bound.
    """
    rows, laps = [], 3 if quick else 7
    with tempfile.TemporaryDirectory() as folder:
        for k, (world, agent) in enumerate(FIRST):
            ask = ["-c", f"import sandbox; sandbox.run({world!r}, {agent!r}, seeds=1, steps=1000)"]
            words = ["-m", "sandbox", "run", world, agent, "--seeds", "1", "--steps", "1000", "--json", "--runs"]
            commands = [[*words, f"{folder}/{k}-{lap}"] for lap in range(laps + 1)]  # a stored run is not done again
            seconds_of([ask, commands.pop()])  # compiles, if need be
            found, detail = seconds_of([ask] * laps)
            rows.append(at_most(f"seconds of a process that runs {agent} once on {world}", found, 2.0, detail))
            found, detail = seconds_of(commands)
            rows.append(at_most(f"seconds of 'sandbox run {world} {agent}', with its figure", found, None, detail))
    return rows


def two_cores(quick: bool) -> list[Row]:
    """Eight compiled seeds on two cores against one, by the wall clock: a machine that has other work cannot tell."""
    if (os.cpu_count() or 1) < 2:
        return []
    rows = []
    takes = (("spam", "logistic", 2_000_000), ("FrozenLake-v1:map_name=8x8", "q-learning", 6_000_000))
    for world, agent, steps in takes:
        budget = Budget(steps // 20 if quick else steps)

        def study(jobs: int, world=world, agent=agent, budget=budget) -> None:
            result = run_study(world, [agent], seeds=range(8), budget=budget, jobs=jobs)
            assert not any(run.error or run.why_plain for run in result.agents[0].runs)

        began, busy, own = time.perf_counter(), busy_seconds(), time.process_time()
        ratio, one, two = paired(lambda: study(1), lambda: study(2), 3 if quick else 5, time.perf_counter)
        others = (busy_seconds() - busy - (time.process_time() - own)) / (time.perf_counter() - began)
        detail = f"{one:.2f} s against {two:.2f} s; others kept {max(0.0, others):.1f} cores busy meanwhile"
        rows.append(at_least(f"one core's time / two cores', 8 seeds of {agent} on {world}", ratio, 1.7, detail))
    return rows


def _peak(steps: int, *words: str) -> float:
    """Peak memory, in MiB, of a process that makes `steps` decisions."""
    command = [sys.executable, str(FOLDER / "memory.py"), str(steps), *words]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def memory(quick: bool) -> list[Row]:
    """A run ten times as long needs no more memory, at both speeds."""
    rows = []
    takes = (
        ("FrozenLake-v1", "q-learning", "plain", 50_000, 500_000),
        ("spam", "logistic", "compiled", 1_000_000, 1_000_000),
        ("spam", "naive-bayes", "compiled", 1_000_000, 1_000_000),
        ("FrozenLake-v1:map_name=8x8", "q-learning", "compiled", 1_000_000, 1_000_000),
    )
    for world, agent, speed, quick_steps, full_steps in takes:
        short = quick_steps // (10 if speed == "compiled" else 1) if quick else full_steps
        with one_core():
            small, large = _peak(short, world, agent, speed), _peak(10 * short, world, agent, speed)
        detail = f"{large:.0f} MiB for {10 * short:,} decisions, {small:.0f} MiB for {short:,}"
        name = f"memory of a {speed} run ten times as long, {agent} on {world}"
        rows.append(at_most(name, large / small, 1.10, detail))
    return rows
