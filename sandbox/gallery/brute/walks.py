"""Figures 7.2, 12.3, 12.6 and 12.8: the 19-state random walk, each algorithm as the book defines it, loops and all."""

from __future__ import annotations

import math
import sys

import numpy as np

from sandbox.compiled import compiled
from sandbox.gallery._grids import GRIDS, point
from sandbox.gallery.brute._store import store
from sandbox.table import FloatArray, IntArray

RUNS, STATES, EPISODES, LONGEST = 4_000, 19, 10, 100_000
N_STEP, OFF_LINE, TRACES, ON_LINE = range(4)
_KINDS = {"n-step": N_STEP, "lambda-return": OFF_LINE, "td-lambda": TRACES, "online": ON_LINE}


@compiled
def walk(visited: IntArray, rng: np.random.Generator) -> int:
    """Write the states of an episode into `visited`, ends (0 and 20) included; return its length T."""
    visited[0] = (STATES + 1) // 2
    t = 0
    while 0 < visited[t] < STATES + 1:
        visited[t + 1] = visited[t] + (1 if rng.random() < 0.5 else -1)
        t += 1
    return t


@compiled
def reward_of(state: int) -> float:
    """Return what is paid for coming to a state."""
    return 1.0 if state == STATES + 1 else -1.0 if state == 0 else 0.0


@compiled
def n_step(v: FloatArray, s: IntArray, end: int, n: int, alpha: float) -> None:
    """The box of section 7.1, without a discount; `v` of both ends stays 0."""
    for t in range(end + n - 1):
        tau = t - n + 1
        if tau >= 0:
            total = 0.0
            for i in range(tau + 1, min(tau + n, end) + 1):
                total += reward_of(s[i])
            if tau + n < end:
                total += v[s[tau + n]]
            v[s[tau]] += alpha * (total - v[s[tau]])


@compiled
def off_line(v: FloatArray, s: IntArray, end: int, decay: float, alpha: float) -> None:
    """Equations 12.3 and 12.4: every n-step return by the values from before the episode, weighed and added up."""
    old = v.copy()
    for t in range(end):
        total, weight, earned = 0.0, 1.0 - decay, 0.0
        for n in range(1, end - t):
            earned += reward_of(s[t + n])
            total += weight * (earned + old[s[t + n]])
            weight *= decay
        total += decay ** (end - t - 1) * (earned + reward_of(s[end]))
        v[s[t]] += alpha * (total - v[s[t]])


@compiled
def traces(v: FloatArray, s: IntArray, end: int, decay: float, alpha: float) -> None:
    """The box of section 12.2, with a trace for each state."""
    e = np.zeros(v.shape[0])
    for t in range(end):
        for j in range(e.shape[0]):
            e[j] *= decay
        e[s[t]] += 1.0
        error = reward_of(s[t + 1]) + v[s[t + 1]] - v[s[t]]
        for j in range(e.shape[0]):
            v[j] += alpha * error * e[j]


@compiled
def on_line(v: FloatArray, s: IntArray, end: int, decay: float, alpha: float) -> None:
    """Section 12.4: at every horizon the whole episode so far is learned anew, from the values before the episode."""
    old, seen = v.copy(), np.zeros(end + 1)  # v(S_t) as it was known a step before: equation 7.1
    for h in range(1, end + 1):
        seen[h] = v[s[h]]
        target = np.empty(h)
        later = seen[h]
        for t in range(h - 1, -1, -1):
            later = reward_of(s[t + 1]) + (later if t == h - 1 else (1.0 - decay) * seen[t + 1] + decay * later)
            target[t] = later
        v[:] = old
        for t in range(h):
            v[s[t]] += alpha * (target[t] - v[s[t]])


@compiled
def errors(kind: int, setting: float, alpha: float, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return the RMS error over states, mean over the first episodes, of each run (runs,)."""
    found, visited = np.zeros(runs), np.zeros(LONGEST, dtype=np.int64)
    for run in range(runs):
        v = np.zeros(STATES + 2)
        for _ in range(EPISODES):
            end = walk(visited, rng)
            if kind == N_STEP:
                n_step(v, visited, end, int(setting), alpha)
            elif kind == OFF_LINE:
                off_line(v, visited, end, setting, alpha)
            elif kind == TRACES:
                traces(v, visited, end, setting, alpha)
            else:
                on_line(v, visited, end, setting, alpha)
            total = 0.0
            for state in range(1, STATES + 1):
                off = v[state] - (state / 10.0 - 1.0)
                total += off * off
            found[run] += math.sqrt(total / STATES) / EPISODES
    return found


def main() -> None:
    """Do every point of every figure, or those of the figures that are named."""
    for experiment, grid in GRIDS.items():
        if sys.argv[1:] and experiment not in sys.argv[1:]:
            continue
        found = {}
        for kind, setting, alpha in grid:
            rng = np.random.default_rng([_KINDS[kind], round(1000 * setting), round(1000 * alpha)])
            found[point(kind, setting, alpha)] = errors(_KINDS[kind], setting, alpha, RUNS, rng)
        store(experiment, "walks", RUNS, found)


if __name__ == "__main__":
    main()
