"""Figure 6.3: three agents on the cliff, early and late, over the step size; the grid and the rules written out."""

from __future__ import annotations

import numpy as np

from sandbox.compiled import compiled
from sandbox.gallery.brute._store import store
from sandbox.table import FloatArray

SARSA, Q_LEARNING, EXPECTED = range(3)
NAMES = ("sarsa", "q-learning", "expected-sarsa")
EPSILON = 0.1
EARLY, LATE = 100, 10_000  # episodes whose returns are averaged


@compiled
def move(row: int, column: int, choice: int) -> tuple[int, int, float]:
    """Return where a step up, right, down or left leads in the grid of 4 x 12, and its reward."""
    if choice == 0:
        row = max(row - 1, 0)
    elif choice == 1:
        column = min(column + 1, 11)
    elif choice == 2:
        row = min(row + 1, 3)
    else:
        column = max(column - 1, 0)
    if row == 3 and 0 < column < 11:
        return 3, 0, -100.0
    return row, column, -1.0


@compiled
def choose(values: FloatArray, rng: np.random.Generator) -> int:
    """Return an epsilon-greedy choice; ties at random."""
    if rng.random() < EPSILON:
        return int(rng.integers(0, 4))
    tied = np.flatnonzero(values == values.max())
    return int(tied[rng.integers(0, tied.shape[0])])


@compiled
def expected(values: FloatArray) -> float:
    """Return what an epsilon-greedy choice is worth."""
    return float((1.0 - EPSILON) * values.max() + EPSILON * values.mean())


@compiled
def returns(kind: int, alpha: float, episodes: int, rng: np.random.Generator) -> float:
    """Return the mean return of a run's first episodes."""
    q, total = np.zeros((4, 12, 4)), 0.0
    for _ in range(episodes):
        row, column = 3, 0
        choice = choose(q[row, column], rng)
        while not (row == 3 and column == 11):
            below, beside, reward = move(row, column, choice)
            total += reward
            ends = below == 3 and beside == 11
            following = choose(q[below, beside], rng)
            target = reward
            if not ends and kind == SARSA:
                target += q[below, beside, following]
            elif not ends and kind == Q_LEARNING:
                target += q[below, beside].max()
            elif not ends:
                target += expected(q[below, beside])
            q[row, column, choice] += alpha * (target - q[row, column, choice])
            row, column = below, beside
            # Sarsa takes the choice that it learned from; the others choose again, by what they now know.
            choice = following if kind == SARSA else choose(q[row, column], rng)
    return total / episodes


def main() -> None:
    """Do every agent with every step size, early and late."""
    found = {}
    for kind, name in enumerate(NAMES):
        for tenth in range(1, 11):
            alpha = tenth / 10
            for when, episodes, runs in (("early", EARLY, 2000), ("late", LATE, 20)):
                rng = np.random.default_rng([63, kind, tenth, episodes])
                values = [returns(kind, alpha, episodes, rng) for _ in range(runs)]
                found[f"{name} alpha {alpha:g} {when}"] = np.array(values)
    store("figure-6-3", "cliff", 2000, found)


if __name__ == "__main__":
    main()
