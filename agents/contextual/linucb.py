"""LinUCB: an upper confidence bound of what each item earns in this context, by ridge regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.feedback import Answers
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ..bandits._bandit import best_of, first_best
from ..bandits._slate import Post, send
from ._ridge import RidgeAgent, Ridges, means_of, receive_ridge, widths_of


@lean
def choose_linucb(
    ridges: Ridges,
    items: IntArray,
    context: FloatArray,
    scores: FloatArray,
    index: FloatArray,
    exploration: float,
    regularization: float,
    rng: np.random.Generator,
) -> tuple[int, bool]:
    """Return a slot of `items` (k,) with the largest bound in `context` (d,), and whether another has a larger mean.

    `scores` (k,) becomes the means theta' x, `index` (k,) the bounds theta' x + exploration * sqrt(x' A^-1 x).
    """
    means_of(ridges, items, context, scores)
    widths_of(ridges, items, context, index, regularization)
    for j in range(items.shape[0]):
        index[j] = scores[j] + exploration * index[j]
    choice = best_of(index, rng)
    return choice, first_best(scores, choice) != choice


@compiled
def advance_linucb(
    start: int,
    items: IntArray,
    contexts: FloatArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    ridges: Ridges,
    exploration: float,
    regularization: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k) in `contexts` (n, d), whose choices would earn `outcome` (n, k)."""
    scores, index, moved = np.empty(items.shape[1]), np.empty(items.shape[1]), np.empty(contexts.shape[1])
    for i in range(items.shape[0]):
        choice, _ = choose_linucb(ridges, items[i], contexts[i], scores, index, exploration, regularization, rng)
        post.context[(start + i) % post.context.shape[0]] = contexts[i]
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        receive_ridge(post, ridges, start + i, regularization, moved)


class Linucb(RidgeAgent):
    """Disjoint LinUCB (Li, Chu, Langford & Schapire 2010, Algorithm 1): a ridge regression for each item.

    `exploration` >= 0 is the paper's alpha; `regularization` > 0 the ridge, 1 in the paper. The context is what
    observations hold as `context` (d,), or a whole observation of numbers; it has no constant of its own. Needs
    discrete choices and one reward for each decision.
    """

    def __init__(self, exploration: float = 1.0, regularization: float = 1.0) -> None:
        check_range("Linucb", "exploration", exploration, 0.0, 1e12)
        check_range("Linucb", "regularization", regularization, 1e-9, 1e12)
        self.exploration = exploration
        self.regularization = regularization

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        settings = (float(self.exploration), float(self.regularization))
        index = np.empty(self.n_slots)
        return choose_linucb(self.ridges, items, self._context(observation), scores, index, *settings, self.rng)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        given = (seen.item, seen.context, outcome, answers, chosen)
        settings = (float(self.exploration), float(self.regularization))
        advance_linucb(start, *given, post, self.ridges, *settings, self.rng)
