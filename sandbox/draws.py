"""Random numbers keyed by (seed, step, purpose): they do not depend on what was drawn before.

So a world is the same whoever acts in it, runs pair by seed, and a run shares its luck with its twin. The numbers are
SplitMix64 (Steele, Lea & Flood 2014) over a counter, started anew for each step from a hash of the key.
"""

from __future__ import annotations

import math

import numpy as np

from sandbox.compiled import compiled
from sandbox.table import FloatArray, IntArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_STEP = np.uint64(0xD1342543DE82EF95)
_BY_30, _BY_27, _BY_31, _BY_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53

# What a number is drawn for: each purpose of a step has 2**32 numbers of its own.
WORLD, RESET, FEEDBACK, DRIFT, OUTCOME = range(5)


@compiled
def mixed(x: np.uint64) -> np.uint64:
    """Return the 64 bits of `x`, thoroughly mixed: the finaliser of SplitMix64."""
    x = (x ^ (x >> _BY_30)) * _MIX_A
    x = (x ^ (x >> _BY_27)) * _MIX_B
    return np.uint64(x ^ (x >> _BY_31))


@compiled
def stream_of(seed: int, step: int, purpose: int) -> np.uint64:
    """Return where the numbers of (seed, step, purpose) start."""
    world = mixed(np.uint64(seed) + _GOLDEN)
    return mixed(world ^ mixed(np.uint64(step) * _STEP + np.uint64(purpose) * _GOLDEN))


@compiled
def uniform(stream: np.uint64, k: int) -> float:
    """Return the k-th number of a stream, uniform in [0, 1)."""
    return float(mixed(np.uint64(stream) + np.uint64(k + 1) * _GOLDEN) >> _BY_11) * _UNIT


@compiled
def normal(stream: np.uint64, k: int) -> float:
    """Return a standard normal number, from the k-th and the next number of a stream (Box & Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log1p(-uniform(stream, k)))
    return radius * math.cos(2.0 * math.pi * uniform(stream, k + 1))


@compiled
def keyed_uniform(seed: int, step: int, purpose: int) -> float:
    """Return the first number of (seed, step, purpose), uniform in [0, 1)."""
    return uniform(stream_of(seed, step, purpose), 0)


@compiled
def keyed_uniforms(seed: int, start: int, count: int, purpose: int) -> FloatArray:
    """Return the first number of each of the steps `start`, ..., `start + count - 1`, as an array (count,)."""
    out = np.empty(count)
    for i in range(count):
        out[i] = keyed_uniform(seed, start + i, purpose)
    return out


@compiled
def pick(cumulative: FloatArray, u: float) -> int:
    """Return the first index whose cumulative probability exceeds `u`, 0 if none does (as Gymnasium's tables do)."""
    for k in range(cumulative.shape[0]):
        if cumulative[k] > u:
            return k
    return 0


@compiled
def make_alias(probability: FloatArray, keep: FloatArray, other: IntArray) -> None:
    """Fill the alias table (`keep`, `other`), each (n,), of a distribution (n,) (Vose 1991)."""
    n = probability.shape[0]
    scaled = np.empty(n)
    small, large = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    n_small = n_large = 0
    for i in range(n):
        scaled[i] = probability[i] * n
        keep[i], other[i] = 1.0, i
        if scaled[i] < 1.0:
            small[n_small] = i
            n_small += 1
        else:
            large[n_large] = i
            n_large += 1
    while n_small > 0 and n_large > 0:
        n_small -= 1
        less, more = small[n_small], large[n_large - 1]
        keep[less], other[less] = scaled[less], more
        scaled[more] -= 1.0 - scaled[less]
        if scaled[more] < 1.0:
            n_large -= 1
            small[n_small] = more
            n_small += 1


@compiled
def pick_alias(keep: FloatArray, other: IntArray, u: float) -> int:
    """Return an index drawn from an alias table by one uniform number."""
    scaled = u * keep.shape[0]
    k = int(scaled)
    return k if scaled - k < keep[k] else int(other[k])
