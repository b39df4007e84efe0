"""A study of 1,000 runs: how long the whole commands that compare and report it take."""

from __future__ import annotations

import tempfile
from pathlib import Path

from measure import Row, at_most, seconds_of

from sandbox.study import run_study
from sandbox.world import Budget

_STEP_SIZES = (0.05, 0.1, 0.2, 0.3, 0.5)


def thousand(quick: bool) -> list[Row]:
    """Return the seconds of `sandbox compare` and `sandbox report` on ten agents with a hundred seeds each."""
    agents = [f"{name}:step_size={size}" for name in ("q-learning", "sarsa") for size in _STEP_SIZES]
    count = 10 if quick else 100
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        run_study("FrozenLake-v1", agents, seeds=range(count), budget=Budget(5000), runs=runs)
        for command, bound in (("compare", 5.0), ("report", 20.0)):
            out = ["--out", str(Path(folder) / f"{command}.{'svg' if command == 'compare' else 'html'}")]
            taken, detail = seconds_of([["-m", "sandbox", command, "--runs", str(runs), *out]])
            rows.append(at_most(f"seconds: sandbox {command}, {count * len(agents):,} runs", taken, bound, detail))
    return rows
