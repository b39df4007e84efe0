"""LinTS: an item is chosen as often as it is likely to be the best in this context, by ridge regression."""

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
def choose_lin_ts(
    ridges: Ridges,
    items: IntArray,
    context: FloatArray,
    scores: FloatArray,
    index: FloatArray,
    exploration: float,
    regularization: float,
    rng: np.random.Generator,
) -> tuple[int, bool]:
    """Return a slot of `items` (k,) with the largest draw in `context` (d,), and whether another has a larger mean.

    `scores` (k,) becomes the means theta' x, `index` (k,) draws of what they may be. Weights drawn from
    N(theta, exploration^2 A^-1) enter by their product with x alone, which is normal with the standard deviation
    exploration * sqrt(x' A^-1 x): so that is what is drawn.
    """
    means_of(ridges, items, context, scores)
    widths_of(ridges, items, context, index, regularization)
    for j in range(items.shape[0]):
        index[j] = scores[j] + exploration * index[j] * rng.standard_normal()
    choice = best_of(index, rng)
    return choice, first_best(scores, choice) != choice


@compiled
def advance_lin_ts(
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
        choice, _ = choose_lin_ts(ridges, items[i], contexts[i], scores, index, exploration, regularization, rng)
        post.context[(start + i) % post.context.shape[0]] = contexts[i]
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        receive_ridge(post, ridges, start + i, regularization, moved)


class LinTs(RidgeAgent):
    """Linear Thompson sampling (Agrawal & Goyal 2013, Algorithm 1), with a ridge regression for each item.

    `exploration` >= 0 is the paper's v, the scale of the posterior: for rewards of known noise its standard deviation;
    what the paper's proof needs is larger, and learns more slowly. `regularization` > 0 is the ridge, 1 in the paper.
    The context is what observations hold as `context` (d,), or a whole observation of numbers; it has no constant of
    its own. Needs discrete choices and one reward for each decision.
    """

    def __init__(self, exploration: float = 0.5, regularization: float = 1.0) -> None:
        check_range("LinTs", "exploration", exploration, 0.0, 1e12)
        check_range("LinTs", "regularization", regularization, 1e-9, 1e12)
        self.exploration = exploration
        self.regularization = regularization

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        settings = (float(self.exploration), float(self.regularization))
        index = np.empty(self.n_slots)
        return choose_lin_ts(self.ridges, items, self._context(observation), scores, index, *settings, self.rng)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        given = (seen.item, seen.context, outcome, answers, chosen)
        settings = (float(self.exploration), float(self.regularization))
        advance_lin_ts(start, *given, post, self.ridges, *settings, self.rng)
