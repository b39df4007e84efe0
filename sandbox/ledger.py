"""The ledger's entries: what each decision cost, what was luck, and whether it was a mistake."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Meta, Trace

SIGNALS = (
    "reward", "regret", "luck", "shift", "mistake", "inaccuracy", "middling", "blunder", "exploring_mistake",
    "abstained", "correct", "log_loss", "brier", "false_positive", "false_negative", "absolute_error", "squared_error",
    "pinball",
)  # fmt: skip
(
    REWARD, REGRET, LUCK, SHIFT, MISTAKE, INACCURACY, MIDDLING, BLUNDER, EXPLORING,
    ABSTAINED, CORRECT, LOG_LOSS, BRIER, FALSE_POSITIVE, FALSE_NEGATIVE, ABSOLUTE, SQUARED,
    PINBALL,
) = range(len(SIGNALS))  # fmt: skip
_PRICED = ("regret", "luck", "shift", "inaccuracy", "middling", "blunder")
_JUDGED = {
    "control": (),
    "classification": ("correct", "log_loss", "brier"),
    "regression": ("absolute_error", "squared_error", "pinball"),
}
_OF_TWO = ("false_positive", "false_negative")
BLOCK = 512  # rows that are judged at a time: what they say fits into a processor's nearest memory

# Severity by share of the world's gap range: a mistake above `material` (0.01), of which an inaccuracy up to 0.05 and a
# blunder above 0.2.
INACCURACY_UP_TO, BLUNDER_ABOVE = 0.05, 0.2
CONTROL, CLASSIFICATION, REGRESSION = range(3)
_NONE = np.empty(0)


def signals_of(meta: Meta) -> tuple[str, ...]:
    """Return the signals that a world of this kind can have."""
    wanted = {"reward", "mistake", "exploring_mistake", "abstained", *_JUDGED[meta.task]}
    wanted.update(_PRICED if meta.priced else ())
    wanted.update(_OF_TWO if meta.task == "classification" and meta.n_choices == 2 else ())
    return tuple(name for name in SIGNALS if name in wanted)


class Rules(NamedTuple):
    """The numbers of `Meta` that pricing needs."""

    task: int
    priced: bool
    episodic: bool
    discount: float
    gain: float
    mistake_above: float
    inaccuracy_up_to: float
    blunder_above: float
    tolerance: float
    reference_return: float
    expected_start: FloatArray
    cells: int
    choices: int
    quantile: float


def rules_of(meta: Meta) -> Rules:
    """Return the rules of pricing that `meta` declares."""
    return Rules(
        {"control": CONTROL, "classification": CLASSIFICATION, "regression": REGRESSION}[meta.task],
        meta.priced,
        meta.episodic,
        meta.discount,
        meta.gain,
        meta.material * meta.gap_range,
        INACCURACY_UP_TO * meta.gap_range,
        BLUNDER_ABOVE * meta.gap_range,
        meta.tolerance,
        meta.reference_return,
        np.asarray(meta.expected_start or (math.nan,), dtype=np.float64),
        meta.n_cells,
        meta.n_choices,
        meta.quantile,
    )


class Columns(NamedTuple):
    """The columns of a trace that the ledger reads."""

    step: IntArray
    episode: IntArray
    cell: IntArray
    group: IntArray
    concept: IntArray
    choice: FloatArray
    greedy: FloatArray
    truth: FloatArray
    reward: FloatArray
    best: FloatArray
    value: FloatArray
    next_best: FloatArray
    confidence: FloatArray
    likelihood: FloatArray
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    sharpness: FloatArray  # sum of the squared probabilities of all labels; (0,) where it is not known


def columns_of(trace: Trace) -> Columns:
    """Return the columns that the ledger reads."""
    sharpness = trace.extras.get("sharpness", _NONE)
    return Columns._make([*(getattr(trace, name) for name in Columns._fields[:-1]), sharpness])


@compiled
def _price_gaps(c: Columns, rules: Rules, first: int, rows: int, signals: FloatArray) -> None:
    above, up_to, blunder = rules.mistake_above, rules.inaccuracy_up_to, rules.blunder_above
    for i in range(rows):
        value = c.value[first + i]
        gap = c.best[first + i] - value
        signals[REGRET, i] = gap
        signals[LUCK, i] = c.reward[first + i] - rules.gain + rules.discount * c.next_best[first + i] - value
        signals[SHIFT, i] = 0.0
        if gap == gap and above == above:  # neither is NaN
            wrong = gap > above
            signals[MISTAKE, i] = wrong
            signals[INACCURACY, i] = wrong and gap <= up_to
            signals[BLUNDER, i] = wrong and gap > blunder
            signals[MIDDLING, i] = wrong and gap > up_to and gap <= blunder


@compiled
def _judge_labels(c: Columns, rules: Rules, first: int, rows: int, signals: FloatArray) -> None:
    signals[CORRECT:ABSOLUTE] = np.nan
    two, sharp = rules.choices == 2, c.sharpness.shape[0] > 0
    for i in range(rows):
        truth, likelihood = c.truth[first + i], c.likelihood[first + i]
        if truth == truth:
            right = c.choice[first + i] == truth
            signals[CORRECT, i] = right
            if not rules.priced:
                signals[MISTAKE, i] = not right
            if two:
                signals[FALSE_POSITIVE + int(truth != 0.0), i] = not right
            if likelihood == likelihood:
                signals[LOG_LOSS, i] = -math.log(min(1.0, max(likelihood, 1e-15)))
                if rules.choices <= 2:
                    signals[BRIER, i] = (1.0 - likelihood) * (1.0 - likelihood)
                elif sharp:
                    signals[BRIER, i] = c.sharpness[first + i] - 2.0 * likelihood + 1.0


@compiled
def _judge_forecasts(c: Columns, rules: Rules, first: int, rows: int, signals: FloatArray) -> None:
    signals[ABSOLUTE:] = np.nan
    judged = not rules.priced and not np.isnan(rules.tolerance)
    for i in range(rows):
        choice, truth = c.choice[first + i], c.truth[first + i]
        if truth == truth:
            error = abs(choice - truth)
            signals[ABSOLUTE, i], signals[SQUARED, i] = error, error * error  # NaN for an abstention
            signals[PINBALL, i] = (rules.quantile if choice < truth else 1.0 - rules.quantile) * error
            if judged:
                signals[MISTAKE, i] = choice != choice or error > rules.tolerance


@compiled
def price_rows(c: Columns, rules: Rules, first: int, rows: int, signals: FloatArray) -> None:
    """Fill `signals` (K, BLOCK) with what each row from `first` on says by itself of gap, luck and mistake."""
    signals[:CORRECT] = np.nan  # those of labels and of forecasts are told where there are any
    for i in range(rows):
        choice = c.choice[first + i]
        signals[REWARD, i], signals[ABSTAINED, i] = c.reward[first + i], choice != choice
    if rules.priced:
        _price_gaps(c, rules, first, rows, signals)
    if rules.task == CLASSIFICATION:
        _judge_labels(c, rules, first, rows, signals)
    elif rules.task == REGRESSION:
        _judge_forecasts(c, rules, first, rows, signals)


@compiled
def judge_exploring(c: Columns, first: int, rows: int, signals: FloatArray) -> None:
    """Say which mistakes were made while exploring: the greedy choice was another."""
    for i in range(rows):
        greedy, mistake = c.greedy[first + i], signals[MISTAKE, i]
        if mistake == mistake and greedy == greedy:
            signals[EXPLORING, i] = mistake == 1.0 and c.choice[first + i] != greedy
