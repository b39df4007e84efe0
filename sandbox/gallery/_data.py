"""Real data beside the project: where it lies is said by the environment, and without it an experiment is skipped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sandbox.gallery._found import Found
from sandbox.gallery._streams import runs_of
from sandbox.table import FloatArray


def data_file(name: str, variable: str = "SANDBOX_DATA") -> Path | None:
    """Return the file `name` in the folder that an environment variable names, None if it is not there."""
    folder = os.environ.get(variable)
    path = Path(folder or ".") / name
    return path if folder and path.is_file() else None


def absent(name: str, what: str, variable: str = "SANDBOX_DATA") -> Found:
    """Return that an experiment was skipped for want of its data; `what` it is and where it comes from."""
    return Found([], absent=f"set {variable} to the folder of {name}: {what}")


def right(world: str, agent: str, steps: int) -> FloatArray:
    """Return of each decision (steps,) of one run whether it was right."""
    (trace,) = runs_of(world, agent, range(1), steps)
    return np.asarray(trace.choice == trace.truth, dtype=np.float64)


def windowed(values: FloatArray, window: int, points: int = 300) -> tuple[list[float], list[float]]:
    """Return the steps and the means of the last `window` values at so many of them."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.unique(np.linspace(min(window, len(values)) // 2, len(values), points).astype(np.int64))
    means = (sums[at] - sums[np.maximum(at - window, 0)]) / np.minimum(at, window)
    return at.astype(np.float64).tolist(), means.tolist()
