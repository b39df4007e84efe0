"""Popularity: what everybody liked best, ever or lately."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.feedback import Answers, dequeue
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import SAMPLE_AVERAGE, Arms, admit_arm, best_of, fade, move_arm
from ._bandit_agent import BanditAgent
from ._slate import Post, send


@lean
def choose_popular(
    arms: Arms,
    items: IntArray,
    scores: FloatArray,
    initial_value: float,
    prior_weight: float,
    rng: np.random.Generator,
) -> int:
    """Return a slot of `items` (k,) with the best mean; `scores` (k,) becomes the means, imagined rewards included."""
    for j in range(items.shape[0]):
        count = arms.tries[j] if arms.held.item[j] == items[j] else 0.0
        scores[j] = (prior_weight * initial_value + count * arms.value[j]) / (prior_weight + count)
    return best_of(scores, rng)


@lean
def reward_popular(arms: Arms, slot: int, item: int, asked_at: int, reward: float, decay: float) -> None:
    """Let what was known of every slot fade by the factor `decay`, and count one more reward."""
    if admit_arm(arms, slot, item, asked_at, 0.0):
        fade(arms.tries, decay)
        move_arm(arms, slot, reward, SAMPLE_AVERAGE)


@compiled
def advance_popularity(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    arms: Arms,
    decay: float,
    initial_value: float,
    prior_weight: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k)."""
    scores = np.empty(items.shape[1])
    for i in range(items.shape[0]):
        choice = choose_popular(arms, items[i], scores, initial_value, prior_weight, rng)
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        at = dequeue(post.queue, start + i)
        while at != -1:
            reward_popular(arms, post.choice[at], post.item[at], post.asked_at[at], post.reward[at], decay)
            at = dequeue(post.queue, start + i)


class Popularity(BanditAgent):
    """The item with the best mean reward, of all time (`decay` 1) or lately; it never explores on purpose.

    Every reward makes those before it count `decay` times as much, in (0, 1]. Each item starts as if it had earned
    `initial_value` `prior_weight` > 0 times: above what others earn, that has new items tried (Sutton & Barto, 2nd
    edition, section 2.6). Needs discrete choices and one reward for each decision.
    """

    def __init__(self, decay: float = 1.0, initial_value: float = 1.0, prior_weight: float = 1.0) -> None:
        check_range("Popularity", "decay", decay, 1e-9, 1.0)
        check_range("Popularity", "initial_value", initial_value, -1e12, 1e12)
        check_range("Popularity", "prior_weight", prior_weight, 1e-9, 1e9)
        self.decay = decay
        self.initial_value = initial_value
        self.prior_weight = prior_weight

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        prior = (float(self.initial_value), float(self.prior_weight))
        return choose_popular(self.arms, items, scores, *prior, self.rng), False

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        reward_popular(self.arms, slot, item, asked_at, reward, float(self.decay))

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        settings = (float(self.decay), float(self.initial_value), float(self.prior_weight))
        advance_popularity(start, seen.item, outcome, answers, chosen, post, self.arms, *settings, self.rng)
