"""Figure 8.5: Dyna-Q and Dyna-Q+ in a maze where a shorter way opens; and figure 8.4, where the short way closes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.gallery.brute._store import store
from sandbox.table import FloatArray, IntArray

RUNS, EPSILON, GAMMA, KAPPA, PLANNED = 500, 0.1, 0.95, 1e-3, 10


@compiled
def blocked(row: int, column: int, shortcut: bool, changed: bool) -> bool:
    """Say whether a cell is a wall: a row of them, with one gap or two."""
    if row != 3:
        return False
    if shortcut:
        return column != 0 and not (changed and column == 8)
    return column != 0 if changed else column != 8


@compiled
def move(cell: int, choice: int, shortcut: bool, changed: bool) -> int:
    """Return where a step up, right, down or left leads in the grid of 6 x 9."""
    row, column = cell // 9, cell % 9
    if choice == 0:
        row = max(row - 1, 0)
    elif choice == 1:
        column = min(column + 1, 8)
    elif choice == 2:
        row = min(row + 1, 5)
    else:
        column = max(column - 1, 0)
    return cell if blocked(row, column, shortcut, changed) else 9 * row + column


@compiled
def choose(values: FloatArray, rng: np.random.Generator) -> int:
    """Return an epsilon-greedy choice; ties at random."""
    if rng.random() < EPSILON:
        return int(rng.integers(0, 4))
    tied = np.flatnonzero(values == values.max())
    return int(tied[rng.integers(0, tied.shape[0])])


@compiled
def plan(
    plus: bool,
    alpha: float,
    step: int,
    q: FloatArray,
    seen: IntArray,
    after: IntArray,
    paid: FloatArray,
    met: NDArray[np.bool_],
    rng: np.random.Generator,
) -> None:
    """Learn from what is remembered, each time of one state that was met and a choice there."""
    states = np.flatnonzero(met)
    for _ in range(PLANNED):
        s = states[rng.integers(0, states.shape[0])]
        if plus:
            a = int(rng.integers(0, 4))
            bonus = KAPPA * math.sqrt(step - seen[s, a])
        else:
            a, bonus = int(rng.integers(0, 4)), 0.0
            while seen[s, a] == 0:
                a = int(rng.integers(0, 4))
        follows = 0.0 if after[s, a] == 8 else GAMMA * q[after[s, a]].max()
        q[s, a] += alpha * (paid[s, a] + bonus + follows - q[s, a])


@compiled
def earned(
    plus: bool, alpha: float, shortcut: bool, steps: int, change: int, runs: int, rng: np.random.Generator
) -> FloatArray:
    """Return what each run earned until the change and until the end (2, runs); goal 8 pays 1, starts are cell 48."""
    found = np.zeros((2, runs))
    for run in range(runs):
        q, seen = np.zeros((54, 4)), np.zeros((54, 4), dtype=np.int64)  # step of the last try, 0 never
        after, paid = np.zeros((54, 4), dtype=np.int64), np.zeros((54, 4))
        for cell in range(54):
            after[cell] = cell
        met, total, cell = np.zeros(54, dtype=np.bool_), 0.0, 48
        for step in range(1, steps + 1):
            choice = choose(q[cell], rng)
            there = move(cell, choice, shortcut, step > change)
            reward = 1.0 if there == 8 else 0.0
            q[cell, choice] += alpha * (reward + (1.0 - reward) * GAMMA * q[there].max() - q[cell, choice])
            after[cell, choice], paid[cell, choice], seen[cell, choice], met[cell] = there, reward, step, True
            total += reward
            plan(plus, alpha, step, q, seen, after, paid, met, rng)
            cell = 48 if there == 8 else there
            if step == change:
                found[0, run] = total
        found[1, run] = total
    return found


def main() -> None:
    """Do both agents in both mazes."""
    for figure, shortcut, steps, change in (("figure-8-5", True, 6000, 3000), ("figure-8-4", False, 3000, 1000)):
        found = {}
        for name, plus in (("dyna-q-plus", True), ("dyna-q", False)):
            for alpha in (1.0,) if shortcut else (1.0, 0.1):
                rng = np.random.default_rng([85, plus, int(10 * alpha)])
                before, after = earned(plus, alpha, shortcut, steps, change, RUNS, rng)
                found[f"{name} alpha {alpha:g} at {change}"] = before
                found[f"{name} alpha {alpha:g} at {steps}"] = after
        store(figure, "mazes", RUNS, found)


if __name__ == "__main__":
    main()
