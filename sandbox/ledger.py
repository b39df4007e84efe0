"""The ledger: what each decision cost, what was luck, and how an episode's loss adds up.

    V*(start) - discounted return = sum of gaps - sum of luck - sum of shifts

Each term is weighted by discount^t within its episode; an episode cut short closes with V* of where it stands.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.compiled import compiled
from sandbox.curves import Track, add_compensated, push
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Meta, Trace

SIGNALS = (
    "reward", "regret", "luck", "shift", "mistake", "inaccuracy", "middling", "blunder", "exploring_mistake",
    "correct", "abstained", "log_loss", "absolute_error", "squared_error",
)  # fmt: skip
(
    REWARD, REGRET, LUCK, SHIFT, MISTAKE, INACCURACY, MIDDLING, BLUNDER, EXPLORING,
    CORRECT, ABSTAINED, LOG_LOSS, ABSOLUTE, SQUARED,
) = range(len(SIGNALS))  # fmt: skip
_PRICED = ("regret", "luck", "shift", "inaccuracy", "middling", "blunder")
_JUDGED = {"control": (), "classification": ("correct", "log_loss"), "regression": ("absolute_error", "squared_error")}
EPISODE_SIGNALS = ("return", "length", "episode_regret")

# Severity by share of the world's gap range: a mistake above `material` (0.01), of which an inaccuracy up to 0.05 and a
# blunder above 0.2.
INACCURACY_UP_TO, BLUNDER_ABOVE = 0.05, 0.2
_CONTROL, _CLASSIFICATION, _REGRESSION = 0, 1, 2
_IMPOSSIBLE = 1e9  # the z of luck that the law cannot give
_SNAP = 1e-9  # luck this small, relative to the value, is rounding


def signals_of(meta: Meta) -> tuple[str, ...]:
    """Return the signals that a world of this kind can have."""
    wanted = {"reward", "mistake", "exploring_mistake", "abstained", *_JUDGED[meta.task]}
    return tuple(name for name in SIGNALS if name in wanted or (meta.priced and name in _PRICED))


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


def rules_of(meta: Meta) -> Rules:
    """Return the rules of pricing that `meta` declares."""
    return Rules(
        {"control": _CONTROL, "classification": _CLASSIFICATION, "regression": _REGRESSION}[meta.task],
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
    )


class Columns(NamedTuple):
    """The columns of a trace that the ledger reads."""

    step: IntArray
    episode: IntArray
    concept: IntArray
    choice: FloatArray
    greedy: FloatArray
    truth: FloatArray
    reward: FloatArray
    best: FloatArray
    value: FloatArray
    next_best: FloatArray
    likelihood: FloatArray
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]


def columns_of(trace: Trace) -> Columns:
    """Return the columns that the ledger reads."""
    return Columns(*(getattr(trace, name) for name in Columns._fields))


# The open episode: its books, between calls. `sums` are compensated pairs.
E_WEIGHT, E_START, E_NEXT_BEST, E_LENGTH, E_OPEN, E_CONCEPT, E_NUMBER = range(7)
S_GAP, S_LUCK, S_SHIFT, S_EARNED, S_ABSOLUTE, S_RETURN = range(6)
# The audit of a run.
(
    A_LEDGER_ERROR, A_MIN_GAP, A_SHIFT_LEAK, A_START_LUCK, A_LEVEL,
) = range(5)  # fmt: skip


class Books(NamedTuple):
    """What the ledger keeps between chunks."""

    episode: FloatArray  # (7,)
    sums: FloatArray  # (2, 6)
    audit: FloatArray  # (5,)


def make_books() -> Books:
    """Return empty books."""
    audit = np.zeros(5)
    audit[A_MIN_GAP] = np.inf
    return Books(np.zeros(7), np.zeros((2, 6)), audit)


@compiled
def price_row(
    signal: FloatArray,
    rules: Rules,
    choice: float,
    truth: float,
    reward: float,
    best: float,
    value: float,
    next_best: float,
    likelihood: float,
) -> None:
    """Fill `signal` with what one row says of gap, luck and mistake; shift and episode outcomes come later."""
    abstained = np.isnan(choice)
    signal[:] = np.nan
    signal[REWARD], signal[ABSTAINED] = reward, abstained
    if rules.priced:
        gap = best - value
        signal[REGRET] = gap
        signal[LUCK] = reward - rules.gain + rules.discount * next_best - value
        if not np.isnan(gap) and not np.isnan(rules.mistake_above):
            wrong = gap > rules.mistake_above
            signal[MISTAKE] = wrong
            signal[INACCURACY] = wrong and gap <= rules.inaccuracy_up_to
            signal[BLUNDER] = wrong and gap > rules.blunder_above
            signal[MIDDLING] = wrong and gap > rules.inaccuracy_up_to and gap <= rules.blunder_above
    if np.isnan(truth):
        return
    if rules.task == _CLASSIFICATION:
        right = choice == truth
        signal[CORRECT] = right
        if not rules.priced:
            signal[MISTAKE] = not right
        if not np.isnan(likelihood):
            signal[LOG_LOSS] = -math.log(min(1.0, max(likelihood, 1e-15)))
    elif rules.task == _REGRESSION:
        error = abs(choice - truth)
        signal[ABSOLUTE], signal[SQUARED] = error, error * error  # NaN for an abstention
        if not rules.priced and not np.isnan(rules.tolerance):
            signal[MISTAKE] = abstained or error > rules.tolerance


@compiled
def close_episode(books: Books, rules: Rules, closing: float, ended: bool, track: Track, at: int) -> float:
    """Close the open episode with value `closing` for what follows; return its undiscounted return.

    Only an episode that `ended`, by the world or its time limit, counts as one; one cut by the run's end is audited.
    """
    e, s, audit = books.episode, books.sums, books.audit
    earned_return = s[0, S_RETURN] + s[1, S_RETURN]
    if rules.priced and not np.isnan(e[E_START]):
        add_compensated(s, S_EARNED, e[E_WEIGHT] * closing)
        gap, luck = s[0, S_GAP] + s[1, S_GAP], s[0, S_LUCK] + s[1, S_LUCK]
        shift, earned = s[0, S_SHIFT] + s[1, S_SHIFT], s[0, S_EARNED] + s[1, S_EARNED]
        residual = abs((e[E_START] - earned) - (gap - luck - shift))
        residual /= max(1.0, s[0, S_ABSOLUTE] + s[1, S_ABSOLUTE])
        if np.isnan(residual) or residual > audit[A_LEDGER_ERROR]:  # a NaN in the books stays visible
            audit[A_LEDGER_ERROR] = residual
    if ended and rules.episodic:
        regret = s[0, S_GAP] + s[1, S_GAP] if rules.priced else np.nan
        push(track, np.array([[earned_return, e[E_LENGTH], regret]]), np.array([at]))
    e[E_OPEN] = 0.0
    return float(earned_return)


@compiled
def _open_episode(books: Books, rules: Rules, best: float, concept: int, number: int) -> None:
    e, audit = books.episode, books.audit
    books.sums[:] = 0.0
    e[E_WEIGHT], e[E_START], e[E_NEXT_BEST], e[E_LENGTH], e[E_OPEN] = 1.0, best, np.nan, 0.0, 1.0
    e[E_CONCEPT], e[E_NUMBER] = concept, number
    if rules.priced:
        expected = rules.expected_start[min(concept, rules.expected_start.shape[0] - 1)]
        audit[A_START_LUCK] += best - expected
        audit[A_LEVEL] += expected - rules.expected_start[0]


@compiled
def _book_row(
    books: Books, signal: FloatArray, rules: Rules, concept: int, reward: float, best: float, next_best: float
) -> None:
    e, s, audit = books.episode, books.sums, books.audit
    weight = e[E_WEIGHT]
    add_compensated(s, S_RETURN, reward)
    if rules.priced:
        gap, luck = signal[REGRET], signal[LUCK]
        signal[SHIFT] = 0.0
        if e[E_LENGTH] > 0.0:
            jump = best - e[E_NEXT_BEST]
            if concept != e[E_CONCEPT]:
                signal[SHIFT] = jump
                add_compensated(s, S_SHIFT, weight * jump)
                add_compensated(s, S_ABSOLUTE, weight * abs(jump))
            elif np.isnan(jump) or abs(jump) > audit[A_SHIFT_LEAK]:
                audit[A_SHIFT_LEAK] = abs(jump)
        add_compensated(s, S_GAP, weight * gap)
        add_compensated(s, S_LUCK, weight * luck)
        add_compensated(s, S_EARNED, weight * (reward - rules.gain))
        add_compensated(s, S_ABSOLUTE, weight * (abs(gap) + abs(luck)))
        if np.isnan(gap) or gap < audit[A_MIN_GAP]:
            audit[A_MIN_GAP] = gap
    e[E_NEXT_BEST], e[E_CONCEPT] = next_best, concept
    e[E_WEIGHT] = weight * rules.discount
    e[E_LENGTH] += 1.0


@compiled
def book_rows(c: Columns, rules: Rules, books: Books, episodes: Track, signals: FloatArray) -> None:
    """Price every row into `signals` (n, K), and book it in its episode."""
    e = books.episode
    has_books = rules.episodic or rules.priced
    for i in range(signals.shape[0]):
        signal, choice = signals[i], c.choice[i]
        price_row(
            signal, rules, choice, c.truth[i], c.reward[i], c.best[i], c.value[i], c.next_best[i], c.likelihood[i]
        )
        if has_books:
            if e[E_OPEN] == 1.0 and e[E_NUMBER] != c.episode[i]:  # a log may drop an episode without saying its end
                close_episode(books, rules, e[E_NEXT_BEST], True, episodes, c.step[i])
            if e[E_OPEN] == 0.0:
                _open_episode(books, rules, c.best[i], c.concept[i], c.episode[i])
            _book_row(books, signal, rules, c.concept[i], c.reward[i], c.best[i], c.next_best[i])
            if c.terminated[i] or c.truncated[i]:
                closing = 0.0 if c.terminated[i] else c.next_best[i]
                earned = close_episode(books, rules, closing, True, episodes, c.step[i] + 1)
                if rules.task == _CONTROL and not rules.priced and not np.isnan(rules.reference_return):
                    signal[MISTAKE] = earned < rules.reference_return
        if not np.isnan(signal[MISTAKE]) and not np.isnan(c.greedy[i]):
            signal[EXPLORING] = signal[MISTAKE] == 1.0 and choice != c.greedy[i]


class LuckTest(NamedTuple):
    """Sums of luck in each (concept, cell, choice): luck has mean zero there if the oracle is right."""

    counts: FloatArray  # (slots,)
    total: FloatArray  # (slots,)
    square: FloatArray  # (slots,)
    reach: FloatArray  # (slots,) the largest luck, in size


@compiled
def add_luck(test: LuckTest, slot: IntArray, luck: FloatArray, value: FloatArray) -> None:
    """Add each row's luck to its slot; slot -1 and unknown luck are left out."""
    for i in range(slot.shape[0]):
        if slot[i] < 0 or np.isnan(luck[i]):
            continue
        x = 0.0 if abs(luck[i]) <= _SNAP * max(1.0, abs(value[i])) else luck[i]
        test.counts[slot[i]] += 1.0
        test.total[slot[i]] += x
        test.square[slot[i]] += x * x
        test.reach[slot[i]] = max(test.reach[slot[i]], abs(x))


def luck_z(test: LuckTest, reach: FloatArray | None = None, alpha: float = 0.01) -> tuple[float, float]:
    """Return the most extreme studentised mean of luck over the slots, and the bound it should keep.

    z = S / sqrt(Q + 2/3 R |S|), S and Q the sum and the sum of squares of luck in a slot, R the largest luck that the
    law allows there: `reach` (slots,), repeated for every concept; None: the largest seen anywhere, which makes the
    bound a rough one. For many decisions this is the studentised mean; for few, the second term keeps what has not
    happened yet from looking like a wrong oracle (Bernstein's inequality has 1/3 beside the true variance; beside Q the
    lower Poisson tail needs 2/3). The bound is two-sided at level `alpha`, corrected (Bonferroni) for the number of
    slots and, by doublings, for the open length of a run. Luck beyond `reach` is proof: z is 1e9. NaN: nothing tested.
    """
    used = test.counts > 0
    slots = int(used.sum())
    if not slots:
        return math.nan, math.nan
    total, square = test.total[used], test.square[used]
    largest = np.full(slots, test.reach.max()) if reach is None else np.resize(reach, len(used))[used]
    spread = np.sqrt(square + 2.0 / 3.0 * largest * np.abs(total))
    z = np.divide(total, spread, out=np.zeros(slots), where=spread > 0)
    z = np.where(test.reach[used] > largest * (1.0 + 1e-9) + 1e-9, np.copysign(_IMPOSSIBLE, total), z)
    looks = slots * (1.0 + math.log2(float(test.counts.max())))
    return float(z[np.abs(z).argmax()]), math.sqrt(2.0 * math.log(2.0 * looks / alpha))
