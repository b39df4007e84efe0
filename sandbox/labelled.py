"""Counts of labels, from which recalls and kappas follow: what was true, what was right, what was chosen, and what two
rules that look at no question would have got right.

Memory grows with the number of labels only. A row without a truth counts for nothing; an abstention is a choice that is
never right.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.ledger import Columns
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Meta

_LAST, _MAJORITY, _LAST_RIGHT, _MAJORITY_RIGHT = range(4)


class Tally(NamedTuple):
    """Counts of K labels; K is 0 where there are none."""

    truths: IntArray  # (K,) decisions with this truth
    right: IntArray  # (K,) of them, those with this choice
    chosen: IntArray  # (K,) decisions with this choice, and a truth
    rules: IntArray  # (4,) the last truth, the commonest so far (-1: none yet), and how often each rule was right


def make_tally(meta: Meta) -> Tally:
    """Return empty counts."""
    k = max(len(meta.labels), meta.n_choices) if meta.task == "classification" else 0
    truths, right, chosen = (np.zeros(k, dtype=np.int64) for _ in range(3))
    return Tally(truths, right, chosen, np.array([-1, -1, 0, 0], dtype=np.int64))


@compiled
def tally_rows(c: Columns, first: int, rows: int, tally: Tally) -> None:
    """Count the rows from `first` on."""
    known, told = tally.truths.shape[0], tally.rules
    last, most, last_right, most_right = told[_LAST], told[_MAJORITY], told[_LAST_RIGHT], told[_MAJORITY_RIGHT]
    for i in range(first, first + rows):
        truth = c.truth[i]
        if not 0.0 <= truth < known:  # NaN too
            continue
        t, choice = int(truth), c.choice[i]
        last_right += last == t
        most_right += most == t
        tally.truths[t] += 1
        tally.right[t] += choice == truth
        if 0.0 <= choice < known:
            tally.chosen[int(choice)] += 1
        if most < 0 or tally.truths[t] > tally.truths[most] or (tally.truths[t] == tally.truths[most] and t < most):
            most = t  # of equals, the first
        last = t
    told[_LAST], told[_MAJORITY], told[_LAST_RIGHT], told[_MAJORITY_RIGHT] = last, most, last_right, most_right


def _ratio(over: float, under: float) -> float:
    return over / under if under else math.nan


def _beyond(found: float, base: float) -> float:
    """Return which share of what a rule leaves to be won was won; NaN where it leaves nothing."""
    return _ratio(found - base, 1.0 - base)


def _accuracy(tally: Tally) -> float:
    return _ratio(int(tally.right.sum()), int(tally.truths.sum()))


def kappa(tally: Tally) -> float:
    """Return Cohen's kappa: accuracy beyond that of drawing labels as often as they were chosen (Cohen 1960)."""
    n = int(tally.truths.sum())
    by_chance = math.fsum((tally.truths.astype(np.float64) * tally.chosen).tolist())
    return _beyond(_accuracy(tally), _ratio(by_chance, float(n) * n))


def kappa_temporal(tally: Tally) -> float:
    """Return accuracy beyond that of saying the last truth again (Zliobaite et al. 2015, section 3.3)."""
    return _beyond(_accuracy(tally), _ratio(int(tally.rules[_LAST_RIGHT]), int(tally.truths.sum())))


def kappa_majority(tally: Tally) -> float:
    """Return kappa-M: accuracy beyond that of saying the commonest truth so far (Bifet et al. 2015, section 4)."""
    return _beyond(_accuracy(tally), _ratio(int(tally.rules[_MAJORITY_RIGHT]), int(tally.truths.sum())))


def g_mean(tally: Tally) -> float:
    """Return the geometric mean of the labels' recalls (Kubat & Matwin 1997); labels never met are left out.

    It is 0 where a label is never right.
    """
    met = tally.truths > 0
    recalls: FloatArray = tally.right[met] / tally.truths[met]
    if not len(recalls):
        return math.nan
    return 0.0 if not recalls.all() else math.exp(math.fsum(map(math.log, recalls.tolist())) / len(recalls))


OF = {"kappa": kappa, "kappa_temporal": kappa_temporal, "kappa_majority": kappa_majority, "g_mean": g_mean}
