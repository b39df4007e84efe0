"""Questions of the recommendation world whose price is no row of a table: slates, and users who tire."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.errors import RunError
from sandbox.interfaces import Decision, Question, Settled
from sandbox.streams.recommendation_price import Fixed, Satiety, feel
from sandbox.streams.recommendation_slate import arrange, looked_at, rank, shuffled, worth
from sandbox.table import FloatArray, IntArray

EXTRAS = ("recall_at_k", "ndcg_at_k", "watch_seconds")  # what is reported of each decision
_BEST, _VALUE, _REWARD, _SEEN, _EXTRAS = range(5)  # of what is told
_NOTHING = -1  # is chosen
_SHARE, _REWARDED = 1, 3  # columns of outcomes


class Asked(Question):
    """A question of a run that knows what each item would earn; answered, it lets the user tire."""

    about: About
    answered = False


class About(NamedTuple):
    """What settling a question takes."""

    seed: int
    step: int
    user: int
    fixed: Fixed
    satiety: Satiety
    value: FloatArray  # (k,)
    outcome: FloatArray  # (k, 4) what each item leads to when it is looked at: recommendation_law.settle
    seconds: FloatArray  # (k,) how long each item is


def settle_slate(question: Asked, made: Decision) -> Settled:
    """Return what comes of a decision; it is the first one that the user tires of."""
    first, question.answered = not question.answered, True
    return _settled(question.about, made, question.abstention, first)


def best_slate(values: Sequence[float], look: FloatArray) -> Decision:
    """Return the best decision: the items in the order of their worth, or none where that is better."""
    first = int(best_first(np.array(values), look))
    return Decision(None if first == _NOTHING else first, scores=values)


def _settled(about: About, made: Decision, zero: float, first: bool) -> Settled:
    """Return what came of a decision, where no slate at all earns `zero`.

    The slate is the choice, then the others by their scores, ties in their order; without scores, the others in an
    order drawn by the world.
    """
    choice, scores, k, slots = made.choice, made.scores, len(about.value), len(about.fixed.look)
    if choice is not None and scores is not None and len(scores) != k:
        raise RunError(f"the agent gave {len(scores)} scores to {k} items")
    rated = np.array(scores if choice is not None and scores is not None else (), dtype=np.float64)
    order, told = np.empty(slots, dtype=np.int64), np.empty(_EXTRAS + len(EXTRAS))
    come_of(_NOTHING if choice is None else int(choice), rated, *about, first, order, told)
    best, value, reward, seen, *extras = told.tolist()
    if choice is None:
        nothing = (math.nan,) * slots if slots > 1 else None
        return Settled(max(best, zero), zero, zero, None, nothing, ((None, zero),), extras)
    shown, gains = order.tolist(), about.outcome[:, _REWARDED].tolist()
    parts = [(j, gains[j] if r < seen else 0.0) for r, j in enumerate(shown)]
    return Settled(max(best, zero), value, reward, None, shown if slots > 1 else None, parts, extras)


@compiled
def best_first(values: FloatArray, look: FloatArray) -> int:
    """Return the first item of the best slate, or that there is nothing worth showing."""
    order = np.empty(look.shape[0], dtype=np.int64)
    rank(values, order)
    return int(order[0]) if worth(values, order, look) >= 0.0 else _NOTHING


@compiled
def come_of(
    choice: int,
    rated: FloatArray,
    seed: int,
    step: int,
    user: int,
    fixed: Fixed,
    satiety: Satiety,
    value: FloatArray,
    outcome: FloatArray,
    seconds: FloatArray,
    first: bool,
    order: IntArray,
    told: FloatArray,
) -> None:
    """Fill in the slate (slots,) that a choice and scores (k,) are, and what came of it: `told`.

    The user tires of the first decision, not of another on the same question. Where the
    best slate is worse than none, nothing is told of how good another is.
    """
    look, ideal, seen = fixed.look, np.empty(order.shape[0], dtype=np.int64), 0
    rank(value, ideal)
    order[:] = _NOTHING
    told[:] = 0.0
    if choice != _NOTHING:
        if rated.shape[0] == 0:
            rated = np.empty(value.shape[0])
            shuffled(seed, step, rated)
        arrange(choice, rated, order)
        seen = looked_at(seed, step, look)
        told[_VALUE] = worth(value, order, look)
        for r in range(seen):
            told[_REWARD] += outcome[order[r], _REWARDED]
            told[_EXTRAS + 2] += outcome[order[r], _SHARE] * seconds[order[r]]
    told[_BEST], told[_SEEN] = worth(value, ideal, look), seen
    if first and satiety.level.shape[0] > 0:
        feel(fixed, satiety, seed, step, user, order, seen)
    worthy = told[_BEST] >= 0.0
    told[_EXTRAS] = recall(order, ideal) if worthy else math.nan
    told[_EXTRAS + 1] = ndcg(value, order, ideal) if worthy else math.nan


@compiled
def recall(order: IntArray, ideal: IntArray) -> float:
    """Return which share of the best items a slate holds."""
    found = 0
    for one in ideal:
        for other in order:
            found += 1 if one == other else 0
    return float(found / ideal.shape[0])


@compiled
def ndcg(value: FloatArray, order: IntArray, ideal: IntArray) -> float:
    """Return the discounted gain of a slate as a share of the best one's; NaN where all are worth 0.

    Gains are expected worths (k,), none below 0, over log2(place + 1) (Jarvelin & Kekalainen 2002).
    """
    ours = best = 0.0
    for r in range(order.shape[0]):
        discount = math.log(2.0) / math.log(r + 2.0)
        ours += discount * max(value[order[r]], 0.0) if order[r] >= 0 else 0.0
        best += discount * max(value[ideal[r]], 0.0)
    return float(ours / best) if best > 0.0 else math.nan
