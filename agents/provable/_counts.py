"""What was seen of each pair of state and choice, counted; of all decisions, or of the last ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray

from ..tabular._tabular import FloatArray

MOST_CELLS = 20_000_000  # of an array (S, A, S + 1); its pages take memory only where something was seen


class Counts(NamedTuple):
    """How often each pair was tried, what it earned and what followed: a state, or S where the episode terminated."""

    visits: IntArray  # (S, A)
    earned: FloatArray  # (S, A) sum of rewards
    kinds: IntArray  # (S, A) how many different things followed
    after: IntArray  # (S, A, S + 1) those, in the order in which they were first seen
    times: IntArray  # (S, A, S + 1) how often each of them followed
    fresh: IntArray  # (S, A) visits since the last plan
    known: IntArray  # (S, A) visits at the last plan
    past: IntArray  # (W, 3) pair and follower of the last decisions, in a ring
    paid: FloatArray  # (W,) and their rewards
    clock: IntArray  # (1,) decisions so far


def empty_counts(what: str, n_states: int, n_choices: int, window: int) -> Counts:
    """Return the counts of a run that begins; raise `SandboxError` if they would not fit."""
    if n_states * n_choices * (n_states + 1) > MOST_CELLS:
        raise SandboxError(
            f"{what} counts what follows each of {n_states:,} x {n_choices:,} pairs of state and choice, which is too "
            "many; q-learning needs less"
        )

    def pairs() -> IntArray:
        return np.zeros((n_states, n_choices), dtype=np.int64)

    def followers() -> IntArray:
        return np.zeros((n_states, n_choices, n_states + 1), dtype=np.int64)

    return Counts(
        pairs(), np.zeros((n_states, n_choices)), pairs(), followers(), followers(), pairs(), pairs(),
        np.zeros((window, 3), dtype=np.int64), np.zeros(window), np.zeros(1, dtype=np.int64),
    )  # fmt: skip


@rule
def slot_of(counts: Counts, state: int, choice: int, follower: int) -> int:
    """Return where a follower of a pair is kept, a new place if it is new."""
    for k in range(counts.kinds[state, choice]):
        if counts.after[state, choice, k] == follower:
            return k
    k = int(counts.kinds[state, choice])
    counts.after[state, choice, k] = follower
    counts.kinds[state, choice] += 1
    return k


@rule
def count(counts: Counts, state: int, choice: int, reward: float, follower: int) -> None:
    """Count one decision; with a window, forget the one that has left it."""
    visits, earned, _, _, times, fresh, _, past, paid, clock = counts
    window = paid.shape[0]
    if window > 0:
        at = clock[0] % window
        if clock[0] >= window:
            forget(counts, past[at, 0], past[at, 1], paid[at], past[at, 2])
        past[at, 0], past[at, 1], past[at, 2], paid[at] = state, choice, follower, reward
    times[state, choice, slot_of(counts, state, choice, follower)] += 1
    visits[state, choice] += 1
    fresh[state, choice] += 1
    earned[state, choice] += reward
    clock[0] += 1


@rule
def forget(counts: Counts, state: int, choice: int, reward: float, follower: int) -> None:
    """Count one decision less; the place of its follower is kept."""
    counts.times[state, choice, slot_of(counts, state, choice, follower)] -= 1
    counts.visits[state, choice] -= 1
    left = counts.earned[state, choice] - reward
    counts.earned[state, choice] = left if counts.visits[state, choice] > 0 else 0.0  # no rounding is left over


@rule
def doubled(counts: Counts, state: int, choice: int) -> bool:
    """Say whether a pair was tried as often since the last plan as before it (Jaksch, Ortner & Auer 2010, figure 1)."""
    return bool(counts.fresh[state, choice] >= max(counts.known[state, choice], 1))


@rule
def start_epoch(counts: Counts) -> None:
    """Note that a plan is made with what is known now."""
    for s in range(counts.visits.shape[0]):
        for a in range(counts.visits.shape[1]):
            counts.fresh[s, a], counts.known[s, a] = 0, counts.visits[s, a]


def check_whole(what: str, name: str, value: int, low: int, high: int) -> None:
    """Refuse, in one line, a setting that is no whole number in `[low, high]`."""
    check_range(what, name, value, low, high)
    if not isinstance(value, int):
        raise SandboxError(f"{what}: {name}={value!r} is no whole number")


def check_range_of_rewards(what: str, low: float, high: float) -> None:
    """Refuse, in one line, a smallest and largest reward that are none."""
    check_range(what, "reward_min", low, -1e9, 1e9)
    check_range(what, "reward_max", high, -1e9, 1e9)
    if not low < high:
        raise SandboxError(f"{what}: reward_min={low!r} is not below reward_max={high!r}")
