"""Naive Bayes: the label's probability from words (multinomial) and dense features (Gaussian), each taken alone."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.feedback import NEVER, Answers, dequeue, enqueue, told_label
from sandbox.interfaces import Chosen, Decision, Experience, Messages, check_range
from sandbox.table import FloatArray, IntArray

from ._features import NO_NUMBERS, NO_VALUES, Features, Read, grown, labels_of, rewards_of
from ._messages import Choosing, Waiting, answered_at, asks, check_choosing, choose, keep, messages_by
from ._questions import Advance, advance_by, questions_loop, why_open

_LEAST = 1e-9  # added to every density, as in River
_ROOT_TAU = math.sqrt(2.0 * math.pi)


class Counts(NamedTuple):
    """What is learned."""

    labels: FloatArray  # (labels,) questions of each
    words: FloatArray  # (words, labels) occurrences
    logs: FloatArray  # (words, labels) log(words + smoothing)
    totals: FloatArray  # (labels,) occurrences of all words
    terms: FloatArray  # (1,) words that occurred
    n: FloatArray  # (dense features, labels) values
    mean: FloatArray  # (dense features, labels) of them
    spread: FloatArray  # (dense features, labels) sum of their squared distances from the mean


@compiled
def add_words(counts: Counts, words: NDArray[np.int32], smoothing: float, scores: FloatArray) -> None:
    """Add log P(words | label) to `scores` (labels,): Manning, Raghavan & Schütze (2008), section 13.2.

    Until a word was learned, words tell nothing.
    """
    if counts.terms[0] == 0.0:
        return
    unknown = math.log(smoothing)
    for k in range(words.shape[0]):
        for label in range(scores.shape[0]):
            scores[label] += counts.logs[words[k], label] if words[k] >= 0 else unknown
    for label in range(scores.shape[0]):
        scores[label] -= words.shape[0] * math.log(counts.totals[label] + smoothing * counts.terms[0])


@compiled
def add_numbers(counts: Counts, numbers: IntArray, values: FloatArray, scores: FloatArray) -> None:
    """Add the log density of every value under each label to `scores` (labels,); 0 until it was seen to vary."""
    for k in range(numbers.shape[0]):
        for label in range(scores.shape[0]):
            density, at = 0.0, numbers[k]
            if at >= 0 and counts.spread[at, label] > 0.0:
                deviation = math.sqrt(counts.spread[at, label] / counts.n[at, label])
                z = (values[k] - counts.mean[at, label]) / deviation
                density = math.exp(-0.5 * z * z) / _ROOT_TAU / deviation
            scores[label] += math.log(_LEAST + density)


@compiled
def bayes_choice(
    counts: Counts,
    words: NDArray[np.int32],
    numbers: IntArray,
    values: FloatArray,
    smoothing: float,
    choosing: Choosing,
    scores: FloatArray,
) -> int:
    """Return a choice, and leave the probability of each label in `scores` (labels,).

    A label that was never told has probability 0; before any was, all are equally likely.
    """
    asked, top, total = 0.0, -math.inf, 0.0
    for label in range(scores.shape[0]):
        asked += counts.labels[label]
    for label in range(scores.shape[0]):
        scores[label] = math.log(counts.labels[label] / asked) if counts.labels[label] > 0.0 else -math.inf
    add_words(counts, words, smoothing, scores)
    add_numbers(counts, numbers, values, scores)
    for label in range(scores.shape[0]):
        if asked == 0.0:
            scores[label] = 0.0
        top = max(top, scores[label])
    for label in range(scores.shape[0]):
        scores[label] = math.exp(scores[label] - top)
        total += scores[label]
    for label in range(scores.shape[0]):
        scores[label] /= total
    return choose(scores, choosing.rewards, choosing.threshold)


@compiled
def bayes_update(
    counts: Counts, words: NDArray[np.int32], numbers: IntArray, values: FloatArray, label: int, smoothing: float
) -> None:
    """Count a question in `counts`, in place; mean and spread as in Welford (1962)."""
    counts.labels[label] += 1.0
    for k in range(words.shape[0]):
        word, seen = words[k], 0.0
        for other in range(counts.words.shape[1]):
            seen += counts.words[word, other]
        if seen == 0.0:
            counts.terms[0] += 1.0
        counts.words[word, label] += 1.0
        counts.logs[word, label] = math.log(counts.words[word, label] + smoothing)
    counts.totals[label] += words.shape[0]
    for k in range(numbers.shape[0]):
        at, before = numbers[k], counts.mean[numbers[k], label]
        counts.n[at, label] += 1.0
        counts.mean[at, label] += (1.0 / counts.n[at, label]) * (values[k] - before)
        counts.spread[at, label] += (values[k] - before) * (values[k] - counts.mean[at, label])


@compiled
def bayes_decide(
    counts: Counts,
    words: NDArray[np.int32],
    numbers: IntArray,
    values: FloatArray,
    smoothing: float,
    choosing: Choosing,
    scores: FloatArray,
) -> tuple[int, float]:
    """Return a choice and nothing else that learning needs; leave the probability of each label in `scores`."""
    return bayes_choice(counts, words, numbers, values, smoothing, choosing, scores), 0.0


@compiled
def bayes_score(
    counts: Counts, words: NDArray[np.int32], numbers: IntArray, values: FloatArray, smoothing: float
) -> float:
    """Return nothing: counts do not depend on what was believed."""
    return 0.0


@compiled
def bayes_learn(
    counts: Counts,
    words: NDArray[np.int32],
    numbers: IntArray,
    values: FloatArray,
    score: float,
    label: int,
    smoothing: float,
) -> None:
    """Count a question in `counts`, in place."""
    bayes_update(counts, words, numbers, values, label, smoothing)


@compiled
def bayes_messages(
    start: int,
    seen: Messages,
    truth: IntArray,
    answers: Answers,
    waiting: Waiting,
    counts: Counts,
    smoothing: float,
    choosing: Choosing,
    chosen: Chosen,
) -> None:
    """Go through a chunk of messages, from step `start` on."""
    n_labels, at_once = counts.labels.shape[0], waiting.ring.length.shape[0] == 1
    scores = np.empty(n_labels)
    telling, ring, queue = waiting
    for i in range(truth.shape[0]):
        step, words = start + i, seen.words[i, : seen.length[i]]
        choice = bayes_choice(counts, words, NO_NUMBERS, NO_VALUES, smoothing, choosing, scores)
        due = answered_at(answers.due[i], choice, scores[choice], choosing.ask_below, telling)
        chosen.choice[i] = chosen.greedy[i] = choice
        chosen.confidence[i], chosen.likelihood[i], chosen.answered_at[i] = scores[choice], scores[truth[i]], due
        if due != NEVER:
            label = told_label(truth[i], answers.wrong[i], answers.shift[i], n_labels)
            if at_once:
                bayes_update(counts, words, NO_NUMBERS, NO_VALUES, label, smoothing)
            else:
                keep(ring, step % ring.length.shape[0], words, label)
                enqueue(queue, step, due)
        slot = -1 if at_once else dequeue(queue, step)
        while slot != -1:
            words = ring.words[slot, : ring.length[slot]]
            bayes_update(counts, words, NO_NUMBERS, NO_VALUES, ring.label[slot], smoothing)
            slot = dequeue(queue, step)


class NaiveBayes:
    """Naive Bayes on words and dense features: River's `MultinomialNB(smoothing)` and `GaussianNB`, with one prior.

    `smoothing` in [1e-9, 1e6] is added to every count of a word. It chooses what earns most by its probabilities and
    the rewards that the world declares; with a `threshold` (two labels only), label 1 from that probability on.
    `ask_below`: confidence below which it asks for the answer, where answers are asked for; 1: always.
    """

    def __init__(self, smoothing: float = 1.0, threshold: float | None = None, ask_below: float = 1.0) -> None:
        self.smoothing, self.threshold, self.ask_below = smoothing, threshold, ask_below

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with counts of 0."""
        labels = labels_of("naive-bayes", choice_space)
        n_labels = int(labels.n)
        self._features = Features("naive-bayes", observation_space)
        check_choosing("naive-bayes", n_labels, self.threshold, self.ask_below)
        check_range("naive-bayes", "smoothing", self.smoothing, 1e-9, 1e6)
        self._smoothing = float(self.smoothing)
        self._fresh = math.log(self._smoothing)  # of a word never seen
        threshold = math.nan if self.threshold is None else float(self.threshold)
        self._choosing = Choosing(rewards_of(labels), threshold, float(self.ask_below))
        words, numbers = (self._features.n_words, n_labels), (self._features.n_numbers, n_labels)
        of_numbers = (np.zeros(numbers) for _ in range(3))
        of_words = np.zeros(words), np.full(words, self._fresh), np.zeros(n_labels), np.zeros(1)
        self.counts = Counts(np.zeros(n_labels), *of_words, *of_numbers)
        self._scores = np.empty(n_labels)

    def act(self, observation: Any) -> Decision:
        """Choose by the probability of each label; before anything was learned all are equally likely."""
        words, numbers, values = self._features.read(observation)
        choice = bayes_choice(self.counts, words, numbers, values, self._smoothing, self._choosing, self._scores)
        scores = self._scores.tolist()
        return Decision(choice, scores[choice], False, scores, asks(scores[choice], self.ask_below))

    def learn(self, experience: Experience) -> None:
        """Learn the label that was told."""
        if experience.truth is not None:
            words, numbers, values = self._admit(experience.observation)
            bayes_update(self.counts, words, numbers, values, int(experience.truth), self._smoothing)

    def _admit(self, observation: Any) -> Read:
        read, counts = self._features.read(observation, learning=True), self.counts
        n_words, n_numbers = self._features.n_words, self._features.n_numbers
        if n_words > len(counts.words) or n_numbers > len(counts.n):
            self.counts = counts._replace(
                words=grown(counts.words, n_words),
                logs=grown(counts.logs, n_words, self._fresh),
                n=grown(counts.n, n_numbers),
                mean=grown(counts.mean, n_numbers),
                spread=grown(counts.spread, n_numbers),
            )
        return read

    def fast(self, kind: str, feedback_told: tuple[bool, ...], budget: int | None, delay: int) -> Advance | str:
        """Return what goes through a chunk of questions in compiled code, or why there is nothing."""
        if type(self) is not NaiveBayes:
            return f"{type(self).__name__} is a subclass with rules of its own"
        why = why_open("naive-bayes", kind, self._features)
        if why or kind == "numbers":
            go = questions_loop(bayes_decide, bayes_score, bayes_learn)
            held = (feedback_told, budget, delay, lambda: (self.counts, self._smoothing, self._choosing))
            return why or advance_by(go, *held)

        def through(
            start: int, seen: Messages, truth: IntArray, answers: Answers, waiting: Waiting, chosen: Chosen
        ) -> None:
            bayes_messages(start, seen, truth, answers, waiting, self.counts, self._smoothing, self._choosing, chosen)

        return messages_by(through, (feedback_told, budget, delay))
