"""A queue of numbered things by priority: a binary heap in arrays, in which each thing's place is known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.table import IntArray

from ..tabular._tabular import FloatArray


class Queue(NamedTuple):
    """Things 0..n-1, some of which wait."""

    heap: IntArray  # (n,) those that wait; none is before its parent, at (i - 1) // 2
    place: IntArray  # (n,) where in the heap each thing is, -1 if it does not wait
    priority: FloatArray  # (n,)
    length: IntArray  # (1,) how many wait


def empty_queue(n: int) -> Queue:
    """Return a queue in which nothing waits."""
    return Queue(np.zeros(n, dtype=np.int64), np.full(n, -1, dtype=np.int64), np.zeros(n), np.zeros(1, dtype=np.int64))


@rule
def push(queue: Queue, thing: int, priority: float) -> None:
    """Let a thing wait; one that waits already moves forward if this priority is higher, and never back."""
    heap, place, priorities, length = queue
    at = place[thing]
    if at < 0:
        at = length[0]
        length[0] += 1
        priorities[thing] = priority
    priorities[thing] = max(priorities[thing], priority)
    while at > 0 and priorities[heap[(at - 1) // 2]] < priorities[thing]:
        heap[at] = heap[(at - 1) // 2]
        place[heap[at]] = at
        at = (at - 1) // 2
    heap[at], place[thing] = thing, at


@rule
def pop(queue: Queue) -> int:
    """Return the thing of the highest priority, which waits no more; there must be one."""
    heap, place, priorities, length = queue
    first, last = heap[0], heap[length[0] - 1]
    length[0] -= 1
    n, at = length[0], 0
    while True:
        child = 2 * at + 1
        if child + 1 < n and priorities[heap[child + 1]] > priorities[heap[child]]:
            child += 1
        if child >= n or priorities[heap[child]] <= priorities[last]:
            break
        heap[at] = heap[child]
        place[heap[at]] = at
        at = child
    heap[at], place[last] = last, at
    place[first] = -1
    return int(first)
