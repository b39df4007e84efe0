"""A walk through tables, for compiled loops: the environment's own steps, and nothing of what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.draws import RESET, keyed_uniform
from sandbox.table import FloatArray, IntArray, Table

STATE, CLOCK, ELAPSED, ENDED = range(4)  # of `Walk.place`


class Walk(NamedTuple):
    """A table for each concept, and where the walk is."""

    cumulative: FloatArray  # (concepts, S, A, K) cumulative probability of each outcome
    successor: IntArray  # (concepts, S, A, K)
    reward: FloatArray  # (concepts, S, A, K)
    terminated: NDArray[np.bool_]  # (concepts, S, A, K)
    observed: IntArray  # (S,) what is seen of each state
    start: FloatArray  # (concepts, S) cumulative probability of each first state
    place: IntArray  # (4,) state, lifetime step, steps in this episode, episodes ended
    horizon: int  # steps after which an episode is cut, 0: never
    keyed: bool  # whether chance is keyed by (seed, step), or comes from a generator in the order of its use
    seed: int


class Steps(NamedTuple):
    """What came of a chunk of decisions, each (n,)."""

    concept: IntArray  # (n + 1,) the law in force for each, and for the decision after them
    cell: IntArray
    choice: IntArray
    greedy: FloatArray
    reward: FloatArray
    after: IntArray
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


def make_walk(tables: Sequence[Table], seed: int, keyed: bool) -> Walk:
    """Return a walk that has not begun."""
    width = max(table.probability.shape[2] for table in tables)

    def stacked(name: str) -> NDArray[np.generic]:
        parts = [getattr(table, name) for table in tables]
        return np.stack([np.pad(part, ((0, 0), (0, 0), (0, width - part.shape[2]))) for part in parts])

    return Walk(
        np.cumsum(stacked("probability"), axis=3),
        np.ascontiguousarray(stacked("successor"), dtype=np.int64),
        np.ascontiguousarray(stacked("reward"), dtype=np.float64),
        np.ascontiguousarray(stacked("terminated"), dtype=np.bool_),
        tables[0].seen,
        np.stack([np.cumsum(table.start) for table in tables]),
        np.zeros(4, dtype=np.int64),
        tables[0].horizon or 0,
        keyed,
        seed,
    )


def make_steps(concept: IntArray) -> Steps:
    """Return room for a chunk of decisions under these concepts (n + 1,)."""
    n = len(concept) - 1

    def whole() -> IntArray:
        return np.empty(n, dtype=np.int64)

    return Steps(
        concept, whole(), whole(), np.empty(n), np.empty(n), whole(), np.empty(n, np.bool_), np.empty(n, np.bool_)
    )


def part_of(steps: Steps, start: int, count: int) -> Steps:
    """Return the room for `count` decisions from `start` on; what is written to it is written to `steps`."""
    rest: list[Any] = [column[start : start + count] for column in steps[1:]]
    return Steps(steps.concept[start : start + count + 1], *rest)


@compiled
def start_episode(walk: Walk, concept: int, rng: np.random.Generator) -> None:
    """Draw the first state of an episode."""
    u = chance_of(RESET, walk.place[CLOCK], walk.keyed, walk.seed, rng)
    walk.place[STATE], walk.place[ELAPSED] = first_state(walk.start, concept, u), 0


# Loops keep `place` in local numbers and hand the arrays over one by one: through the tuple a step takes six times as
# long.


@compiled
def chance_of(purpose: int, step: int, keyed: bool, seed: int, rng: np.random.Generator) -> float:
    """Return the number in [0, 1) that decides what the environment does at a lifetime step."""
    return keyed_uniform(seed, step, purpose) if keyed else rng.random()


@compiled
def first_state(start: FloatArray, concept: int, u: float) -> int:
    """Return the state in which an episode starts, drawn by `u` from `start` (concepts, S)."""
    for s in range(start.shape[1]):
        if start[concept, s] > u:
            return s
    return 0


@compiled
def outcome_of(cumulative: FloatArray, concept: int, state: int, choice: int, u: float) -> int:
    """Return which outcome of a choice `u` draws from `cumulative` (concepts, S, A, K)."""
    for k in range(cumulative.shape[3]):
        if cumulative[concept, state, choice, k] > u:
            return k
    return 0


@compiled
def follow(
    cumulative: FloatArray,
    successor: IntArray,
    reward: FloatArray,
    terminated: NDArray[np.bool_],
    concept: int,
    state: int,
    choice: int,
    u: float,
) -> tuple[int, float, bool]:
    """Return the next state, the reward and whether the episode ended, drawn by `u` from arrays (concepts, S, A, K)."""
    k = outcome_of(cumulative, concept, state, choice, u)
    ends = terminated[concept, state, choice, k]
    return successor[concept, state, choice, k], reward[concept, state, choice, k], ends
