"""Successes and failures of each slot's item, and draws from what they say of its chance of success."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import lean
from sandbox.table import FloatArray, IntArray

from ._bandit import GONE, NEW, Held, admit, best_of, fade, first_best, make_held
from ._chances import unit


class Trials(NamedTuple):
    """What is known of the item in each slot; counts are (k,)."""

    held: Held
    won: FloatArray
    lost: FloatArray


def make_trials(n_slots: int) -> Trials:
    """Return slots of which nothing is known."""
    return Trials(make_held(n_slots), np.zeros(n_slots), np.zeros(n_slots))


@lean
def choose_beta(
    trials: Trials,
    items: IntArray,
    scores: FloatArray,
    index: FloatArray,
    low: float,
    high: float,
    prior_won: float,
    prior_lost: float,
    rng: np.random.Generator,
) -> tuple[int, bool]:
    """Return a slot of `items` (k,) with the largest draw, and whether another has a larger posterior mean.

    `scores` (k,) becomes the posterior means as rewards, `index` (k,) one draw from each Beta posterior.
    """
    for j in range(items.shape[0]):
        a, b = prior_won, prior_lost
        if trials.held.item[j] == items[j]:
            a, b = a + trials.won[j], b + trials.lost[j]
        scores[j] = low + (high - low) * (a / (a + b))
        index[j] = rng.beta(a, b)
    choice = best_of(index, rng)
    return choice, first_best(scores, choice) != choice


@lean
def reward_trials(
    trials: Trials,
    slot: int,
    item: int,
    asked_at: int,
    reward: float,
    low: float,
    high: float,
    decay: float,
    rng: np.random.Generator,
) -> None:
    """Let the counts of every slot fade by `decay`, and count a success or a failure of the item, unless it is gone.

    A reward between the bounds is a success with the chance that it stands for.
    """
    news = admit(trials.held, slot, item, asked_at)
    if news == GONE:
        return
    if news == NEW:
        trials.won[slot] = trials.lost[slot] = 0.0
    if decay < 1.0:
        fade(trials.won, decay)
        fade(trials.lost, decay)
    share = unit(reward, low, high)
    if share == 1.0 or (share > 0.0 and rng.random() < share):
        trials.won[slot] += 1.0
    else:
        trials.lost[slot] += 1.0
