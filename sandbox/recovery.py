"""Recovery, drop and cost of a change, measured against the run's twin.

The twin is the same agent with the same seed in a world that always lived in the new concept, the one in force once the
change is complete: it has the same luck, so what remains is what the change did. For a run and its twin:

- excess(t) = gap of the run - gap of the twin at lifetime step t.
- The segment of a change goes from its `begin` to the next change's, or to the end of the shorter of the two runs.
- The smoothed excess at t is the mean excess of the w decisions t, ..., t + w - 1. It looks forward: an agent that is
  wrong until step k is well from k on, or before, by at most w * delta / (height of the excess). w is the window of the
  run's options, at most a quarter of the segment.
- Drop = the smoothed excess at the change. A change that takes time does its harm by and by: the drop is then the
  largest smoothed excess from `begin` until the change is complete.
- At risk is a run whose drop is above delta. Harm that begins later than that is in the cost alone.
- Recovery = the first t from `begin` on such that the smoothed excess is at most delta at t, at t + w, and everywhere
  between, and until the change is complete. It counts in decisions from `begin`, also for a change that takes time.
  A run at risk needs at least one: one that needs none had no drop.
- In a segment of n decisions the last t of which this can be said is n - 2w. A run at risk that has not recovered by
  then is censored there: if it recovers, it does so later.
- Cost of drift = the sum of the excess over the segment: the area between run and twin, in reward, undiscounted. It may
  be negative: what was learned before the change may help.

Nothing is said of a segment of under 8 decisions, of a change that is not complete soon enough for that, nor where a
gap in the segment is unknown (unpriced): its note says which.

Where the decisions of run and twin differ by chance, the smoothed excess has noise: a window too short to bring it well
under delta makes runs fall at risk, and recover late, by chance alone.

Gaps are kept one by one in runs of up to 262,144 decisions. Longer ones keep sums of b decisions each; all of the above
then counts in steps of b (w is rounded to whole ones), from the first whole one in the segment to the last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sandbox.comparison.intervals import Interval, mean_interval
from sandbox.comparison.survival import Median, median_time, restricted_mean
from sandbox.compiled import compiled
from sandbox.errors import SandboxError
from sandbox.table import FloatArray, IntArray

BINS = 262_144
_SHORTEST = 8  # places in a segment: a quarter of it is a window of two
_SLACK = 1e-9  # of delta, for rounding

TOO_SHORT = "too short"
NOT_COMPLETE = "not complete in time"
UNPRICED = "unpriced"


@compiled
def _add(sums: FloatArray, gap: FloatArray, first: int, stride: int) -> None:
    b = first // stride
    left = (b + 1) * stride - first  # decisions that still fit in the bin
    for i in range(gap.shape[0]):
        sums[b] += gap[i]
        left -= 1
        if left == 0:
            b += 1
            left = stride


class GapLog:
    """The gaps of a run's decisions, summed over `stride` of them so that there are at most 262,144 sums.

    `steps`: the number of decisions where it is known beforehand; the stride is then the smallest that does. Else it
    starts at 1 and doubles when the bins are full.
    """

    def __init__(self, steps: int | None = None) -> None:
        self.stride = 1 if steps is None else max(1, -(-steps // BINS))
        self.steps = 0
        self._sums = np.zeros(min(4096, BINS) if steps is None else max(1, -(-steps // self.stride)))

    def add(self, step: IntArray, gap: FloatArray) -> None:
        """Add the gaps (n,) of the decisions at the lifetime steps (n,), which follow each other; NaN: unknown."""
        if not len(step):
            return
        first, last = int(step[0]), int(step[-1])
        if first != self.steps or last - first + 1 != len(step) or len(gap) != len(step):
            raise SandboxError(
                f"{len(gap)} gaps for the steps {first} to {last} after {self.steps} decisions: each step has one gap, "
                "in order from step 0"
            )
        self._make_room(last + 1)
        _add(self._sums, np.ascontiguousarray(gap, dtype=np.float64), first, self.stride)
        self.steps = last + 1

    def _make_room(self, steps: int) -> None:
        while steps > BINS * self.stride:
            self._widen(BINS)
            self._sums = np.append(self._sums.reshape(-1, 2).sum(axis=1), np.zeros(BINS // 2))
            self.stride *= 2
        needed = -(-steps // self.stride)
        if needed > len(self._sums):
            self._widen(min(BINS, max(needed, 2 * len(self._sums))))

    def _widen(self, room: int) -> None:
        self._sums = np.append(self._sums, np.zeros(room - len(self._sums)))

    def mean(self) -> float:
        """Return the mean gap of all decisions, NaN without any."""
        return float(self._sums.sum()) / self.steps if self.steps else math.nan

    def sums(self, stride: int, low: int, high: int) -> FloatArray:
        """Return the sums of the bins `low` to `high - 1` of `stride` decisions each, a multiple of the log's own."""
        k = stride // self.stride
        return np.asarray(self._sums[low * k : high * k].reshape(-1, k).sum(axis=1))


class Segment(NamedTuple):
    """One change and what follows it: from lifetime step `begin` up to and without `end`; complete from `complete`."""

    begin: int
    complete: int
    end: int


def segments_of(changes: Sequence[tuple[int, int]], steps: int) -> tuple[Segment, ...]:
    """Return the segments of the changes (begin, complete) in a run of `steps`; those that begin together are one.

    A change is complete when all that began before it are: until then the law goes on moving.
    """
    together = dict(sorted(pair for pair in changes if pair[0] < steps))  # of one begin the last to be complete
    ends, latest, found = [*together, steps][1:], 0, []
    for (begin, complete), end in zip(together.items(), ends, strict=True):
        latest = max(latest, complete)
        found.append(Segment(begin, latest, end))
    return tuple(found)


class Recovery(NamedTuple):
    """How one run came through one change; plain numbers, so that `Recovery(*row)` is its way back from JSON.

    `change`, `complete`: lifetime steps. `drop`: excess gap per decision. `steps`: decisions until recovery, NaN if it
    did not come or none was due. `censored_at`: decisions after which it was still to come, NaN if it came or none was
    due. `cost`: in reward. `note`: why nothing can be said of drop and recovery; empty if it can.
    """

    change: int
    complete: int
    drop: float
    at_risk: bool
    steps: float
    censored_at: float
    cost: float
    note: str = ""


def undecided(segment: Segment, why: str, cost: float = math.nan) -> Recovery:
    """Return the recovery of which nothing can be said."""
    return Recovery(segment.begin, segment.complete, math.nan, False, math.nan, math.nan, cost, why)


def recover(run: GapLog, twin: GapLog, segment: Segment, window: int, delta: float) -> Recovery:
    """Return how a run came through the change of `segment`, against its twin.

    `window`: decisions over which the excess is smoothed. `delta`: excess gap per decision that counts as none, by
    default of a study `meta.material * meta.gap_range`; NaN where the world has no prices.
    """
    if window < 1:
        raise SandboxError(f"window={window} is out of range: a window holds at least one decision")
    if delta < 0.0:
        raise SandboxError(f"delta={delta} is out of range: an excess that counts as none is 0 or more")
    stride = math.lcm(run.stride, twin.stride)
    low = -(-segment.begin // stride)
    high = min(segment.end, run.steps, twin.steps) // stride
    n = high - low
    if n < _SHORTEST:
        return undecided(segment, TOO_SHORT)
    excess = run.sums(stride, low, high) - twin.sums(stride, low, high)
    if math.isnan(delta) or not np.isfinite(excess).all():
        return undecided(segment, UNPRICED)
    cost = float(excess.sum())
    w = min(max(1, round(window / stride)), n // 4)
    complete = -(-segment.complete // stride) - low
    if complete > n - w:
        return undecided(segment, NOT_COMPLETE, cost)
    total = np.append(0.0, np.cumsum(excess))
    smoothed = (total[w:] - total[:-w]) / (w * stride)
    drop = float(smoothed[: complete + 1].max())
    above = smoothed > delta * (1.0 + _SLACK)
    if not above[: complete + 1].any():
        return Recovery(segment.begin, segment.complete, drop, False, math.nan, math.nan, cost)
    place = _first_calm(above, w, complete)
    found, last = (math.nan, float((n - 2 * w) * stride)) if place < 0 else (float(place * stride), math.nan)
    return Recovery(segment.begin, segment.complete, drop, True, found, last, cost)


def _first_calm(above: np.ndarray[tuple[int], np.dtype[np.bool_]], w: int, complete: int) -> int:
    """Return the first place from which nothing is `above` for w more and until `complete`; -1 if there is none."""
    seen = np.append(0, np.cumsum(above))
    places = np.arange(len(above) - w)
    calm = seen[np.maximum(places + w, complete) + 1] == seen[places]
    return int(calm.argmax()) if calm.any() else -1


class Summary(NamedTuple):
    """How the runs of several seeds came through one change.

    `n`: runs of which something can be said. `undecided`: those of which nothing can. `at_risk`: runs with a drop.
    `recovered`: those of them that did within what was seen. `censored`: share of those at risk that did not, NaN where
    none was at risk. `median`, `restricted_mean`: decisions until recovery, of those at risk; the mean counts up to
    `horizon`, the longest time seen, and is for where the median is undefined. `drop`, `cost`: means over the n runs.
    """

    change: int
    complete: int
    n: int
    undecided: int
    at_risk: int
    recovered: int
    censored: float
    median: Median
    restricted_mean: Interval
    horizon: float
    drop: Interval
    cost: Interval


def summary(by_seed: Sequence[Recovery], rng: np.random.Generator) -> Summary:
    """Return the summary of one change over seeds; `rng` resamples them for the median's interval.

    See `sandbox.comparison.survival` for the methods; drop and cost have the intervals of a mean. One run alone has
    none.
    """
    if len({(one.change, one.complete) for one in by_seed}) != 1:
        raise SandboxError("a summary is of one change, over at least one run")
    told = [one for one in by_seed if not one.note]
    due = [one for one in told if one.at_risk]
    observed = [not math.isnan(one.steps) for one in due]
    times = [one.steps if seen else one.censored_at for one, seen in zip(due, observed, strict=True)]
    recovered = sum(observed)
    return Summary(
        by_seed[0].change,
        by_seed[0].complete,
        len(told),
        len(by_seed) - len(told),
        len(due),
        recovered,
        1.0 - recovered / len(due) if due else math.nan,
        median_time(times, observed, rng),
        restricted_mean(times, observed),
        max(times, default=math.nan),
        mean_interval([one.drop for one in told]),
        mean_interval([one.cost for one in told]),
    )
