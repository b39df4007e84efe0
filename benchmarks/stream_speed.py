"""How quickly every simulated stream asks, prices included, and that ten million questions take no more memory."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import Row, at_least, at_most

from sandbox.catalog import make_world
from sandbox.discovery import discover
from sandbox.law_stream import BATCH, LawStream
from sandbox.stream_world import StreamWorld

QUESTIONS, QUICK = 10_000_000, 5 * BATCH
BOUND = 200_000  # events a second, with prices
GROWTH = 64.0  # MiB by which ten million questions may grow a process: less than a column of them, 76 MiB
# Beside the worlds as they come: what is added to them.
WIDENED = (
    "spam:padding=0.3",
    "spam:reaction=500,budget=10",
    "recommendation:slots=3",
    "recommendation:satiation=0.5",
    "recommendation:fashion=0.5,season=0.5",
    "demand:decision=order",
)


def _held() -> float:
    """Return the memory that this process holds, in MiB."""
    status = Path("/proc/self/status")
    if status.is_file():
        found = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmRSS")]
        return float(found[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def streams(quick: bool) -> list[Row]:
    """Ask every stream for ten million questions, as compiled loops do, and look at time and memory."""
    rows = []
    for name in (*discover("worlds"), *WIDENED):
        world = make_world(name)
        assert isinstance(world, StreamWorld)
        if not hasattr(world.stream, "batch"):
            continue
        _ask(world.stream, 0, 2 * BATCH)  # compiled, and its laws made
        count = QUICK if quick else QUESTIONS
        before, began = _held(), time.process_time()
        _ask(world.stream, 1, count)
        seconds, after = time.process_time() - began, _held()
        told = f"{count:,} in {seconds:.1f} s"
        rows.append(at_least(f"{name}: events a second", count / seconds, BOUND, told))
        rows.append(at_most(f"{name}: MiB more after them", after - before, GROWTH, f"{before:.0f} before"))
    return rows


def _ask(stream: Any, seed: int, count: int) -> None:
    """Ask so many questions of a run; where that matters, what is best at once is chosen each time."""
    play = stream.play(seed) if isinstance(stream, LawStream) else None
    start = 0
    while start < count:
        size = min(BATCH, count - start, BATCH if play is None else play.room(start))
        batch = stream.batch(seed, start, size) if play is None else play.batch(start, size)
        if play is not None and stream.reactive:
            play.hear(start, batch, batch.values.argmax(axis=1).astype(np.float64))
        start += size
