"""Logistic regression, learned by stochastic gradient descent: a probability from words and dense features."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.errors import SandboxError
from sandbox.feedback import NEVER, Answers, dequeue, enqueue, told_label
from sandbox.interfaces import Chosen, Decision, Experience, Messages, check_range
from sandbox.table import FloatArray, IntArray

from ._features import NO_NUMBERS, NO_VALUES, Features, Read, grown, labels_of, rewards_of
from ._messages import Choosing, Waiting, answered_at, asks, check_choosing, choose, keep, messages_by
from ._questions import Advance, advance_by, questions_loop, why_open

_SURE = 30.0  # log-odds beyond which a probability is 0 or 1, as in River
_FLAT = 18.0  # margin beyond which the slope is taken from its limit, as in River


class Weights(NamedTuple):
    """What is learned."""

    words: FloatArray  # (words,) weight of each
    numbers: FloatArray  # (dense features,) weight of each
    intercept: FloatArray  # (1,)
    last: IntArray  # (words,) the update that last met each word
    updates: IntArray  # (1,) how many there were


class Steps(NamedTuple):
    """How it is learned."""

    step_size: float
    intercept_step_size: float
    regularization: float


@compiled
def log_odds(weights: Weights, words: NDArray[np.int32], numbers: IntArray, values: FloatArray) -> float:
    """Return the log-odds of label 1; what has no place counts nothing."""
    total, of_word = 0.0, weights.words
    for k in range(words.shape[0]):
        if words[k] >= 0:
            total += of_word[words[k]]
    for k in range(numbers.shape[0]):
        if numbers[k] >= 0:
            total += weights.numbers[numbers[k]] * values[k]
    return total + float(weights.intercept[0])


@compiled
def logistic_choice(odds: float, choosing: Choosing, scores: FloatArray) -> int:
    """Return a choice by the log-odds, and leave the probabilities of the two labels in `scores` (2,)."""
    if odds < -_SURE:
        scores[1] = 0.0
    elif odds > _SURE:
        scores[1] = 1.0
    else:
        scores[1] = 1.0 / (1.0 + math.exp(-odds))
    scores[0] = 1.0 - scores[1]
    return choose(scores, choosing.rewards, choosing.threshold)


@compiled
def logistic_update(
    weights: Weights,
    words: NDArray[np.int32],
    numbers: IntArray,
    values: FloatArray,
    odds: float,
    label: int,
    steps: Steps,
) -> None:
    """Move `weights` in place down the slope of the log loss, given the question's log-odds under them.

    Bishop (2006), section 4.3.2, equation 4.91, one question at a time. Only the weights of what it holds shrink.
    """
    margin = odds if label == 1 else -odds
    if margin > _FLAT:
        slope = math.exp(-margin)
    elif margin < -_FLAT:
        slope = 1.0
    else:
        slope = 1.0 / (math.exp(margin) + 1.0)
    if label == 1:
        slope = -slope
    weights.intercept[0] -= steps.intercept_step_size * slope
    weights.updates[0] += 1
    if steps.regularization > 0.0:
        shrink = 1.0 - steps.step_size * steps.regularization
        for k in range(words.shape[0]):
            if weights.last[words[k]] != weights.updates[0]:  # once, however often the word occurs
                weights.last[words[k]] = weights.updates[0]
                weights.words[words[k]] *= shrink
        for k in range(numbers.shape[0]):
            weights.numbers[numbers[k]] *= shrink
    down, of_word = steps.step_size * slope, weights.words
    for k in range(words.shape[0]):
        of_word[words[k]] -= down
    for k in range(numbers.shape[0]):
        weights.numbers[numbers[k]] -= down * values[k]


@compiled
def logistic_decide(
    weights: Weights,
    words: NDArray[np.int32],
    numbers: IntArray,
    values: FloatArray,
    steps: Steps,
    choosing: Choosing,
    scores: FloatArray,
) -> tuple[int, float]:
    """Return a choice and the log-odds, and leave the probabilities of the two labels in `scores` (2,)."""
    odds = log_odds(weights, words, numbers, values)
    return logistic_choice(odds, choosing, scores), odds


@compiled
def logistic_score(
    weights: Weights, words: NDArray[np.int32], numbers: IntArray, values: FloatArray, steps: Steps
) -> float:
    """Return the log-odds of label 1."""
    return log_odds(weights, words, numbers, values)


@compiled
def logistic_messages(
    start: int,
    seen: Messages,
    truth: IntArray,
    answers: Answers,
    waiting: Waiting,
    weights: Weights,
    steps: Steps,
    choosing: Choosing,
    chosen: Chosen,
) -> None:
    """Go through a chunk of messages, from step `start` on."""
    scores, at_once = np.empty(2), waiting.ring.length.shape[0] == 1
    telling, ring, queue = waiting
    for i in range(truth.shape[0]):
        step, words = start + i, seen.words[i, : seen.length[i]]
        odds = log_odds(weights, words, NO_NUMBERS, NO_VALUES)
        choice = logistic_choice(odds, choosing, scores)
        due = answered_at(answers.due[i], choice, scores[choice], choosing.ask_below, telling)
        chosen.choice[i] = chosen.greedy[i] = choice
        chosen.confidence[i], chosen.likelihood[i], chosen.answered_at[i] = scores[choice], scores[truth[i]], due
        if due != NEVER:
            label = told_label(truth[i], answers.wrong[i], answers.shift[i], 2)
            if at_once:
                logistic_update(weights, words, NO_NUMBERS, NO_VALUES, odds, label, steps)
            else:
                keep(ring, step % ring.length.shape[0], words, label)
                enqueue(queue, step, due)
        slot = -1 if at_once else dequeue(queue, step)
        while slot != -1:
            words = ring.words[slot, : ring.length[slot]]
            odds = log_odds(weights, words, NO_NUMBERS, NO_VALUES)
            logistic_update(weights, words, NO_NUMBERS, NO_VALUES, odds, ring.label[slot], steps)
            slot = dequeue(queue, step)


def fresh_weights(features: Features) -> Weights:
    """Return weights of 0, of all that has a place."""
    words, numbers = features.n_words, features.n_numbers
    last, updates = np.zeros(words, dtype=np.int64), np.zeros(1, dtype=np.int64)
    return Weights(np.zeros(words), np.zeros(numbers), np.zeros(1), last, updates)


def admitted(weights: Weights, features: Features) -> Weights:
    """Return `weights` with room for all that has a place by now."""
    if features.n_words <= len(weights.words) and features.n_numbers <= len(weights.numbers):
        return weights
    return weights._replace(
        words=grown(weights.words, features.n_words),
        numbers=grown(weights.numbers, features.n_numbers),
        last=grown(weights.last, features.n_words),
    )


class Logistic:
    """Logistic regression on words and dense features: River's `LogisticRegression(SGD(step_size), l2)`.

    `step_size` in [0, 1000], `intercept_step_size` (None: the same), `regularization` (L2) with step_size ·
    regularization <= 1. It chooses what earns most by its probabilities and the rewards that the world declares; with
    a `threshold`, label 1 from that probability on. `ask_below`: confidence below which it asks for the answer, where
    answers are asked for; 1: always. Needs two labels.
    """

    def __init__(
        self,
        step_size: float = 0.1,
        regularization: float = 0.0,
        threshold: float | None = None,
        ask_below: float = 1.0,
        intercept_step_size: float | None = None,
    ) -> None:
        self.step_size, self.regularization, self.threshold = step_size, regularization, threshold
        self.ask_below, self.intercept_step_size = ask_below, intercept_step_size

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with weights of 0."""
        labels = labels_of("logistic", choice_space)
        if int(labels.n) != 2:
            raise SandboxError(f"logistic knows two labels, and this world has {labels.n}; try naive-bayes")
        self._features = Features("logistic", observation_space)
        check_choosing("logistic", 2, self.threshold, self.ask_below)
        check_range("logistic", "step_size", self.step_size, 0.0, 1000.0)
        check_range("logistic", "regularization", self.regularization, 0.0, 1000.0)
        check_range("logistic", "step_size · regularization", self.step_size * self.regularization, 0.0, 1.0)
        own = self.step_size if self.intercept_step_size is None else self.intercept_step_size
        check_range("logistic", "intercept_step_size", own, 0.0, 1000.0)
        self._steps = Steps(float(self.step_size), float(own), float(self.regularization))
        threshold = math.nan if self.threshold is None else float(self.threshold)
        self._choosing = Choosing(rewards_of(labels), threshold, float(self.ask_below))
        self.weights = fresh_weights(self._features)
        self._scores = np.empty(2)

    def act(self, observation: Any) -> Decision:
        """Choose by the probability of label 1; before anything was learned it is one half."""
        odds = log_odds(self.weights, *self._features.read(observation))
        choice = logistic_choice(odds, self._choosing, self._scores)
        scores = self._scores.tolist()
        return Decision(choice, scores[choice], False, scores, asks(scores[choice], self.ask_below))

    def learn(self, experience: Experience) -> None:
        """Learn the label that was told."""
        if experience.truth is not None:
            read = self._admit(experience.observation)
            odds = log_odds(self.weights, *read)
            logistic_update(self.weights, *read, odds, int(experience.truth), self._steps)

    def _admit(self, observation: Any) -> Read:
        read = self._features.read(observation, learning=True)
        self.weights = admitted(self.weights, self._features)
        return read

    def fast(self, kind: str, feedback_told: tuple[bool, ...], budget: int | None, delay: int) -> Advance | str:
        """Return what goes through a chunk of questions in compiled code, or why there is nothing."""
        if type(self) is not Logistic:
            return f"{type(self).__name__} is a subclass with rules of its own"
        why = why_open("logistic", kind, self._features)
        if why or kind == "numbers":
            go = questions_loop(logistic_decide, logistic_score, logistic_update)
            held = (feedback_told, budget, delay, lambda: (self.weights, self._steps, self._choosing))
            return why or advance_by(go, *held)

        def through(
            start: int, seen: Messages, truth: IntArray, answers: Answers, waiting: Waiting, chosen: Chosen
        ) -> None:
            logistic_messages(start, seen, truth, answers, waiting, self.weights, self._steps, self._choosing, chosen)

        return messages_by(through, (feedback_told, budget, delay))
