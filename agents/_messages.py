"""How agents on words choose, and how their compiled loops wait for answers: rules that they share."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.errors import SandboxError
from sandbox.feedback import NEVER, Feedback, Queue, dequeue, enqueue, make_queue
from sandbox.interfaces import Chosen, check_range
from sandbox.table import FloatArray, IntArray


@compiled
def choose(probabilities: FloatArray, rewards: FloatArray, threshold: float) -> int:
    """Return the label to choose, given its probability (labels,) and what a choice earns (truths, choices).

    The largest expected reward; of equal ones the lower label. With a `threshold` (not NaN), label 1 from this
    probability on (Elkan 2001, section 2, has the threshold that costs imply).
    """
    if not math.isnan(threshold):
        return 1 if probabilities[1] >= threshold else 0
    best, choice = -math.inf, 0
    for c in range(rewards.shape[1]):
        expected = 0.0
        for truth in range(rewards.shape[0]):
            expected += probabilities[truth] * rewards[truth, c]
        if expected > best:
            best, choice = expected, c
    return choice


@compiled
def asks(confidence: float, ask_below: float) -> bool:
    """Say whether an answer is wanted: always where `ask_below` is 1, else below that confidence."""
    return ask_below >= 1.0 or confidence < ask_below


def check_choosing(agent: str, n_labels: int, threshold: float | None, ask_below: float) -> None:
    """Refuse, in one line, settings of the choice that make no sense."""
    if threshold is not None:
        check_range(agent, "threshold", threshold, 0.0, 1.0)
        if n_labels != 2:
            raise SandboxError(f"{agent}: a threshold is for two labels, and this world has {n_labels}; leave it out")
    check_range(agent, "ask_below", ask_below, 0.0, 1.0)


class Choosing(NamedTuple):
    """How an agent chooses."""

    rewards: FloatArray  # (truths, choices)
    threshold: float  # NaN: none
    ask_below: float


class Waiting(NamedTuple):
    """Who is answered, what is left to ask for, and the messages whose labels are on their way."""

    told: NDArray[np.bool_]  # (choices,) which are answered at all
    left: IntArray  # (1,) answers that may still be asked for, -1: no limit
    queue: Queue
    words: NDArray[np.int32]  # (capacity, longest) of the message in each slot
    length: IntArray  # (capacity,)
    label: IntArray  # (capacity,) that will be told


def make_waiting(told: tuple[bool, ...], budget: int | None, delay: int, longest: int) -> Waiting:
    """Return that nothing is on its way yet: labels come at most `delay` steps late, messages have `longest` words."""
    slots = delay + 1
    return Waiting(
        np.array(told, dtype=np.bool_),
        np.array([-1 if budget is None else budget], dtype=np.int64),
        make_queue(Feedback(delay)),
        np.empty((slots, longest), dtype=np.int32),
        np.empty(slots, dtype=np.int64),
        np.empty(slots, dtype=np.int64),
    )


@compiled
def record(
    i: int, choice: int, scores: FloatArray, truth: int, due: int, waiting: Waiting, ask_below: float, chosen: Chosen
) -> int:
    """Write the i-th decision down, and return when its label will be told, given that it is `due` if at all."""
    confidence = scores[choice]
    if not waiting.told[choice]:
        due = NEVER
    if waiting.left[0] >= 0:
        if waiting.left[0] == 0 or not asks(confidence, ask_below):
            due = NEVER
        else:
            waiting.left[0] -= 1
    chosen.choice[i] = choice
    chosen.greedy[i] = choice
    chosen.confidence[i] = confidence
    chosen.likelihood[i] = scores[truth]
    chosen.answered_at[i] = due
    return due


@compiled
def put(waiting: Waiting, step: int, due: int, words: NDArray[np.int32], label: int) -> None:
    """Keep the message of `step` until its label is told."""
    slot = step % waiting.length.shape[0]
    for k in range(words.shape[0]):
        waiting.words[slot, k] = words[k]
    waiting.length[slot] = words.shape[0]
    waiting.label[slot] = label
    enqueue(waiting.queue, step, due)


@compiled
def take(waiting: Waiting, step: int) -> int:
    """Return the slot of the next message whose label is told at the end of `step`; -1: no more."""
    return dequeue(waiting.queue, step)
