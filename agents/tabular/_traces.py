"""Eligibility traces: how much each entry of a table is to answer for what happens now.

Entries whose trace is not zero are listed, so that a step costs as much as an episode has visited, not as the table
holds. What is learned is exact: a trace is dropped below 1e-300 only, where computers become slow and the next one
would be zero. An update above 1e100 counts as that: accumulating traces with large step sizes learn without bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.errors import SandboxError, suggestion
from sandbox.table import IntArray

from ._tabular import FloatArray

KINDS = ("accumulating", "replacing")
SMALLEST, LARGEST = 1e-300, 1e100
COUNT, NEXT = range(2)  # of `Traces.mark`: number of entries that have a trace, and the state that must follow


class Traces(NamedTuple):
    """The traces of N entries of a table, counted row by row."""

    size: FloatArray  # (N,)
    entry: IntArray  # (N,) first those that have a trace
    mark: IntArray  # (2,)


def make_traces(n: int) -> Traces:
    """Return traces of `n` entries, all zero."""
    return Traces(np.zeros(n), np.zeros(n, dtype=np.int64), np.zeros(2, dtype=np.int64))


def check_kind(what: str, traces: str) -> None:
    """Refuse, in one line, a kind of traces that is none."""
    if traces not in KINDS:
        near = suggestion(str(traces), KINDS)
        raise SandboxError(f"{what}: traces={traces!r} is neither {' nor '.join(map(repr, KINDS))}{near}")


@rule
def clear(traces: Traces) -> None:
    """Forget what happened before."""
    for k in range(traces.mark[COUNT]):
        traces.size[traces.entry[k]] = 0.0
    traces.mark[COUNT] = 0


@rule
def clear_unless_followed(traces: Traces, state: int, next_state: int) -> None:
    """Forget what happened before if it did not lead to `state` (answers are missing); `next_state` must follow."""
    if traces.mark[NEXT] != state:
        clear(traces)
    traces.mark[NEXT] = next_state


@rule
def mark_entry(traces: Traces, entry: int, size: float, replacing: bool) -> None:
    """Add `size` to the trace of an entry that is visited, or put it in its place."""
    before = traces.size[entry]
    if before == 0.0:
        traces.entry[traces.mark[COUNT]] = entry
        traces.mark[COUNT] += 1
    traces.size[entry] = size if replacing else before + size


@rule
def learn_by_traces(values: FloatArray, traces: Traces, change: float, decay: float) -> None:
    """Move each of `values` (N,) by `change` times its trace (equation 12.7 of the book); then let traces decay."""
    size, entry = traces.size, traces.entry
    change = min(max(change, -LARGEST), LARGEST)
    k, count = 0, traces.mark[COUNT]
    while k < count:
        i = entry[k]
        values[i] += change * size[i]
        size[i] *= decay
        if size[i] < SMALLEST:
            size[i], count = 0.0, count - 1
            entry[k] = entry[count]
        else:
            k += 1
    traces.mark[COUNT] = count
