"""What holds of the prices of every stream that knows its own law."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np

from sandbox.checks import laws, streams
from sandbox.checks.laws import law_of
from sandbox.checks.suite import CheckError, SkipError, needs
from sandbox.interfaces import Decision
from sandbox.law_stream import Batch, LawStream
from sandbox.luck import add_luck, luck_z, make_luck_test
from sandbox.table import FloatArray, IntArray

_ROWS = 500  # questions looked at one by one
_SAMPLE, _RUNS = 8192, 12  # questions from which luck is judged, in each of some runs
_BANDS = 10  # of equal width, into which the values of a choice are sorted
_FALSE_ALARM = 1e-5


@needs(laws.check_batches_fit)
def check_prices_are_in_range(subject: streams.StreamSubject) -> None:
    """No choice costs more than `gap_range`, and no luck is larger than `luck_reach`."""
    stream = law_of(subject)
    if stream.settles:
        raise SkipError("its prices are no table of choices")
    for batch in _sample(stream):
        best = np.maximum(batch.values.max(axis=1), stream.abstention)
        worst = batch.values.min(axis=1)
        if stream.abstention > -math.inf:
            worst = np.minimum(worst, stream.abstention)
        gap, luck = float((best - worst).max()), float(np.abs(batch.rewards - batch.values).max())
        for name, size, limit in (("gap_range", gap, stream.gap_range), ("luck_reach", luck, stream.luck_reach)):
            if size > limit * (1.0 + 1e-9):
                raise CheckError(f"{size:g} comes, and {name} is {limit:g}")


def _sample(stream: LawStream) -> Iterator[Batch]:
    return (stream.batch(seed, 0, _SAMPLE) for seed in range(_RUNS))


@needs(laws.check_batches_fit, streams.check_asks_again)
def check_decisions_are_settled(subject: streams.StreamSubject) -> None:
    """The ideal decision costs nothing, no other is worth more, abstaining has its price; all rewards average to it."""
    stream = law_of(subject)
    if not stream.settles:
        raise SkipError("its prices are a table of choices")
    test = make_luck_test(2)
    for seed in range(_RUNS):
        asked = list(islice(stream.questions(seed), 2 * _ROWS))
        for number, (question, other) in enumerate(pairwise(asked)):
            ideal, borrowed = stream.settle(question, stream.ideal(question)), stream.ideal(other)
            settled = stream.settle(question, borrowed)
            slack = 1e-9 * max(1.0, abs(ideal.best))
            if abs(ideal.best - ideal.value) > slack:
                raise CheckError(f"question {number}: the ideal decision costs {ideal.best - ideal.value:g}")
            if settled.best != ideal.best or settled.value > ideal.best + slack:
                raise CheckError(
                    f"question {number}: {borrowed.choice!r} is worth {settled.value:g}, V* {ideal.best:g}"
                )
            if stream.abstention > -math.inf:
                none = stream.settle(question, Decision(None))
                if not none.value == none.reward == stream.abstention <= none.best:
                    raise CheckError(f"question {number}: abstaining earns {none.reward:g}, not {stream.abstention:g}")
            for slot, one in enumerate((ideal, settled)):
                luck, value = np.array([one.reward - one.value]), np.array([one.value])
                add_luck(test, np.array([slot]), luck, value)
    z, bound = luck_z(test, None, _FALSE_ALARM)
    if abs(z) > bound:
        raise CheckError(f"rewards do not average to values: {z:+.1f} standard errors, where {bound:.1f} may be")


@needs(check_prices_are_in_range, laws.check_codes_are_declared)
def check_rewards_average_to_values(subject: streams.StreamSubject) -> None:
    """Rewards average to values: each choice, by cell and concept, low and high, and by bands of value."""
    stream = law_of(subject)
    if stream.settles:
        raise SkipError("its prices are no table of choices")
    n_choices = len(stream.batch(0, 0, 1).values[0])
    halves = 2 * stream.n_concepts * stream.n_cells * n_choices
    test = make_luck_test(halves + _BANDS * n_choices)
    for batch in _sample(stream):
        situation = (batch.concept * stream.n_cells + batch.cell)[:, None] * n_choices + np.arange(n_choices)
        low, high = batch.values.min(axis=0), batch.values.max(axis=0)
        band = (_BANDS * 0.999 * (batch.values - low) / np.maximum(high - low, 1e-12)).astype(np.int64)
        slot, value = situation.ravel(), batch.values.ravel()
        luck = batch.rewards.ravel() - value
        add_luck(test, 2 * slot + _in_upper_half(slot, value), luck, value)
        add_luck(test, halves + (_BANDS * np.arange(n_choices) + band).ravel(), luck, value)
    z, bound = luck_z(test, np.full(len(test.counts), stream.luck_reach), _FALSE_ALARM)
    if abs(z) > bound:
        raise CheckError(f"rewards do not average to values: {z:+.1f} standard errors, where {bound:.1f} may be")


def _in_upper_half(slot: IntArray, value: FloatArray) -> IntArray:
    """Return 1 for rows (n,) whose value belongs to the upper half of its slot, 0 for others."""
    order = np.lexsort((value, slot))
    in_order = slot[order]
    first, after = (np.searchsorted(in_order, in_order, side) for side in ("left", "right"))
    upper = np.empty(len(slot), dtype=np.int64)
    upper[order] = 2 * (np.arange(len(slot)) - first) >= after - first
    return upper
