"""The compiled loop of the random agent in streams: a yardstick is run as often as what it measures."""

from __future__ import annotations

import math

import numpy as np

from sandbox.compiled import compiled
from sandbox.feedback import NEVER, Answers
from sandbox.interfaces import Chosen
from sandbox.table import IntArray

from ..tabular._tabular import random_choice


@compiled
def answer_at_random(
    answers: Answers, chosen: Chosen, told: IntArray, left: IntArray, labelled: bool, rng: np.random.Generator
) -> None:
    """Fill `chosen` with random ones of the choices, of which `told` (n,) says which are answered.

    `left` (1,): answers that may still be asked for; -1: any number. `labelled`: whether a choice is a label.
    """
    n = told.shape[0]
    for i in range(answers.due.shape[0]):
        choice = random_choice(n, rng)
        chosen.choice[i] = chosen.greedy[i] = choice
        if labelled:
            chosen.confidence[i] = 1.0 / n
            chosen.likelihood[i] = 1.0 / n if n == 2 else math.nan
        due = answers.due[i] if told[choice] else NEVER
        if left[0] == 0:
            due = NEVER
        elif left[0] > 0:
            left[0] -= 1
        chosen.answered_at[i] = due
