"""Sliding-window UCB: only the last rewards count, so that every item is tried again."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.errors import SandboxError
from sandbox.feedback import Answers, dequeue
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import NOBODY, Arms, admit_arm, make_arms
from ._bandit_agent import BanditAgent
from ._slate import Post, send
from .ucb import choose_ucb


class Window(NamedTuple):
    """The last rewards, in a ring of w places, and each slot's sum of them."""

    slot: IntArray  # (w,)
    since: IntArray  # (w,) whose it is: when that item took the slot over (`Held.since`); NOBODY: an empty place
    reward: FloatArray  # (w,)
    place: IntArray  # (1,) where the next reward goes: what lies there is the oldest
    total: FloatArray  # (k,) of the rewards in the window


def make_window(size: int, n_slots: int) -> Window:
    """Return an empty window for `size` rewards."""
    slot, since = np.zeros(size, dtype=np.int64), np.full(size, NOBODY, dtype=np.int64)
    return Window(slot, since, np.zeros(size), np.zeros(1, dtype=np.int64), np.zeros(n_slots))


@lean
def drop_oldest(window: Window, arms: Arms) -> None:
    """Take the reward that is about to be overwritten out of its slot's count, if that is still its item's.

    An item that left its slot and came back is another one: what it earned before was forgotten with it.
    """
    at = window.place[0]
    slot = window.slot[at]
    if window.since[at] == NOBODY or window.since[at] != arms.held.since[slot]:
        return
    arms.tries[slot] -= 1.0
    window.total[slot] = window.total[slot] - window.reward[at] if arms.tries[slot] > 0.0 else 0.0
    arms.value[slot] = window.total[slot] / arms.tries[slot] if arms.tries[slot] > 0.0 else 0.0


@lean
def add_up(window: Window, arms: Arms) -> None:
    """Add the rewards in the window up anew, so that what rounding left does not pile up."""
    for j in range(window.total.shape[0]):
        window.total[j] = 0.0
    for at in range(window.slot.shape[0]):
        if window.since[at] != NOBODY and window.since[at] == arms.held.since[window.slot[at]]:
            window.total[window.slot[at]] += window.reward[at]


@lean
def reward_window(window: Window, arms: Arms, slot: int, item: int, asked_at: int, reward: float) -> None:
    """Put one more reward of an item, unless it is gone, into the window in the place of the oldest."""
    if not admit_arm(arms, slot, item, asked_at, 0.0):
        return
    if arms.tries[slot] == 0.0:
        window.total[slot] = 0.0
    drop_oldest(window, arms)
    at = window.place[0]
    window.slot[at], window.since[at], window.reward[at] = slot, arms.held.since[slot], reward
    window.place[0] = (at + 1) % window.slot.shape[0]
    arms.tries[slot] += 1.0
    window.total[slot] += reward
    if window.place[0] == 0:
        add_up(window, arms)
    arms.value[slot] = window.total[slot] / arms.tries[slot]


@compiled
def advance_window_ucb(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    arms: Arms,
    window: Window,
    exploration: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k)."""
    scores, index = np.empty(items.shape[1]), np.empty(items.shape[1])
    for i in range(items.shape[0]):
        choice, _ = choose_ucb(arms, items[i], scores, index, exploration, rng)
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        at = dequeue(post.queue, start + i)
        while at != -1:
            reward_window(window, arms, post.choice[at], post.item[at], post.asked_at[at], post.reward[at])
            at = dequeue(post.queue, start + i)


class SlidingWindowUcb(BanditAgent):
    """SW-UCB: UCB on the last `window` rewards, for rewards that drift (Garivier & Moulines 2011, section 3).

    `window` is a whole number of rewards, of all items together, from 1 to 10 million; the paper advises
    2 B sqrt(decisions ln(decisions) / changes) for rewards between 0 and B. The bonus is exploration * sqrt(ln n / n_j)
    of what the window holds; `exploration` >= 0 is the paper's B sqrt(xi), whose proof needs xi > 1/2. Items without a
    reward in the window come first: one whose reward never comes is shown for ever. Needs discrete choices and one
    reward for each decision.
    """

    def __init__(self, window: int = 1000, exploration: float = 0.5) -> None:
        check_range("SlidingWindowUcb", "window", window, 1, 10_000_000)
        if window != int(window):
            raise SandboxError(f"SlidingWindowUcb: window={window!r} is no whole number of rewards")
        check_range("SlidingWindowUcb", "exploration", exploration, 0.0, 1e12)
        self.window = window
        self.exploration = exploration

    def _forget(self) -> None:
        self.arms = make_arms(self.n_slots)
        self.recent = make_window(int(self.window), self.n_slots)

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        return choose_ucb(self.arms, items, scores, np.empty(self.n_slots), float(self.exploration), self.rng)

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        reward_window(self.recent, self.arms, slot, item, asked_at, reward)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        known = (self.arms, self.recent, float(self.exploration))
        advance_window_ucb(start, seen.item, outcome, answers, chosen, post, *known, self.rng)
