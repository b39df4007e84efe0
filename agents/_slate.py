"""What compiled loops over slates share: rewards on their way, and the record of what was chosen."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.feedback import NEVER, Answers, Feedback, Queue, enqueue, make_queue
from sandbox.interfaces import Chosen
from sandbox.table import FloatArray, IntArray

from ._bandit import first_best

UNLIMITED = -1


class Post(NamedTuple):
    """Decisions whose rewards are on their way, each in the slot `step % capacity` of the queue."""

    queue: Queue
    told: NDArray[np.bool_]  # (k,) which choices are answered at all
    budget: IntArray  # (2,) answers that may be asked for, UNLIMITED if not counted; and asked for so far
    choice: IntArray  # (capacity,)
    item: IntArray  # (capacity,)
    asked_at: IntArray  # (capacity,)
    reward: FloatArray  # (capacity,) as it will be told
    context: FloatArray  # (capacity, d)


def make_post(told: tuple[bool, ...], budget: int | None, delay: int, size: int) -> Post:
    """Return an empty post that holds the longest delay, with contexts of `size` numbers."""
    capacity = delay + 1
    choice, item, asked_at = (np.zeros(capacity, dtype=np.int64) for _ in range(3))
    return Post(
        make_queue(Feedback(delay)),
        np.array(told, dtype=np.bool_),
        np.array([UNLIMITED if budget is None else budget, 0], dtype=np.int64),
        choice,
        item,
        asked_at,
        np.zeros(capacity),
        np.zeros((capacity, size)),
    )


@compiled
def record(chosen: Chosen, i: int, choice: int, scores: FloatArray) -> None:
    """Write the i-th decision of a chunk, made with the estimated values `scores` (k,)."""
    chosen.choice[i] = choice
    chosen.greedy[i] = first_best(scores, choice)
    chosen.confidence[i] = math.nan
    chosen.likelihood[i] = math.nan


@compiled
def send(
    post: Post, chosen: Chosen, answers: Answers, i: int, step: int, choice: int, item: int, reward: float
) -> None:
    """Put the i-th decision of a chunk on its way, unless its reward never comes; every decision asks for it."""
    due = answers.due[i] if post.told[choice] else NEVER
    if post.budget[0] != UNLIMITED:
        if post.budget[1] >= post.budget[0]:
            due = NEVER
        else:
            post.budget[1] += 1
    chosen.answered_at[i] = due
    if due == NEVER:
        return
    at = step % post.choice.shape[0]
    post.choice[at], post.item[at], post.asked_at[at] = choice, item, step
    post.reward[at] = -reward if answers.wrong[i] else reward
    enqueue(post.queue, step, due)
