"""UCB: the item that may be best, as far as its rewards so far can tell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.feedback import Answers
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import SAMPLE_AVERAGE, Arms, best_of, first_best
from ._bandit_agent import BanditAgent
from ._slate import Post, receive, send


@lean
def choose_ucb(
    arms: Arms, items: IntArray, scores: FloatArray, index: FloatArray, exploration: float, rng: np.random.Generator
) -> tuple[int, bool]:
    """Return a slot of `items` (k,) with the largest index, and whether another has a larger mean.

    `scores` (k,) becomes the means, 0 for untried items; `index` (k,) mean + exploration * sqrt(ln n / n_j), infinite
    for untried items, where n counts the rewards of all items that are shown now.
    """
    held, tries, value = arms
    item, total = held.item, 0.0
    for j in range(items.shape[0]):
        tried = item[j] == items[j]
        scores[j] = value[j] if tried else 0.0
        index[j] = tries[j] if tried else 0.0
        total += index[j]
    log_total = math.log(max(total, 1.0))
    for j in range(items.shape[0]):
        index[j] = scores[j] + exploration * math.sqrt(log_total / index[j]) if index[j] > 0.0 else math.inf
    choice = best_of(index, rng)
    return choice, first_best(scores, choice) != choice


@compiled
def advance_ucb(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    arms: Arms,
    exploration: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k)."""
    scores, index = np.empty(items.shape[1]), np.empty(items.shape[1])
    for i in range(items.shape[0]):
        choice, _ = choose_ucb(arms, items[i], scores, index, exploration, rng)
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        receive(post, arms, start + i, SAMPLE_AVERAGE, 0.0)


class Ucb(BanditAgent):
    """UCB1: the largest upper confidence bound of the mean reward (Auer, Cesa-Bianchi & Fischer 2002, figure 1).

    `exploration` >= 0 is the bonus coefficient: the square root of 2, the default, is the paper's, for rewards between
    0 and 1. Untried items come first: one whose reward never comes is shown for ever. Needs discrete choices and one
    reward for each decision.
    """

    def __init__(self, exploration: float = math.sqrt(2.0)) -> None:
        check_range("Ucb", "exploration", exploration, 0.0, 1e12)
        self.exploration = exploration

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        return choose_ucb(self.arms, items, scores, np.empty(self.n_slots), float(self.exploration), self.rng)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        advance_ucb(
            start, seen.item, outcome, answers, chosen, post, self.arms, float(self.exploration), self.rng
        )  # fmt: skip
