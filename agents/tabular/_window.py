"""The steps from which nothing was learned yet, in a ring, and what they earned in the end: of one or of many steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray

from ._tabular import FloatArray

WHOLE_EPISODE = 100_000  # steps kept where an episode is learned from as a whole
MOST_STEPS = 10_000  # of an n-step agent
FIRST, COUNT, NEXT = range(3)  # of `Window.mark`: place of the first step, number of steps, state after the last


class Window(NamedTuple):
    """The last steps of an episode, in a ring of N places."""

    state: IntArray  # (N,)
    choice: IntArray  # (N,)
    reward: FloatArray  # (N,) what each step earned; at the end of an episode all that followed it
    mark: IntArray  # (3,)


def make_window(size: int) -> Window:
    """Return a window without steps that has room for `size`."""
    state, choice = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    return Window(state, choice, np.zeros(size), np.zeros(3, dtype=np.int64))


def check_n(what: str, n: int) -> None:
    """Refuse, in one line, a number of steps that is none."""
    check_range(what, "n", n, 1, MOST_STEPS)
    if not isinstance(n, int):
        raise SandboxError(f"{what}: n={n!r} is no whole number")


@rule
def place_of(window: Window, k: int) -> int:
    """Return where in the ring the step after the first `k` lies."""
    i = window.mark[FIRST] + k
    return int(i - window.state.shape[0] if i >= window.state.shape[0] else i)


@rule
def forget_first(window: Window) -> None:
    """Drop the oldest step."""
    window.mark[FIRST] = place_of(window, 1)
    window.mark[COUNT] -= 1


@rule
def remember(window: Window, state: int, choice: int, reward: float, next_state: int) -> None:
    """Add a step. A full window drops its oldest; one that this step does not follow (answers are missing) all."""
    mark = window.mark
    if mark[NEXT] != state:
        mark[COUNT] = 0
    if mark[COUNT] == window.state.shape[0]:
        forget_first(window)
    i = place_of(window, mark[COUNT])
    window.state[i], window.choice[i], window.reward[i] = state, choice, reward
    mark[COUNT] += 1
    mark[NEXT] = next_state


@rule
def return_of_first(window: Window, discount: float, follows: float) -> float:
    """Return the discounted rewards of all steps and then `follows` (equation 7.1 of Sutton & Barto, 2nd edition)."""
    total = follows
    for k in range(window.mark[COUNT] - 1, -1, -1):
        total = window.reward[place_of(window, k)] + discount * total
    return total


@rule
def returns_for_rewards(window: Window, discount: float, follows: float) -> None:
    """Put in place of each reward the discounted sum of it, of all after it, and of `follows` (equation 3.9)."""
    total = follows
    for k in range(window.mark[COUNT] - 1, -1, -1):
        i = place_of(window, k)
        total = window.reward[i] + discount * total
        window.reward[i] = total
