"""How agents on words choose, and how their compiled loops wait for answers: rules that they share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.errors import SandboxError
from sandbox.feedback import NEVER, Answers, Feedback, Queue, make_queue
from sandbox.interfaces import Chosen, Messages, check_range
from sandbox.table import FloatArray, IntArray


@compiled
def choose(probabilities: FloatArray, rewards: FloatArray, threshold: float) -> int:
    """Return the label to choose, given its probability (labels,) and what a choice earns (truths, choices).

    The largest expected reward; of equal ones the lower label. With a `threshold` (not NaN), label 1 from this
    probability on. Elkan (2001), "The foundations of cost-sensitive learning", equation 1.
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


class Telling(NamedTuple):
    """Who is told the label."""

    told: NDArray[np.bool_]  # (choices,) which are answered at all
    left: IntArray  # (1,) answers that may still be asked for, -1: no limit


class Ring(NamedTuple):
    """The messages whose labels are on their way, each in the slot `step % capacity`."""

    words: NDArray[np.int32]  # (capacity, longest)
    length: IntArray  # (capacity,)
    label: IntArray  # (capacity,) that will be told


class Waiting(NamedTuple):
    """What stands between a decision and its label; compiled rules take its parts, because passing arrays costs."""

    telling: Telling
    ring: Ring
    queue: Queue


Through = Callable[[int, Messages, IntArray, Answers, Waiting, Chosen], None]


def make_waiting(told: tuple[bool, ...], budget: int | None, delay: int, longest: int) -> Waiting:
    """Return that nothing is on its way yet: labels come at most `delay` steps late, messages have `longest` words."""
    slots = delay + 1
    return Waiting(
        Telling(np.array(told, dtype=np.bool_), np.array([-1 if budget is None else budget], dtype=np.int64)),
        Ring(
            np.empty((slots, longest), dtype=np.int32), np.empty(slots, dtype=np.int64), np.empty(slots, dtype=np.int64)
        ),
        make_queue(Feedback(delay)),
    )


def messages_by(
    go: Through, telling: tuple[tuple[bool, ...], int | None, int]
) -> Callable[[int, Messages, IntArray, Answers, Chosen], None]:
    """Return what goes through a chunk of messages in compiled code.

    `telling`: choices that are answered at all, answers that may be asked for, longest delay. `go`: the agent's kernel,
    which is handed what waits for its label.
    """
    waiting: list[Waiting] = []

    def advance(start: int, seen: Messages, truth: IntArray, answers: Answers, chosen: Chosen) -> None:
        if not waiting:
            waiting.append(make_waiting(*telling, seen.words.shape[1]))
        go(start, seen, truth, answers, waiting[0], chosen)

    return advance


@compiled
def answered_at(due: int, choice: int, confidence: float, ask_below: float, telling: Telling) -> int:
    """Return when the label is told, given that it is `due` if at all; count an answer that was asked for."""
    if not telling.told[choice]:
        due = NEVER
    if telling.left[0] >= 0:
        if telling.left[0] == 0 or not asks(confidence, ask_below):
            return NEVER
        telling.left[0] -= 1
    return due


@compiled
def keep(ring: Ring, slot: int, words: NDArray[np.int32], label: int) -> None:
    """Keep a message until its label is told."""
    for k in range(words.shape[0]):
        ring.words[slot, k] = words[k]
    ring.length[slot] = words.shape[0]
    ring.label[slot] = label
