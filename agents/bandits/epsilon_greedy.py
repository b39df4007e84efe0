"""Epsilon-greedy: mostly the item that earned most so far, now and then any."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.feedback import Answers
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import SAMPLE_AVERAGE, Arms, best_of
from ._bandit_agent import BanditAgent
from ._slate import Post, receive, send


@lean
def choose_epsilon_greedy(
    arms: Arms, items: IntArray, scores: FloatArray, epsilon: float, initial_value: float, rng: np.random.Generator
) -> tuple[int, bool]:
    """Return a slot of `items` (k,) and whether it explored; `scores` (k,) becomes the values."""
    held, _, value = arms
    item = held.item
    for j in range(items.shape[0]):
        scores[j] = value[j] if item[j] == items[j] else initial_value
    if rng.random() < epsilon:
        return int(rng.random() * items.shape[0]), True
    return best_of(scores, rng), False


@compiled
def advance_epsilon_greedy(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    arms: Arms,
    epsilon: float,
    step_size: float,
    initial_value: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k)."""
    scores = np.empty(items.shape[1])
    for i in range(items.shape[0]):
        choice, _ = choose_epsilon_greedy(arms, items[i], scores, epsilon, initial_value, rng)
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        receive(post, arms, start + i, step_size, initial_value)


class EpsilonGreedy(BanditAgent):
    """Epsilon-greedy choice of the item with the best mean reward (Sutton & Barto, 2nd edition, sections 2.4-2.6).

    `epsilon` (share of random choices) in [0, 1]; `step_size` in [0, 1], None for the plain mean of an item's rewards;
    `initial_value` of every item. Needs discrete choices and one reward for each decision.
    """

    def __init__(self, epsilon: float = 0.1, step_size: float | None = None, initial_value: float = 0.0) -> None:
        check_range("EpsilonGreedy", "epsilon", epsilon, 0.0, 1.0)
        if step_size is not None:
            check_range("EpsilonGreedy", "step_size", step_size, 0.0, 1.0)
        check_range("EpsilonGreedy", "initial_value", initial_value, -1e12, 1e12)
        self.epsilon = epsilon
        self.step_size = step_size
        self.initial_value = initial_value
        self._step_size = SAMPLE_AVERAGE if step_size is None else float(step_size)
        self._initial_value = float(initial_value)

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        return choose_epsilon_greedy(self.arms, items, scores, float(self.epsilon), self._initial_value, self.rng)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        settings = (float(self.epsilon), self._step_size, self._initial_value)
        advance_epsilon_greedy(start, seen.item, outcome, answers, chosen, post, self.arms, *settings, self.rng)
