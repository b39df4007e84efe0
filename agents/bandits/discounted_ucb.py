"""Discounted UCB: rewards count the less, the longer ago they were, so that every item is tried again."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.compiled import compiled
from sandbox.feedback import Answers, dequeue
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import Arms
from ._bandit_agent import BanditAgent
from ._slate import Post, send
from .popularity import reward_popular
from .ucb import choose_ucb


@compiled
def advance_discounted_ucb(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    arms: Arms,
    decay: float,
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
            reward_popular(arms, post.choice[at], post.item[at], post.asked_at[at], post.reward[at], decay)
            at = dequeue(post.queue, start + i)


class DiscountedUcb(BanditAgent):
    """D-UCB: UCB on means and counts that fade, for rewards that drift (Garivier & Moulines 2011, section 2).

    Every reward makes those before it, of all items, count `decay` times as much, in (0, 1]; the paper advises
    1 - sqrt(changes / decisions) / 4 for rewards between 0 and 1. The bonus is exploration * sqrt(ln n / n_j) of faded
    counts; `exploration` >= 0 is the paper's 2 B sqrt(xi). What its proof needs, 1.4 and more for rewards between 0 and
    1, tries every item all the time: half as much regret came of the default, on its own example. Untried items come
    first: one whose reward never comes is shown for ever. Needs discrete choices and one reward for each decision.
    """

    def __init__(self, decay: float = 0.998, exploration: float = 0.5) -> None:
        check_range("DiscountedUcb", "decay", decay, 1e-9, 1.0)
        check_range("DiscountedUcb", "exploration", exploration, 0.0, 1e12)
        self.decay = decay
        self.exploration = exploration

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        return choose_ucb(self.arms, items, scores, np.empty(self.n_slots), float(self.exploration), self.rng)

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        reward_popular(self.arms, slot, item, asked_at, reward, float(self.decay))

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        settings = (float(self.decay), float(self.exploration))
        advance_discounted_ucb(start, seen.item, outcome, answers, chosen, post, self.arms, *settings, self.rng)
