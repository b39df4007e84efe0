"""What contextual bandits share: a ridge regression for the item in each slot, and how one more reward changes it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox.compiled import compiled, lean
from sandbox.errors import RunError, SandboxError
from sandbox.feedback import dequeue
from sandbox.table import FloatArray, IntArray

from ..bandits._bandit import GONE, NEW, Held, admit, make_held
from ..bandits._bandit_agent import BanditAgent
from ..bandits._slate import Post


class Ridges(NamedTuple):
    """A ridge regression for the item in each slot, on contexts of d numbers."""

    held: Held
    inverse: FloatArray  # (k, d, d) of A = regularization * I + the sum of x x' over the item's contexts
    weights: FloatArray  # (k, d) A^-1 b, with b the sum of reward * x


def make_ridges(n_slots: int, size: int) -> Ridges:
    """Return slots of which nothing is known."""
    return Ridges(make_held(n_slots), np.zeros((n_slots, size, size)), np.zeros((n_slots, size)))


@lean
def width_of(inverse: FloatArray, slot: int, context: FloatArray) -> float:
    """Return x' A^-1 x of a slot's symmetric matrix in `inverse` (k, d, d), from its upper half."""
    total = 0.0
    for a in range(context.shape[0]):
        right = 0.0
        for b in range(a + 1, context.shape[0]):
            right += inverse[slot, a, b] * context[b]
        total += context[a] * (inverse[slot, a, a] * context[a] + 2.0 * right)
    return max(total, 0.0)


@lean
def means_of(ridges: Ridges, items: IntArray, context: FloatArray, scores: FloatArray) -> None:
    """Write theta' x of each slot of `items` (k,) in `context` (d,) into `scores` (k,), 0 for what is not known."""
    for j in range(items.shape[0]):
        scores[j] = 0.0
        if ridges.held.item[j] == items[j]:
            for a in range(context.shape[0]):
                scores[j] += ridges.weights[j, a] * context[a]


@lean
def widths_of(
    ridges: Ridges, items: IntArray, context: FloatArray, widths: FloatArray, regularization: float
) -> None:  # fmt: skip
    """Write sqrt(x' A^-1 x) of each slot of `items` (k,) in `context` (d,) into `widths` (k,)."""
    fresh = 0.0
    for a in range(context.shape[0]):
        fresh += context[a] * context[a]
    fresh /= regularization
    for j in range(items.shape[0]):
        known = ridges.held.item[j] == items[j]
        widths[j] = math.sqrt(width_of(ridges.inverse, j, context) if known else fresh)


@lean
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
    inverse, weights = ridges.inverse, ridges.weights
    size = context.shape[0]
    if news == NEW:
        for a in range(size):
            weights[slot, a] = 0.0
            for b in range(size):
                inverse[slot, a, b] = 1.0 / regularization if a == b else 0.0
    error, scale = reward, 1.0
    for a in range(size):
        moved[a] = 0.0
        for b in range(size):
            moved[a] += inverse[slot, a, b] * context[b]
        error -= weights[slot, a] * context[a]
        scale += moved[a] * context[a]
    for a in range(size):
        weights[slot, a] += moved[a] / scale * error
        for b in range(size):
            inverse[slot, a, b] -= moved[a] * moved[b] / scale


@compiled
def receive_ridge(post: Post, ridges: Ridges, step: int, regularization: float, moved: FloatArray) -> None:
    """Have the regressions learn every reward that comes at the end of `step`; `moved` (d,) is room to work in."""
    at = dequeue(post.queue, step)
    while at != -1:
        context, reward = post.context[at], post.reward[at]
        reward_ridge(ridges, post.choice[at], post.item[at], post.asked_at[at], context, reward, regularization, moved)
        at = dequeue(post.queue, step)


class RidgeAgent(BanditAgent):
    """A bandit with a ridge regression for each item; subclasses say how they choose.

    The context is what observations hold as `context` (d,), or a whole observation of numbers; it has no constant of
    its own. Subclasses have a setting `regularization`.
    """

    regularization: float

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run of which nothing is known."""
        self._in_parts = isinstance(observation_space, spaces.Dict) and "context" in observation_space.spaces
        found = observation_space["context"] if isinstance(observation_space, spaces.Dict) and self._in_parts else None
        space = observation_space if found is None else found
        if not isinstance(space, spaces.Box):
            raise SandboxError(
                f"{type(self).__name__} needs a context: observations that are vectors of numbers, or that hold one as "
                f"'context', not {type(observation_space).__name__}"
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

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        moved, context = np.empty(self._context_size), self._context(observation)
        reward_ridge(self.ridges, slot, item, asked_at, context, reward, float(self.regularization), moved)
