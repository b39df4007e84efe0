"""Questions of the recommendation world whose price is no row of a table: slates, and users who tire."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sandbox.interfaces import Decision, Question, Settled
from sandbox.streams.recommendation_price import Fixed, Satiety, feel
from sandbox.streams.recommendation_slate import earned, looked_at, rank, slate_of, worth
from sandbox.table import FloatArray, IntArray

EXTRAS = ("recall_at_k", "ndcg_at_k", "watch_seconds")  # what `measures` returns


class Asked(Question):
    """A question of a run that knows what each item would earn; answered, it lets the user tire."""

    about: About
    settled: Settled | None = None


class About(NamedTuple):
    """What settling a question takes."""

    seed: int
    step: int
    user: int
    fixed: Fixed
    satiety: Satiety
    outcome: FloatArray  # (k, 4) what each item leads to when it is looked at: recommendation_law.settle
    seconds: FloatArray  # (k,) how long each item is


def settle_slate(question: Asked, made: Decision) -> Settled:
    """Return what came of a decision; asked again, the question gives the same answer."""
    if question.settled is None:
        question.settled = _settled(question, made)
    return question.settled


def best_slate(values: Sequence[float], look: FloatArray) -> Decision:
    """Return the best decision: the items in the order of their worth, or none where that is better."""
    worths, order = np.array(values), np.empty(len(look), dtype=np.int64)
    rank(worths, order)
    return Decision(int(order[0]) if worth(worths, order, look) >= 0.0 else None, scores=values)


def _settled(question: Asked, made: Decision) -> Settled:
    seed, step, user, fixed, satiety, outcome, _ = about = question.about
    values, look = np.array(question.values), fixed.look
    ideal, slots = np.empty(len(look), dtype=np.int64), len(look)
    rank(values, ideal)
    best = max(question.abstention, worth(values, ideal, look))
    order, seen = np.zeros(slots, dtype=np.int64), 0
    if made.choice is not None:
        order = slate_of(int(made.choice), made.scores, len(values), slots, seed, step)
        seen = looked_at(seed, step, look)
    if len(satiety.level):
        feel(fixed, satiety, seed, step, user, order, seen)
    if made.choice is None:
        nothing = (math.nan,) * slots if slots > 1 else None
        zero = question.abstention
        return Settled(best, zero, zero, None, nothing, ((None, zero),), (0.0, 0.0 if best > zero else math.nan, 0.0))
    gains = outcome[:, 3]
    parts = tuple((int(j), float(gains[j]) if r < seen else 0.0) for r, j in enumerate(order))
    value, reward = worth(values, order, look), earned(gains, order, seen)
    shown = tuple(map(float, order)) if slots > 1 else None
    return Settled(best, value, reward, None, shown, parts, measures(values, order, ideal, seen, about))


def measures(values: FloatArray, order: IntArray, ideal: IntArray, seen: int, about: About) -> tuple[float, ...]:
    """Return how many of the best items a slate holds (share), its NDCG, and the seconds watched.

    NDCG: gains are the expected worths, none below 0, divided by log2(place + 1) (Jarvelin & Kekalainen 2002), as a
    share of the best slate's; NaN where nothing is worth showing.
    """
    recall = len(set(order.tolist()) & set(ideal.tolist())) / len(ideal)
    discount = 1.0 / np.log2(np.arange(2, len(order) + 2))
    ours, best = (float((np.maximum(values[slate], 0.0) * discount).sum()) for slate in (order, ideal))
    watched = order[:seen]
    seconds = float((about.outcome[watched, 1] * about.seconds[watched]).sum())
    return recall, ours / best if best > 0.0 else math.nan, seconds
