"""Rules that bandits share: what is known of the item in each slot, and how one more reward changes it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import lean
from sandbox.table import FloatArray, IntArray

NOBODY = -1
SAMPLE_AVERAGE = -1.0  # stands for the step size 1 / tries
_FADED = 1e-200  # below this a faded count is nothing: numbers near 1e-308 are slow

SAME, NEW, GONE = range(3)  # who a reward is for


class Held(NamedTuple):
    """Whose statistics each slot holds; both (k,)."""

    item: IntArray  # an item's id, NOBODY at first
    since: IntArray  # step of the decision whose reward was the first


class Arms(NamedTuple):
    """What is known of the item in each slot; arrays are (k,)."""

    held: Held
    tries: FloatArray  # rewards seen, less what faded
    value: FloatArray  # their mean


def make_held(n_slots: int) -> Held:
    """Return slots that hold nobody's statistics."""
    return Held(np.full(n_slots, NOBODY, dtype=np.int64), np.zeros(n_slots, dtype=np.int64))


def make_arms(n_slots: int) -> Arms:
    """Return slots of which nothing is known."""
    return Arms(make_held(n_slots), np.zeros(n_slots), np.zeros(n_slots))


@lean
def admit(held: Held, slot: int, item: int, asked_at: int) -> int:
    """Say whether a reward is for the SAME item as the slot's statistics, a NEW one, which takes over, or one GONE.

    `asked_at` is the step of its decision: an item shown before the present one was first rewarded is gone.
    """
    if held.item[slot] == item:
        return SAME
    if held.item[slot] != NOBODY and asked_at < held.since[slot]:
        return GONE
    held.item[slot], held.since[slot] = item, asked_at
    return NEW


@lean
def admit_arm(arms: Arms, slot: int, item: int, asked_at: int, initial_value: float) -> bool:
    """Say whether a reward counts; a new item starts with nothing but `initial_value`."""
    news = admit(arms.held, slot, item, asked_at)
    if news == NEW:
        arms.tries[slot], arms.value[slot] = 0.0, initial_value
    return news != GONE


@lean
def move_arm(arms: Arms, slot: int, reward: float, step_size: float) -> None:
    """Move a slot's value towards a reward (Sutton & Barto, 2nd edition, equations 2.3 and 2.5)."""
    arms.tries[slot] += 1.0
    rate = step_size if step_size != SAMPLE_AVERAGE else 1.0 / arms.tries[slot]
    arms.value[slot] += rate * (reward - arms.value[slot])


@lean
def reward_arm(
    arms: Arms, slot: int, item: int, asked_at: int, reward: float, step_size: float, initial_value: float
) -> None:
    """Learn one reward of an item, unless it is gone."""
    if admit_arm(arms, slot, item, asked_at, initial_value):
        move_arm(arms, slot, reward, step_size)


@lean
def fade(count: FloatArray, decay: float) -> None:
    """Let every count (k,) fade by the factor `decay`."""
    for j in range(count.shape[0]):
        count[j] *= decay
        if count[j] < _FADED:
            count[j] = 0.0


@lean
def best_of(index: FloatArray, rng: np.random.Generator) -> int:
    """Return where `index` (k,) is largest; ties are broken at random, by reservoir sampling."""
    best, choice, ties = index[0], 0, 1
    for j in range(1, index.shape[0]):
        if index[j] > best:
            best, choice, ties = index[j], j, 1
        elif index[j] == best:
            ties += 1
            if rng.random() * ties < 1.0:
                choice = j
    return choice


@lean
def first_best(scores: FloatArray, choice: int) -> int:
    """Return the choice that `scores` (k,) call best: `choice` itself if none is better, else the first of the best."""
    best = choice
    for j in range(scores.shape[0]):
        if scores[j] > scores[best]:
            best = j
    return best
