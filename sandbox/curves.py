"""Running totals, windows, fading sums and a curve of bounded length, for several signals at once.

Memory does not grow with the run: when the curve's bins are full, neighbours are merged and the stride doubles, so a
run of any length keeps between 256 and 512 points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.errors import SandboxError
from sandbox.table import FloatArray, IntArray

BINS = 512


class Track(NamedTuple):
    """Accumulators for K signals; `push` adds their values (NaN: none)."""

    total: FloatArray  # (2, K) sum and its compensation (Neumaier 1974)
    counts: FloatArray  # (K,) values that were not NaN
    tail: FloatArray  # (2, K) sum and count of the final tenth
    fading: FloatArray  # (2, K) faded sum and faded weight (Gama, Sebastiao, Rodrigues 2013)
    ring: FloatArray  # (K, window) the last values
    window: FloatArray  # (2, K) sum and count over the ring
    lap: FloatArray  # (2, K) sum and count since the ring's first place was written
    bin_sum: FloatArray  # (BINS, K)
    bin_count: FloatArray  # (BINS, K)
    bin_fading: FloatArray  # (BINS, K) fading mean at the bin's end
    bin_window: FloatArray  # (BINS, K) windowed mean at the bin's end
    bin_end: IntArray  # (BINS,) lifetime step after the bin's last push
    clock: IntArray  # pushes so far, full bins, pushes a bin, pushes in the open bin, ring position
    options: FloatArray  # fading factor, push from which the final tenth counts (inf: unknown)


def make_track(signals: int, window: int, fading: float, pushes: int | None) -> Track:
    """Return an empty track for `signals` signals; `pushes` is their number where it is known beforehand."""
    if window < 1:
        raise SandboxError(f"window={window} is out of range: a window holds at least one decision")
    if not 0.0 < fading <= 1.0:
        raise SandboxError(f"fading={fading} is out of range (0, 1]")
    tail_from = np.inf if pushes is None else float(pushes - max(1, pushes // 10))
    stride = 1
    while pushes is not None and stride * BINS < pushes:  # the stride that merging would arrive at
        stride *= 2
    wide = (BINS, signals)
    return Track(
        np.zeros((2, signals)),
        np.zeros(signals),
        np.zeros((2, signals)),
        np.zeros((2, signals)),
        np.full((signals, window), np.nan),
        np.zeros((2, signals)),
        np.zeros((2, signals)),
        np.zeros(wide),
        np.zeros(wide),
        np.full(wide, np.nan),
        np.full(wide, np.nan),
        np.zeros(BINS, dtype=np.int64),
        np.array([0, 0, stride, 0, 0], dtype=np.int64),
        np.array([fading, tail_from]),
    )


@compiled
def lost(before: float, value: float) -> float:
    """Return what rounding loses of `before + value`, exactly (Neumaier 1974)."""
    after = before + value
    return (before - after) + value if abs(before) >= abs(value) else (value - after) + before


@compiled
def _merge_bins(track: Track) -> None:
    half = track.bin_end.shape[0] // 2
    for b in range(half):
        track.bin_end[b] = track.bin_end[2 * b + 1]
        for k in range(track.counts.shape[0]):
            track.bin_sum[b, k] = track.bin_sum[2 * b, k] + track.bin_sum[2 * b + 1, k]
            track.bin_count[b, k] = track.bin_count[2 * b, k] + track.bin_count[2 * b + 1, k]
            track.bin_fading[b, k] = track.bin_fading[2 * b + 1, k]
            track.bin_window[b, k] = track.bin_window[2 * b + 1, k]
    track.bin_sum[half:] = 0.0
    track.bin_count[half:] = 0.0
    track.clock[1] = half
    track.clock[2] *= 2


@compiled
def _close_point(
    b: int, fading: FloatArray, window: FloatArray, bin_fading: FloatArray, bin_window: FloatArray
) -> None:
    for k in range(fading.shape[1]):
        if fading[1, k] > 0.0:
            bin_fading[b, k] = fading[0, k] / fading[1, k]
        bin_window[b, k] = window[0, k] / window[1, k] if window[1, k] > 0.0 else np.nan


@compiled
def _add_stretch(track: Track, k: int, values: FloatArray) -> None:
    """Add values of signal k: a stretch within one bin, one lap of the ring, and in or before the tail."""
    b, ring, w, forget = track.clock[1], track.ring[k], track.clock[4], track.options[0]
    total, rest, count = track.total[0, k], track.total[1, k], 0.0
    faded, weight = track.fading[0, k], track.fading[1, k]
    recent, held = track.window[0, k], track.window[1, k]
    bin_sum, tail, lap = track.bin_sum[b, k], track.tail[0, k], track.lap[0, k]
    for i in range(values.shape[0]):
        value, old = values[i], ring[w + i]
        ring[w + i] = value
        if old == old:  # not NaN
            recent -= old
            held -= 1.0
        if value == value:
            rest += lost(total, value)
            total += value
            count += 1.0
            recent += value
            held += 1.0
            faded = forget * faded + value
            weight = forget * weight + 1.0
            bin_sum += value
            tail += value
            lap += value
    track.total[0, k], track.total[1, k] = total, rest
    track.fading[0, k], track.fading[1, k] = faded, weight
    track.window[0, k], track.window[1, k] = recent, held
    track.bin_sum[b, k], track.lap[0, k] = bin_sum, lap
    track.counts[k] += count
    track.lap[1, k] += count
    track.bin_count[b, k] += count
    if track.clock[0] >= track.options[1]:
        track.tail[0, k] = tail
        track.tail[1, k] += count


@compiled
def _begin_lap(track: Track) -> None:
    # Sums that are added to and taken from drift; once a lap they are made anew.
    for k in range(track.counts.shape[0]):
        track.window[0, k], track.window[1, k] = track.lap[0, k], track.lap[1, k]
        track.lap[0, k], track.lap[1, k] = 0.0, 0.0


@compiled
def push(track: Track, signals: FloatArray, rows: IntArray, at: IntArray) -> None:
    """Add n values of each signal, at lifetime steps `at` (n,), counted after each decision.

    The values of the track's signal k are the first n of row `rows[k]` of `signals`.
    """
    # A signal at a time, in stretches: what is added up then stays in registers.
    clock, begin = track.clock, 0
    while begin < at.shape[0]:
        if clock[1] == track.bin_end.shape[0]:
            _merge_bins(track)
        count = min(at.shape[0] - begin, clock[2] - clock[3], track.ring.shape[1] - clock[4])
        if clock[0] < track.options[1] < clock[0] + count:
            count = int(track.options[1]) - clock[0]
        for k in range(rows.shape[0]):
            _add_stretch(track, k, signals[rows[k], begin : begin + count])
        begin += count
        clock[0] += count
        clock[3] += count
        clock[4] += count
        if clock[4] == track.ring.shape[1]:
            clock[4] = 0
            _begin_lap(track)
        if clock[3] == clock[2]:
            track.bin_end[clock[1]] = at[begin - 1]
            _close_point(clock[1], track.fading, track.window, track.bin_fading, track.bin_window)
            clock[1] += 1
            clock[3] = 0


class Curve(NamedTuple):
    """One signal over a run, at up to 512 points.

    `step`: decisions made so far. `total`, `number`: sum and number of values since the point before. `windowed`: mean
    over the window. `fading`: fading mean.
    """

    step: IntArray
    total: FloatArray
    number: FloatArray
    windowed: FloatArray
    fading: FloatArray

    def cumulative(self) -> FloatArray:
        """Return the mean since the start, at each point."""
        seen = np.cumsum(self.number)
        return _ratio(np.cumsum(self.total), seen)

    def binned(self) -> FloatArray:
        """Return the mean since the point before, at each point."""
        return _ratio(self.total, self.number)


def _ratio(total: FloatArray, number: FloatArray) -> FloatArray:
    out = np.full(len(number), np.nan)
    np.divide(total, number, out=out, where=number > 0)
    return out


def curve_of(track: Track, k: int, at: int) -> Curve:
    """Return the curve of signal k; `at` is the lifetime step at the end."""
    points = int(track.clock[1])
    if track.clock[3] > 0:  # the open bin is a point too, on a copy so that the run can go on
        track = Track._make(part.copy() for part in track)
        track.bin_end[points] = at
        _close_point(points, track.fading, track.window, track.bin_fading, track.bin_window)
        points += 1
    return Curve(
        track.bin_end[:points].copy(),
        track.bin_sum[:points, k].copy(),
        track.bin_count[:points, k].copy(),
        track.bin_window[:points, k].copy(),
        track.bin_fading[:points, k].copy(),
    )


def total_of(track: Track, k: int) -> float:
    """Return the compensated sum of signal k, NaN if it never had a value."""
    return float(track.total[0, k] + track.total[1, k]) if track.counts[k] else float("nan")


def tail_mean(track: Track, k: int) -> float:
    """Return the mean of signal k over the final tenth of the pushes, NaN where it has no value there."""
    total, count = tail_of(track, k)
    return total / count if count else float("nan")


def tail_of(track: Track, k: int) -> tuple[float, float]:
    """Return the sum of signal k over the final tenth of the pushes, and the number of its values there.

    Where their number was not known beforehand, the tenth starts inside a bin of the curve, which is shared out evenly.
    """
    pushes = int(track.clock[0])
    if track.options[1] == pushes - max(1, pushes // 10):  # as many came as were announced
        return float(track.tail[0, k]), float(track.tail[1, k])
    wanted, total, count = float(max(1, pushes // 10)), 0.0, 0.0
    bins = int(track.clock[1])
    sizes: NDArray[np.float64] = np.full(bins + 1, float(track.clock[2]))
    sizes[bins] = track.clock[3]
    for b in range(bins, -1, -1):
        if b >= BINS or sizes[b] == 0:
            continue
        share = min(1.0, wanted / sizes[b])
        total += share * track.bin_sum[b, k]
        count += share * track.bin_count[b, k]
        wanted -= share * sizes[b]
        if wanted <= 0:
            break
    return float(total), float(count)
