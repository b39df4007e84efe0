"""Restarting UCB: UCB1 that forgets everything when an item turns out to earn less than it used to."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.feedback import Answers, dequeue
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import SAMPLE_AVERAGE, Arms, admit_arm, make_arms, move_arm
from ._bandit_agent import BanditAgent
from ._slate import Post, send
from .ucb import choose_ucb


class Watch(NamedTuple):
    """How far each slot's rewards fell short of their mean, for the test of Page and Hinkley."""

    short: FloatArray  # (k,) sum of mean - reward - tolerance
    least: FloatArray  # (k,) the smallest that this sum has been
    restarts: IntArray  # (2,) how many there were, and the step of the decision whose reward made the last


def make_watch(n_slots: int) -> Watch:
    """Return a watch over slots of which nothing is known."""
    return Watch(np.zeros(n_slots), np.zeros(n_slots), np.array([0, -1], dtype=np.int64))


@lean
def falls(watch: Watch, slot: int, mean: float, reward: float, tolerance: float, threshold: float) -> bool:
    """Say whether a slot's rewards fell short of their mean for too long (Page 1954; Hinkley 1971)."""
    watch.short[slot] += mean - reward - tolerance
    watch.least[slot] = min(watch.least[slot], watch.short[slot])
    return bool(watch.short[slot] - watch.least[slot] > threshold)


@lean
def reward_watched(
    watch: Watch,
    arms: Arms,
    slot: int,
    item: int,
    asked_at: int,
    reward: float,
    tolerance: float,
    threshold: float,
) -> None:
    """Count one more reward of an item, unless it is gone or was asked for before the last restart; or restart."""
    if asked_at <= watch.restarts[1] or not admit_arm(arms, slot, item, asked_at, 0.0):
        return
    if arms.tries[slot] == 0.0:
        watch.short[slot] = watch.least[slot] = 0.0
    move_arm(arms, slot, reward, SAMPLE_AVERAGE)
    if falls(watch, slot, arms.value[slot], reward, tolerance, threshold):
        watch.restarts[0], watch.restarts[1] = watch.restarts[0] + 1, asked_at
        for j in range(arms.tries.shape[0]):
            arms.tries[j] = arms.value[j] = 0.0


@compiled
def advance_restarting_ucb(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    arms: Arms,
    watch: Watch,
    exploration: float,
    tolerance: float,
    threshold: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k)."""
    scores, index = np.empty(items.shape[1]), np.empty(items.shape[1])
    for i in range(items.shape[0]):
        choice, _ = choose_ucb(arms, items[i], scores, index, exploration, rng)
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        at = dequeue(post.queue, start + i)
        while at != -1:
            asked_at, reward = post.asked_at[at], post.reward[at]
            reward_watched(watch, arms, post.choice[at], post.item[at], asked_at, reward, tolerance, threshold)
            at = dequeue(post.queue, start + i)


class RestartingUcb(BanditAgent):
    """UCB1 with a restart when an item's rewards worsen, after Hartland et al. (2006; the restart of Adapt-EvE).

    The test is that of Page (1954) and Hinkley (1971), one for each item and in one direction: how far its rewards fell
    short of their mean so far, `tolerance` >= 0 allowed each time, and above `threshold` > 0 in all, both in units of
    reward. Nothing is learned from an item that improves unseen. Where rewards have the standard deviation s, a false
    alarm comes about 2 exp(-2 tolerance threshold / s^2) times in (s / tolerance)^2 rewards, if that is well below 1.
    `exploration` >= 0 is that of UCB1. Needs discrete choices and one reward for each decision.
    """

    def __init__(
        self, exploration: float = math.sqrt(2.0), threshold: float = 25.0, tolerance: float = 0.1
    ) -> None:  # fmt: skip
        check_range("RestartingUcb", "exploration", exploration, 0.0, 1e12)
        check_range("RestartingUcb", "threshold", threshold, 1e-9, 1e12)
        check_range("RestartingUcb", "tolerance", tolerance, 0.0, 1e12)
        self.exploration = exploration
        self.threshold = threshold
        self.tolerance = tolerance

    def _forget(self) -> None:
        self.arms = make_arms(self.n_slots)
        self.watch = make_watch(self.n_slots)

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        return choose_ucb(self.arms, items, scores, np.empty(self.n_slots), float(self.exploration), self.rng)

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        settings = (float(self.tolerance), float(self.threshold))
        reward_watched(self.watch, self.arms, slot, item, asked_at, reward, *settings)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        settings = (float(self.exploration), float(self.tolerance), float(self.threshold))
        known = (post, self.arms, self.watch)
        advance_restarting_ucb(start, seen.item, outcome, answers, chosen, *known, *settings, self.rng)
