"""The books of episodes: how the loss of each adds up, from the ledger's entries.

    V*(start) - discounted return = sum of gaps - sum of luck - sum of shifts

Each term is weighted by discount^t within its episode; an episode cut short closes with V* of where it stands.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.curves import lost
from sandbox.ledger import BLOCK, CONTROL, LUCK, MISTAKE, REGRET, SHIFT, Columns, Rules
from sandbox.table import FloatArray, IntArray

EPISODE_SIGNALS = ("return", "length", "episode_regret")
# The audit of a run.
(
    A_LEDGER_ERROR, A_MIN_GAP, A_SHIFT_LEAK, A_START_LUCK, A_LEVEL,
) = range(5)  # fmt: skip

Pair = tuple[float, float]  # a compensated sum: the sum, and what rounding lost
Accounts = tuple[Pair, Pair, Pair, Pair, Pair, Pair]  # gaps, luck, shifts, reward above gain, size of these; return
_EMPTY = ((0.0, 0.0),) * 6


class Books(NamedTuple):
    """What is kept between blocks of rows."""

    accounts: FloatArray  # (6, 2) of the open episode
    floats: FloatArray  # (3,) of it: weight of its next decision, V* of its start, V* of what followed its last
    codes: IntArray  # (4,) of it: its number, its decisions so far, concept of the last; 1 if there is one, else 0
    audit: FloatArray  # (5,)
    ended: FloatArray  # (3, BLOCK + 1) the `EPISODE_SIGNALS` of each episode that ended in the block
    ended_at: IntArray  # (BLOCK + 1,) and the lifetime step after it


def make_books() -> Books:
    """Return empty books."""
    audit = np.zeros(5)
    audit[A_MIN_GAP] = np.inf
    ended, ended_at = np.zeros((len(EPISODE_SIGNALS), BLOCK + 1)), np.zeros(BLOCK + 1, dtype=np.int64)
    return Books(np.zeros((6, 2)), np.zeros(3), np.zeros(4, dtype=np.int64), audit, ended, ended_at)


@compiled
def _plus(pair: Pair, value: float) -> Pair:
    return pair[0] + value, pair[1] + lost(pair[0], value)


@compiled
def _booked(accounts: Accounts, weight: float, gap: float, luck: float, reward: float, gain: float) -> Accounts:
    """Return the accounts of an episode with one more decision."""
    gaps, lucks, shifts, earned, size, returned = accounts
    gaps, lucks = _plus(gaps, weight * gap), _plus(lucks, weight * luck)
    earned, size = _plus(earned, weight * (reward - gain)), _plus(size, weight * (abs(gap) + abs(luck)))
    return gaps, lucks, shifts, earned, size, _plus(returned, reward)


@compiled
def _moved(accounts: Accounts, weight: float, jump: float) -> Accounts:
    """Return the accounts of an episode in which V* jumped because the concept changed."""
    gaps, lucks, shifts, earned, size, returned = accounts
    return gaps, lucks, _plus(shifts, weight * jump), earned, _plus(size, weight * abs(jump)), returned


@compiled
def _audit_start(audit: FloatArray, best: float, concept: int, expected: FloatArray) -> None:
    here = expected[min(concept, expected.shape[0] - 1)]
    audit[A_START_LUCK] += best - here
    audit[A_LEVEL] += here - expected[0]


@compiled
def _audit_end(audit: FloatArray, accounts: Accounts, start: float, closing: float) -> None:
    """Audit the accounts of an episode that closes with `closing`, weighted, for what follows."""
    if start != start:  # NaN: it is not priced
        return
    gaps, lucks, shifts, earned, size, _ = accounts
    earned = _plus(earned, closing)
    loss = start - (earned[0] + earned[1])
    residual = abs(loss - ((gaps[0] + gaps[1]) - (lucks[0] + lucks[1]) - (shifts[0] + shifts[1])))
    residual /= max(1.0, size[0] + size[1])
    if residual != residual or residual > audit[A_LEDGER_ERROR]:  # a NaN in the books stays visible
        audit[A_LEDGER_ERROR] = residual


@compiled
def _record(ended: FloatArray, k: int, accounts: Accounts, length: int) -> None:
    """Keep the return, the length and the regret of the k-th episode that ended in this block."""
    gaps, _, _, _, _, returned = accounts
    ended[0, k], ended[1, k], ended[2, k] = returned[0] + returned[1], length, gaps[0] + gaps[1]


@compiled
def _load(a: FloatArray) -> Accounts:
    return (
        (a[0, 0], a[0, 1]), (a[1, 0], a[1, 1]), (a[2, 0], a[2, 1]),
        (a[3, 0], a[3, 1]), (a[4, 0], a[4, 1]), (a[5, 0], a[5, 1]),
    )  # fmt: skip


@compiled
def _save(a: FloatArray, accounts: Accounts) -> None:
    gaps, lucks, shifts, earned, size, returned = accounts
    (a[0, 0], a[0, 1]), (a[1, 0], a[1, 1]), (a[2, 0], a[2, 1]) = gaps, lucks, shifts
    (a[3, 0], a[3, 1]), (a[4, 0], a[4, 1]), (a[5, 0], a[5, 1]) = earned, size, returned


@compiled
def book_rows(c: Columns, rules: Rules, books: Books, first: int, rows: int, signals: FloatArray) -> int:
    """Book rows that are priced in `signals` (K, BLOCK), and fill in their shift; return how many episodes ended."""
    # What an episode adds up stays in local numbers: through arrays, or a call per row, it takes five times as long.
    audit, ended, done, priced, gain = books.audit, books.ended, 0, rules.priced, rules.gain
    accounts, weight, start, after = _load(books.accounts), books.floats[0], books.floats[1], books.floats[2]
    number, length, concept, is_open = books.codes[0], books.codes[1], books.codes[2], books.codes[3]
    for i in range(rows):
        r, gap = first + i, signals[REGRET, i]
        if is_open == 1 and number != c.episode[r]:  # a log may drop an episode without saying its end
            _audit_end(audit, accounts, start, weight * after)
            _record(ended, done, accounts, length)
            books.ended_at[done], is_open, done = c.step[r], 0, done + 1
        if is_open == 0:
            accounts, weight, length, is_open, number = _EMPTY, 1.0, 0, 1, c.episode[r]
            start = c.best[r] if priced else np.nan
            if priced:
                _audit_start(audit, start, c.concept[r], rules.expected_start)
        elif priced:
            jump = c.best[r] - after
            if concept != c.concept[r]:
                accounts, signals[SHIFT, i] = _moved(accounts, weight, jump), jump
            elif jump != jump or abs(jump) > audit[A_SHIFT_LEAK]:
                audit[A_SHIFT_LEAK] = abs(jump)
        accounts = _booked(accounts, weight, gap, signals[LUCK, i], c.reward[r], gain)
        if priced and (gap != gap or gap < audit[A_MIN_GAP]):
            audit[A_MIN_GAP] = gap
        weight, length, after, concept = weight * rules.discount, length + 1, c.next_best[r], c.concept[r]
        if c.terminated[r] or c.truncated[r]:
            _audit_end(audit, accounts, start, 0.0 if c.terminated[r] else weight * after)
            _record(ended, done, accounts, length)
            if rules.task == CONTROL and not priced and rules.reference_return == rules.reference_return:
                signals[MISTAKE, i] = ended[0, done] < rules.reference_return
            books.ended_at[done], is_open, done = c.step[r] + 1, 0, done + 1
    books.floats[0], books.floats[1], books.floats[2] = weight, start, after
    books.codes[0], books.codes[1], books.codes[2], books.codes[3] = number, length, concept, is_open
    _save(books.accounts, accounts)
    return done


@compiled
def close_books(books: Books) -> None:
    """Audit the episode that the run's end cut short, if there is one; it does not count as one."""
    if books.codes[3] == 1:
        _audit_end(books.audit, _load(books.accounts), books.floats[1], books.floats[0] * books.floats[2])
        books.codes[3] = 0
