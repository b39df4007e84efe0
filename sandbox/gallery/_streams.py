"""Many runs of a learner on a stream, with whatever feedback: what each of its decisions cost."""

from __future__ import annotations

import numpy as np

from sandbox.catalog import make_agent, make_world
from sandbox.errors import SandboxError
from sandbox.law_stream import LawStream
from sandbox.stream_world import StreamWorld
from sandbox.table import FloatArray
from sandbox.trace import Trace, join
from sandbox.world import Budget, make_terms


def runs_of(world: str, agent: str, seeds: range, steps: int, feedback: str = "immediate") -> list[Trace]:
    """Return the decisions of a run of each seed."""
    place, found = make_world(world).under(make_terms((), feedback)), []
    for seed in seeds:
        chunks: list[Trace] = []
        place.run(make_agent(agent, place), seed, Budget(steps), chunks.append)
        found.append(join(chunks))
    return found


def gaps(traces: list[Trace]) -> FloatArray:
    """Return the price of each decision (runs, steps)."""
    return np.stack([trace.best - trace.value for trace in traces])


def accuracies(traces: list[Trace]) -> FloatArray:
    """Return the share of right labels of each run (runs,), in per cent."""
    return np.array([100.0 * np.mean(trace.choice == trace.truth) for trace in traces])


def law_of(world: str) -> LawStream:
    """Return the stream of a world that knows its law."""
    made = make_world(world)
    if isinstance(made, StreamWorld) and isinstance(made.stream, LawStream):
        return made.stream
    raise SandboxError(f"{world} is no stream that knows its law")
