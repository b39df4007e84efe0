"""Gradient bandit: preferences that climb towards more reward."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.errors import SandboxError
from sandbox.feedback import Answers, dequeue
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import GONE, NEW, NOBODY, Held, admit, make_held
from ._bandit_agent import Advance
from ._chances import ChanceAgent, draw
from ._slate import Post, send

_MOST = 1e12  # of a preference, and of its change: beyond it chances are 0 and 1 anyway


class Preferences(NamedTuple):
    """The preference for the item in each slot, and the rewards that they are measured by."""

    held: Held
    value: FloatArray  # (k,)
    seen: FloatArray  # (2,) number of rewards so far, and their mean


def make_preferences(n_slots: int) -> Preferences:
    """Return slots that are liked alike."""
    return Preferences(make_held(n_slots), np.zeros(n_slots), np.zeros(2))


@lean
def chances_by_preference(preferences: Preferences, items: IntArray, chances: FloatArray) -> None:
    """Write the chance of each slot of `items` (k,) into `chances` (k,): the softmax, equation 2.11."""
    top, total = -math.inf, 0.0
    for j in range(items.shape[0]):
        chances[j] = preferences.value[j] if preferences.held.item[j] == items[j] else 0.0
        top = max(top, chances[j])
    for j in range(items.shape[0]):
        chances[j] = math.exp(max(chances[j] - top, -700.0))
        total += chances[j]
    for j in range(items.shape[0]):
        chances[j] /= total


@lean
def baseline_of(seen: FloatArray, reward: float, wanted: bool) -> float:
    """Count a reward; return the mean of those before it, the first one itself at first; 0 if not `wanted`."""
    before = seen[1] if seen[0] > 0.0 else reward
    seen[0] += 1.0
    seen[1] += (reward - seen[1]) / seen[0]
    return before if wanted else 0.0


@lean
def reward_preferences(
    preferences: Preferences,
    slot: int,
    items: IntArray,
    asked_at: int,
    reward: float,
    chances: FloatArray,
    step_size: float,
    wanted: bool,
) -> None:
    """Move the preferences for `items` (k,) after a reward of the slot that was drawn with `chances` (k,).

    Equation 2.12. Of items that are gone nothing is kept, and the reward of one that is gone is not counted.
    """
    held, value = preferences.held, preferences.value
    replaced = held.item[slot] != items[slot] and held.item[slot] != NOBODY
    if replaced and asked_at < held.since[slot]:
        return
    change = step_size * (reward - baseline_of(preferences.seen, reward, wanted))
    change = min(max(change, -_MOST), _MOST)
    for j in range(items.shape[0]):
        news = admit(held, j, items[j], asked_at)
        if news == NEW:
            value[j] = 0.0
        if news != GONE:
            value[j] += change * (1.0 - chances[j]) if j == slot else -change * chances[j]
            value[j] = min(max(value[j], -_MOST), _MOST)


@compiled
def advance_gradient(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    shown: IntArray,
    preferences: Preferences,
    step_size: float,
    wanted: bool,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k).

    `shown` (capacity, k) keeps the items of decisions whose rewards are on their way.
    """
    scores = np.empty(items.shape[1])
    for i in range(items.shape[0]):
        chances_by_preference(preferences, items[i], scores)
        choice, at = draw(scores, rng), (start + i) % shown.shape[0]
        post.context[at], shown[at] = scores, items[i]
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        at = dequeue(post.queue, start + i)
        while at != -1:
            slot, asked_at, reward = post.choice[at], post.asked_at[at], post.reward[at]
            chances = post.context[at]
            reward_preferences(preferences, slot, shown[at], asked_at, reward, chances, step_size, wanted)
            at = dequeue(post.queue, start + i)


class GradientBandit(ChanceAgent):
    """Gradient bandit (Sutton & Barto, 2nd edition, section 2.8, equation 2.12).

    `step_size` in [0, 100]; `baseline`: whether rewards are measured against their mean so far, that of all before, or
    against 0. A late reward moves the preferences by the chances with which its choice was drawn. A new item starts
    with the preference 0. Needs discrete choices and one reward for each decision.
    """

    def __init__(self, step_size: float = 0.1, baseline: bool = True) -> None:
        check_range("GradientBandit", "step_size", step_size, 0.0, 100.0)
        if not isinstance(baseline, bool):
            raise SandboxError(f"GradientBandit: baseline={baseline!r} is neither True nor False")
        self.step_size = step_size
        self.baseline = baseline

    def _forget(self) -> None:
        self.preferences = make_preferences(self.n_slots)

    def _chances(self, items: IntArray, chances: FloatArray) -> None:
        chances_by_preference(self.preferences, items, chances)

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        items, chances = self._items(observation), self._drawn(observation)
        settings = (float(self.step_size), self.baseline)
        reward_preferences(self.preferences, slot, items, asked_at, reward, chances, *settings)

    def fast(self, kind: str, feedback_told: tuple[bool, ...], budget: int | None, delay: int) -> Advance | str:
        """Return what goes through a chunk of slates in compiled code, or a line that says why there is none."""
        self._shown = np.zeros((delay + 1, self.n_slots), dtype=np.int64)
        return super().fast(kind, feedback_told, budget, delay)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        known = (post, self._shown, self.preferences, float(self.step_size), self.baseline)
        advance_gradient(start, seen.item, outcome, answers, chosen, *known, self.rng)
