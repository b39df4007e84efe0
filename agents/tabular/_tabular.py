"""Rules that tabular agents share: plain functions of scalars, arrays and a Generator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import rule

FloatArray = NDArray[np.float64]


@rule
def random_choice(n_choices: int, rng: np.random.Generator) -> int:
    """Return one of 0..n_choices-1, each equally likely."""
    return int(rng.random() * n_choices)


@rule
def greedy_choice(q: FloatArray, state: int, rng: np.random.Generator) -> int:
    """Return a best choice by `q` (S, A) in `state`; ties are broken at random, by reservoir sampling."""
    best, choice, ties = q[state, 0], 0, 1
    for a in range(1, q.shape[1]):
        value = q[state, a]
        if value > best:
            best, choice, ties = value, a, 1
        elif value == best:
            ties += 1
            if rng.random() * ties < 1.0:
                choice = a
    return choice


@rule
def epsilon_greedy(q: FloatArray, state: int, epsilon: float, rng: np.random.Generator) -> tuple[int, bool]:
    """Return a choice and whether it explored (Sutton & Barto, 2nd edition, section 2.2)."""
    if rng.random() < epsilon:
        return random_choice(q.shape[1], rng), True
    return greedy_choice(q, state, rng), False


@rule
def td_update(q: FloatArray, state: int, choice: int, target: float, step_size: float) -> None:
    """Move q[state, choice] towards `target` (equation 6.2 of the book, for action values)."""
    q[state, choice] += step_size * (target - q[state, choice])


@rule
def best_value(q: FloatArray, state: int) -> float:
    """Return max_a q[state, a]."""
    best = q[state, 0]
    for a in range(1, q.shape[1]):
        best = max(best, q[state, a])
    return float(best)


@rule
def expected_value(q: FloatArray, state: int, epsilon: float) -> float:
    """Return the mean of q[state] under the epsilon-greedy policy (the target of equation 6.9 of the book)."""
    best = total = q[state, 0]
    for a in range(1, q.shape[1]):
        total += q[state, a]
        best = max(best, q[state, a])
    return float((1.0 - epsilon) * best + epsilon * total / q.shape[1])


@rule
def greedy_beside(q: FloatArray, state: int, choice: int) -> int:
    """Return what would have been chosen without exploring: `choice` itself if none is better, else the first best."""
    best, first = q[state, 0], 0
    for a in range(1, q.shape[1]):
        if q[state, a] > best:
            best, first = q[state, a], a
    return choice if q[state, choice] == best else first
