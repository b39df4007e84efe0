"""The perceptron: it learns from mistakes alone or, with a margin, from what was nearly one too."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.errors import SandboxError
from sandbox.interfaces import Decision, Experience, check_range
from sandbox.table import FloatArray, IntArray

from ._features import Features, labels_of, rewards_of
from ._messages import Choosing, asks, check_choosing
from ._questions import Advance, advance_by, questions_loop, why_open
from .logistic import Weights, admitted, fresh_weights, log_odds, logistic_choice


class Margins(NamedTuple):
    """How it is learned."""

    step_size: float
    margin: float


@compiled
def perceptron_score(
    weights: Weights, words: NDArray[np.int32], numbers: IntArray, values: FloatArray, margins: Margins
) -> float:
    """Return the weighted sum: above 0 for label 1."""
    return log_odds(weights, words, numbers, values)


@compiled
def perceptron_decide(
    weights: Weights,
    words: NDArray[np.int32],
    numbers: IntArray,
    values: FloatArray,
    margins: Margins,
    choosing: Choosing,
    scores: FloatArray,
) -> tuple[int, float]:
    """Return a choice and the weighted sum; leave that, squashed to (0, 1), in `scores` (2,) as if it were log-odds."""
    total = log_odds(weights, words, numbers, values)
    return logistic_choice(total, choosing, scores), total


@compiled
def perceptron_update(
    weights: Weights,
    words: NDArray[np.int32],
    numbers: IntArray,
    values: FloatArray,
    score: float,
    label: int,
    margins: Margins,
) -> None:
    """Add the question to `weights`, in place, or take it from them, unless `score` is on its side by the margin.

    Rosenblatt (1958) with margin 0; Krauth & Mézard (1987), "Learning algorithms with optimal stability", above it.
    """
    if (score if label == 1 else -score) > margins.margin:
        return
    weights.updates[0] += 1
    up = margins.step_size if label == 1 else -margins.step_size
    weights.intercept[0] += up
    for k in range(words.shape[0]):
        weights.words[words[k]] += up
    for k in range(numbers.shape[0]):
        weights.numbers[numbers[k]] += up * values[k]


class Perceptron:
    """A perceptron on words and dense features; with a margin, also on what it got right only just.

    `step_size` in [0, 1000]: by how much a question moves the weights. `margin` in [0, 1000000]: it learns unless the
    weighted sum is on the right side of 0 by more; 0: Rosenblatt's perceptron; above: the perceptron with margins,
    which Sculley (2007) found to stand one-sided feedback better. It chooses what earns most, as `logistic` does, with
    the sum taken for log-odds, which it is not; with a `threshold`, label 1 from that squashed sum on, 0.5 for a sum of
    0. `ask_below`: confidence below which it asks for the answer, where answers are asked for. Needs two labels.
    """

    def __init__(
        self, step_size: float = 0.1, margin: float = 1.0, threshold: float | None = None, ask_below: float = 1.0
    ) -> None:
        self.step_size, self.margin, self.threshold, self.ask_below = step_size, margin, threshold, ask_below

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with weights of 0."""
        labels = labels_of("perceptron", choice_space)
        if int(labels.n) != 2:
            raise SandboxError(f"perceptron knows two labels, and this world has {labels.n}; try naive-bayes")
        self._features = Features("perceptron", observation_space)
        check_choosing("perceptron", 2, self.threshold, self.ask_below)
        check_range("perceptron", "step_size", self.step_size, 0.0, 1000.0)
        check_range("perceptron", "margin", self.margin, 0.0, 1e6)
        self._margins = Margins(float(self.step_size), float(self.margin))
        threshold = math.nan if self.threshold is None else float(self.threshold)
        self._choosing = Choosing(rewards_of(labels), threshold, float(self.ask_below))
        self.weights = fresh_weights(self._features)
        self._scores = np.empty(2)

    def act(self, observation: Any) -> Decision:
        """Choose by the weighted sum."""
        read = self._features.read(observation)
        choice, _ = perceptron_decide(self.weights, *read, self._margins, self._choosing, self._scores)
        scores = self._scores.tolist()
        return Decision(choice, scores[choice], False, scores, asks(scores[choice], self.ask_below))

    def learn(self, experience: Experience) -> None:
        """Learn the label that was told, if it was a mistake or nearly one."""
        if experience.truth is not None:
            read = self._features.read(experience.observation, learning=True)
            self.weights = admitted(self.weights, self._features)
            score = perceptron_score(self.weights, *read, self._margins)
            perceptron_update(self.weights, *read, score, int(experience.truth), self._margins)

    def fast(self, kind: str, feedback_told: tuple[bool, ...], budget: int | None, delay: int) -> Advance | str:
        """Return what goes through a chunk of questions in compiled code, or why there is nothing."""
        if type(self) is not Perceptron:
            return f"{type(self).__name__} is a subclass with rules of its own"
        go = questions_loop(perceptron_decide, perceptron_score, perceptron_update)
        why = why_open("perceptron", kind, self._features)
        held = (feedback_told, budget, delay, lambda: (self.weights, self._margins, self._choosing))
        return why or advance_by(go, *held)
