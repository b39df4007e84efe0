"""The compiled loop of agents on words and numbers: three rules of the agent, in the open loop's order."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.feedback import NEVER, Answers, Feedback, Queue, dequeue, enqueue, make_queue, told_label
from sandbox.interfaces import Chosen, Messages, Numbers
from sandbox.table import FloatArray, IntArray

from ._features import Features
from ._messages import Choosing, Telling, answered_at

Decide = Callable[[Any, NDArray[np.int32], IntArray, FloatArray, Any, Choosing, FloatArray], tuple[int, float]]
Score = Callable[[Any, NDArray[np.int32], IntArray, FloatArray, Any], float]
Learn = Callable[[Any, NDArray[np.int32], IntArray, FloatArray, float, int, Any], None]
Advance = Callable[[int, Any, IntArray, Answers, Chosen], None]


class Rows(NamedTuple):
    """What can be seen of some questions: the words and the numbers of each."""

    words: NDArray[np.int32]  # (n, longest)
    length: IntArray  # (n,) words of each
    values: FloatArray  # (n, d)


class Pending(NamedTuple):
    """The questions whose labels are on their way, each in the slot `step % capacity`."""

    rows: Rows  # (capacity, ...)
    label: IntArray  # (capacity,) that will be told
    queue: Queue


@compiled
def keep_question(pending: Pending, slot: int, words: NDArray[np.int32], values: FloatArray, label: int) -> None:
    """Keep a question until its label is told."""
    rows = pending.rows
    for k in range(words.shape[0]):
        rows.words[slot, k] = words[k]
    for k in range(values.shape[0]):
        rows.values[slot, k] = values[k]
    rows.length[slot], pending.label[slot] = words.shape[0], label


def plain_loop(decide: Decide, score: Score, learn: Learn) -> Callable[..., None]:
    """Return what goes through a chunk of questions by three rules.

    `decide` leaves a probability for each label in `scores` and returns a choice and a score; `score` gives that score
    anew; `learn` changes what was learned, `memory`.
    """

    def go(
        start: int,
        seen: Rows,
        truth: IntArray,
        answers: Answers,
        waiting: tuple[Telling, Pending],
        held: tuple[Any, Any, Choosing],
        chosen: Chosen,
    ) -> None:
        (telling, pending), (memory, settings, choosing) = waiting, held
        scores, numbers = np.empty(choosing.rewards.shape[0]), np.arange(seen.values.shape[1])
        (kept, labels, queue), slots = pending, pending.label.shape[0]
        for i in range(truth.shape[0]):
            step, words, values = start + i, seen.words[i, : seen.length[i]], seen.values[i]
            choice, found = decide(memory, words, numbers, values, settings, choosing, scores)
            due = answered_at(answers.due[i], choice, scores[choice], choosing.ask_below, telling)
            chosen.choice[i] = chosen.greedy[i] = choice
            chosen.confidence[i], chosen.likelihood[i], chosen.answered_at[i] = scores[choice], scores[truth[i]], due
            if due != NEVER:
                label = told_label(truth[i], answers.wrong[i], answers.shift[i], scores.shape[0])
                if slots == 1:
                    learn(memory, words, numbers, values, found, label, settings)
                else:
                    keep_question(pending, step % slots, words, values, label)
                    enqueue(queue, step, due)
            slot = -1 if slots == 1 else dequeue(queue, step)
            while slot != -1:
                words, values = kept.words[slot, : kept.length[slot]], kept.values[slot]
                found = score(memory, words, numbers, values, settings)
                learn(memory, words, numbers, values, found, labels[slot], settings)
                slot = dequeue(queue, step)

    return go


@cache
def questions_loop(decide: Decide, score: Score, learn: Learn) -> Callable[..., None]:
    """Return the same, compiled."""
    return compiled(plain_loop(decide, score, learn))


def rows_of(seen: Messages | Numbers) -> Rows:
    """Return what can be seen of a chunk: messages hold no numbers, rows of numbers no words."""
    if isinstance(seen, Numbers):
        n = len(seen.values)
        return Rows(np.empty((n, 0), dtype=np.int32), np.zeros(n, dtype=np.int64), seen.values)
    return Rows(seen.words, seen.length, np.empty((len(seen.length), 0)))


def why_open(agent: str, kind: str, features: Features) -> str:
    """Return why an agent has no compiled loop for a kind of questions; "" where it has one."""
    if (kind == "messages" and features.fixed) or (kind == "numbers" and features.row):
        return ""
    return f"{agent} is compiled for messages of known vocabularies and for rows of numbers only"


def advance_by(
    go: Callable[..., None], told: tuple[bool, ...], budget: int | None, delay: int, held: Callable[[], tuple[Any, ...]]
) -> Advance:
    """Return what goes through chunks by a loop of `questions_loop`; `held()`: memory, settings, and how it chooses.

    `told`: choices that are answered at all; `budget`: answers that may be asked for; `delay`: the longest.
    """
    telling = Telling(np.array(told, dtype=np.bool_), np.array([-1 if budget is None else budget], dtype=np.int64))
    waiting: list[Pending] = []

    def advance(start: int, seen: Messages | Numbers, truth: IntArray, answers: Answers, chosen: Chosen) -> None:
        rows = rows_of(seen)
        if not waiting:
            slots = delay + 1
            words = np.empty((slots, rows.words.shape[1]), dtype=np.int32)
            length, label = np.empty(slots, dtype=np.int64), np.empty(slots, dtype=np.int64)
            kept = Rows(words, length, np.empty((slots, rows.values.shape[1])))
            waiting.append(Pending(kept, label, make_queue(Feedback(delay))))
        go(start, rows, truth, answers, (telling, waiting[0]), held(), chosen)

    return advance
