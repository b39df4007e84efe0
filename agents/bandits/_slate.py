"""What compiled loops over slates share: rewards on their way, and the record of what was chosen."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import lean
from sandbox.feedback import NEVER, Answers, Feedback, Queue, dequeue, enqueue, make_queue, place_of
from sandbox.interfaces import Chosen
from sandbox.table import FloatArray, IntArray

from ._bandit import Arms, first_best, reward_arm

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


@lean
def send(
    post: Post,
    chosen: Chosen,
    answers: Answers,
    i: int,
    step: int,
    choice: int,
    scores: FloatArray,
    items: IntArray,
    outcome: FloatArray,
) -> None:
    """Write the i-th decision of a chunk, made with the estimated values `scores` (k,), and put it on its way.

    `items` (k,) are those on show, `outcome` (k,) is what each would earn. Every decision asks for its reward.
    """
    chosen.choice[i], chosen.greedy[i] = choice, first_best(scores, choice)
    chosen.confidence[i] = chosen.likelihood[i] = math.nan
    due = answers.due[i] if post.told[choice] else NEVER
    if post.budget[0] != UNLIMITED:
        if post.budget[1] >= post.budget[0]:
            due = NEVER
        else:
            post.budget[1] += 1
    chosen.answered_at[i] = due
    if due == NEVER:
        return
    at = place_of(post.queue, step)
    post.choice[at], post.item[at], post.asked_at[at] = choice, items[choice], step
    post.reward[at] = -outcome[choice] if answers.wrong[i] else outcome[choice]
    enqueue(post.queue, step, due)


@lean
def receive(post: Post, arms: Arms, step: int, step_size: float, initial_value: float) -> None:
    """Have the arms' values learn every reward that comes at the end of `step`."""
    at = dequeue(post.queue, step)
    while at != -1:
        reward_arm(arms, post.choice[at], post.item[at], post.asked_at[at], post.reward[at], step_size, initial_value)
        at = dequeue(post.queue, step)
