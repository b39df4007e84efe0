"""Ridge greedy: the item that ridge regression expects most of in this context, and now and then any."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.feedback import Answers
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ..bandits._bandit import best_of
from ..bandits._slate import Post, send
from ._ridge import RidgeAgent, Ridges, means_of, receive_ridge


@lean
def choose_ridge_greedy(
    ridges: Ridges,
    items: IntArray,
    context: FloatArray,
    scores: FloatArray,
    epsilon: float,
    rng: np.random.Generator,
) -> tuple[int, bool]:
    """Return a slot of `items` (k,) for `context` (d,) and whether it explored; `scores` (k,) becomes the means."""
    means_of(ridges, items, context, scores)
    if rng.random() < epsilon:
        return int(rng.random() * items.shape[0]), True
    return best_of(scores, rng), False


@compiled
def advance_ridge_greedy(
    start: int,
    items: IntArray,
    contexts: FloatArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    ridges: Ridges,
    epsilon: float,
    regularization: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k) in `contexts` (n, d), whose choices would earn `outcome` (n, k)."""
    scores, moved = np.empty(items.shape[1]), np.empty(contexts.shape[1])
    for i in range(items.shape[0]):
        choice, _ = choose_ridge_greedy(ridges, items[i], contexts[i], scores, epsilon, rng)
        post.context[(start + i) % post.context.shape[0]] = contexts[i]
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        receive_ridge(post, ridges, start + i, regularization, moved)


class RidgeGreedy(RidgeAgent):
    """Epsilon-greedy choice on a ridge regression for each item (Hoerl & Kennard 1970; Langford & Zhang 2007).

    `epsilon` in [0, 1] is the share of random choices: at 0 it explores no more than the spread of contexts makes it,
    which can be enough (Bastani, Bayati & Khosravi 2021). `regularization` > 0 is the ridge. The context is what
    observations hold as `context` (d,), or a whole observation of numbers; it has no constant of its own. Needs
    discrete choices and one reward for each decision.
    """

    def __init__(self, epsilon: float = 0.1, regularization: float = 1.0) -> None:
        check_range("RidgeGreedy", "epsilon", epsilon, 0.0, 1.0)
        check_range("RidgeGreedy", "regularization", regularization, 1e-9, 1e12)
        self.epsilon = epsilon
        self.regularization = regularization

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        context = self._context(observation)
        return choose_ridge_greedy(self.ridges, items, context, scores, float(self.epsilon), self.rng)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        given = (seen.item, seen.context, outcome, answers, chosen)
        settings = (float(self.epsilon), float(self.regularization))
        advance_ridge_greedy(start, *given, post, self.ridges, *settings, self.rng)
