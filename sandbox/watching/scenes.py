"""Which decisions of a run are shown: whole episodes early, midway, around the first drift and at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sandbox.table import IntArray
from sandbox.trace import Trace

FRAMES = 45  # decisions that a scene shows
_EPISODES, _LEAST = 3, 20  # a scene shows so many episodes, and more if these are fewer decisions
_LAST = 6  # decisions shown of the end of an episode that is too long


class Scene(NamedTuple):
    """A part of a run: its title, the steps that are shown of it, and the span of the run that it stands for."""

    title: str
    steps: tuple[int, ...]
    begin: int
    end: int


def scenes_of(trace: Trace, changes: Sequence[tuple[int, int]], frames: int = FRAMES) -> list[Scene]:
    """Return the scenes of a run, in their order; `changes`: where the world changes, and where that is complete.

    A scene stands for a tenth of the run, over which its numbers are taken, less where the world changes.
    """
    n = len(trace)
    starts = np.flatnonzero(np.append(True, trace.episode[1:] != trace.episode[:-1]))
    ends = np.append(starts[1:], n)
    tenth = max(1, n // 10)
    first = next(((a, b) for a, b in changes if tenth < a and b < n - tenth), None)
    wanted = [("early", 0, 0, tenth)]
    if first is None:
        middle = n // 2
        wanted.append(("midway", _start(starts, middle, tenth), middle, min(n, middle + tenth)))
    else:
        begin, complete = first
        wanted.append(("before the drift", _ending(starts, ends, begin, frames), begin - tenth, begin))
        wanted.append(("after the drift", _start(starts, complete, tenth), complete, complete + tenth))
    whole = n if trace.terminated[-1] or trace.truncated[-1] or len(starts) == 1 else int(starts[-1])
    wanted.append(("at the end", _ending(starts, ends, whole, frames), n - tenth, n))
    shown: set[int] = set()
    found = []
    for title, at, low, high in wanted:
        steps = [step for step in _shown(starts, ends, at, frames, tenth) if step not in shown]
        shown |= set(steps)
        if steps:
            found.append(Scene(title, tuple(steps), low, high))
    return found


def _start(starts: IntArray, at: int, tenth: int) -> int:
    """Return the start of the first episode from step `at` on; `at` itself where none starts soon."""
    k = int(np.searchsorted(starts, at))
    return int(starts[k]) if k < len(starts) and starts[k] < at + tenth else at


def _ending(starts: IntArray, ends: IntArray, by: int, frames: int) -> int:
    """Return where to begin so that what is shown ends by step `by`: some episodes, or the end of one."""
    last = int(np.searchsorted(ends, by, side="right")) - 1
    if last < 0:  # none is over by then
        return max(0, by - frames)
    k = last
    while k > 0 and not _enough(last - k + 1, ends[last] - starts[k]) and ends[last] - starts[k - 1] <= frames:
        k -= 1
    return max(int(starts[k]), int(ends[last]) - frames)


def _enough(episodes: int, decisions: int) -> bool:
    return episodes >= _EPISODES and decisions >= _LEAST


def _shown(starts: IntArray, ends: IntArray, at: int, frames: int, tenth: int) -> list[int]:
    """Return up to `frames` steps of some episodes from step `at` on; of a long one its beginning and end.

    The end of an episode that is longer than a tenth of the run is another time, and not shown.
    """
    found: list[int] = []
    k = int(np.searchsorted(starts, at, side="right")) - 1
    for episode in range(k, len(starts)):
        if _enough(episode - k, len(found)):
            break
        begin, end = max(at, int(starts[episode])), int(ends[episode])
        room = frames - len(found)
        if end - begin <= room:
            found += range(begin, end)
        elif found:
            break
        elif end - begin <= tenth and room > 2 * _LAST:
            found += [*range(begin, begin + room - _LAST), *range(end - _LAST, end)]
        else:
            found += range(begin, begin + room)
    return found
