"""LinUCB: an upper confidence bound of what each item earns in this context, by ridge regression."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox.compiled import compiled
from sandbox.errors import RunError, SandboxError
from sandbox.feedback import Answers, dequeue
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ..bandits._bandit import GONE, NEW, Held, admit, best_of, first_best, make_held
from ..bandits._bandit_agent import BanditAgent
from ..bandits._slate import Post, send


class Ridges(NamedTuple):
    """A ridge regression for the item in each slot, on contexts of d numbers."""

    held: Held
    inverse: FloatArray  # (k, d, d) of A = regularization * I + the sum of x x' over the item's contexts
    weights: FloatArray  # (k, d) A^-1 b, with b the sum of reward * x


def make_ridges(n_slots: int, size: int) -> Ridges:
    """Return slots of which nothing is known."""
    return Ridges(make_held(n_slots), np.zeros((n_slots, size, size)), np.zeros((n_slots, size)))


@compiled
def width_of(inverse: FloatArray, context: FloatArray) -> float:
    """Return x' A^-1 x of a symmetric `inverse` (d, d), from its upper half."""
    total = 0.0
    for a in range(context.shape[0]):
        right = 0.0
        for b in range(a + 1, context.shape[0]):
            right += inverse[a, b] * context[b]
        total += context[a] * (inverse[a, a] * context[a] + 2.0 * right)
    return max(total, 0.0)


@compiled
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
    fresh = 0.0
    for a in range(context.shape[0]):
        fresh += context[a] * context[a]
    fresh /= regularization
    for j in range(items.shape[0]):
        scores[j], width = 0.0, fresh
        if ridges.held.item[j] == items[j]:
            for a in range(context.shape[0]):
                scores[j] += ridges.weights[j, a] * context[a]
            width = width_of(ridges.inverse[j], context)
        index[j] = scores[j] + exploration * math.sqrt(width)
    choice = best_of(index, rng)
    return choice, first_best(scores, choice) != choice


@compiled
def reward_ridge(
    ridges: Ridges,
    slot: int,
    item: int,
    asked_at: int,
    context: FloatArray,
    reward: float,
    regularization: float,
    moved: FloatArray,
) -> None:
    """Add a reward in `context` (d,) to the item's regression, unless it is gone; `moved` (d,) is room to work in.

    A^-1 changes by Sherman & Morrison (1950), theta by the same vector (recursive least squares).
    """
    news = admit(ridges.held, slot, item, asked_at)
    if news == GONE:
        return
    inverse, weights = ridges.inverse[slot], ridges.weights[slot]
    size = context.shape[0]
    if news == NEW:
        for a in range(size):
            weights[a] = 0.0
            for b in range(size):
                inverse[a, b] = 1.0 / regularization if a == b else 0.0
    error, scale = reward, 1.0
    for a in range(size):
        moved[a] = 0.0
        for b in range(size):
            moved[a] += inverse[a, b] * context[b]
        error -= weights[a] * context[a]
        scale += moved[a] * context[a]
    for a in range(size):
        weights[a] += moved[a] / scale * error
        for b in range(size):
            inverse[a, b] -= moved[a] * moved[b] / scale


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
        at = dequeue(post.queue, start + i)
        while at != -1:
            context, reward = post.context[at], post.reward[at]
            reward_ridge(
                ridges, post.choice[at], post.item[at], post.asked_at[at], context, reward, regularization, moved
            )
            at = dequeue(post.queue, start + i)


class Linucb(BanditAgent):
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

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run of which nothing is known."""
        self._in_parts = isinstance(observation_space, spaces.Dict) and "context" in observation_space.spaces
        found = observation_space["context"] if isinstance(observation_space, spaces.Dict) and self._in_parts else None
        space = observation_space if found is None else found
        if not isinstance(space, spaces.Box):
            raise SandboxError(
                "Linucb needs a context: observations that are vectors of numbers, or that hold one as 'context', "
                f"not {type(observation_space).__name__}"
            )
        self._context_size = math.prod(space.shape)
        super().begin(observation_space, choice_space, rng)

    def _forget(self) -> None:
        self.ridges = make_ridges(self.n_slots, self._context_size)

    def _context(self, observation: Any) -> FloatArray:
        """Return the context (d,)."""
        given = observation["context"] if self._in_parts else observation
        context = np.ascontiguousarray(given, dtype=np.float64).reshape(-1)
        if context.shape != (self._context_size,):
            raise RunError(f"the context has {context.size} numbers, and {self._context_size} were announced")
        return context

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        settings = (float(self.exploration), float(self.regularization))
        index = np.empty(self.n_slots)
        return choose_linucb(self.ridges, items, self._context(observation), scores, index, *settings, self.rng)

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        moved = np.empty(self._context_size)
        context = self._context(observation)
        reward_ridge(self.ridges, slot, item, asked_at, context, reward, float(self.regularization), moved)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        given = (seen.item, seen.context, outcome, answers, chosen)
        settings = (float(self.exploration), float(self.regularization))
        advance_linucb(start, *given, post, self.ridges, *settings, self.rng)
