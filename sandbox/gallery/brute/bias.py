"""Figure 6.5: Q-learning and Double Q-learning where the largest of many estimates misleads; one loop for both."""

from __future__ import annotations

import numpy as np

from sandbox.compiled import compiled
from sandbox.gallery.brute._store import store
from sandbox.table import FloatArray

RUNS, EPISODES, ALPHA, EPSILON = 10_000, 300, 0.1, 0.1


@compiled
def largest(values: FloatArray, rng: np.random.Generator) -> int:
    """Return where `values` are largest; ties at random."""
    best = values.max()
    tied = np.flatnonzero(values == best)
    return int(tied[rng.integers(0, tied.shape[0])])


@compiled
def choose(values: FloatArray, rng: np.random.Generator) -> int:
    """Return an epsilon-greedy choice."""
    if rng.random() < EPSILON:
        return int(rng.integers(0, values.shape[0]))
    return largest(values, rng)


@compiled
def lefts(double: bool, ways: int, arms: int, runs: int, rng: np.random.Generator) -> FloatArray:
    """Return 100 where an episode went left (runs, episodes); of `ways` choices in A the first half goes left."""
    found = np.zeros((runs, EPISODES))
    for run in range(runs):
        at_a, at_b = np.zeros((2, ways)), np.zeros((2, arms))
        for episode in range(EPISODES):
            way = choose(at_a[0] + at_a[1], rng)
            one = int(rng.integers(0, 2)) if double else 0
            other = 1 - one if double else 0
            if way >= ways // 2:
                at_a[one, way] += ALPHA * (0.0 - at_a[one, way])
                continue
            found[run, episode] = 100.0
            at_a[one, way] += ALPHA * (at_b[other, largest(at_b[one], rng)] - at_a[one, way])
            arm = choose(at_b[0] + at_b[1], rng)
            one = int(rng.integers(0, 2)) if double else 0
            at_b[one, arm] += ALPHA * (rng.normal(-0.1, 1.0) - at_b[one, arm])
    return found


def main() -> None:
    """Do both agents, with the ten choices of our world in A, and for comparison the book's two."""
    found = {}
    for name, double in (("q-learning", False), ("double-q-learning", True)):
        for ways in (10, 2):
            went = lefts(double, ways, 10, RUNS, np.random.default_rng([65, ways]))
            kind = name if ways == 10 else f"{name} as in the book"
            for episode in (1, 25, 50, 100, 200, 300):
                found[f"{kind} episode {episode}"] = went[:, episode - 1]
            found[f"{kind} all"] = went.mean(axis=1)
    store("figure-6-5", "bias", RUNS, found)


if __name__ == "__main__":
    main()
