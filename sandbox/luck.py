"""The luck test: luck has mean zero in every situation if the oracle that prices a run is right."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.ledger import LUCK, REGRESSION, Columns, Rules
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Meta

_IMPOSSIBLE = 1e9  # the z of luck that the law cannot give
_SNAP = 1e-9  # luck this small in a whole slot, relative to the value, is rounding
_MAX_SLOTS = 5_000_000  # situations x choices above which luck is not audited: it would take too much memory


class LuckTest(NamedTuple):
    """Sums of luck in each slot: (concept, cell, choice)."""

    counts: FloatArray  # (slots,)
    total: FloatArray  # (slots,)
    square: FloatArray  # (slots,)
    reach: FloatArray  # (slots,) the largest luck, in size
    scale: FloatArray  # (slots,) the largest value, in size, at least 1


def make_luck_test(slots: int) -> LuckTest:
    """Return a test of so many slots, all empty."""
    return LuckTest(*(np.zeros(slots) for _ in LuckTest._fields))


def enlarged(test: LuckTest, meta: Meta, concept: int) -> LuckTest:
    """Return the test with slots for the concepts up to `concept`; as it is if that would be too many to keep."""
    block = meta.n_cells * meta.n_choices
    missing = (concept + 1) * block - len(test.counts)
    if missing <= 0 or (concept + 1) * block > _MAX_SLOTS:
        return test
    return LuckTest(*(np.concatenate([part, np.zeros(missing)]) for part in test))


@compiled
def slot_of(concept: int, cell: int, choice: float, cells: int, choices: int) -> int:
    """Return the slot of a decision; -1 for an abstention and for what lies outside."""
    inside = choice > -1.0 and choice < choices and cell >= 0 and cell < cells and concept >= 0
    return (concept * cells + cell) * choices + int(choice) if inside else -1


@compiled
def add_luck(test: LuckTest, slot: IntArray, luck: FloatArray, value: FloatArray) -> None:
    """Add each row's luck to its slot; slot -1, slots that are not kept, and unknown luck are left out."""
    for i in range(slot.shape[0]):
        k = slot[i]
        if k < 0 or k >= test.counts.shape[0] or np.isnan(luck[i]):
            continue
        x = luck[i]
        test.counts[k] += 1.0
        test.total[k] += x
        test.square[k] += x * x
        test.reach[k] = max(test.reach[k], abs(x))
        test.scale[k] = max(test.scale[k], 1.0, abs(value[i]))


@compiled
def audit_luck(c: Columns, rules: Rules, first: int, rows: int, signals: FloatArray, test: LuckTest) -> None:
    """Add the luck of rows from `first` on, as `signals` (K, BLOCK) tell it."""
    slots = np.empty(rows, dtype=np.int64)
    for i in range(rows):
        choice = c.choice[first + i]
        if rules.task == REGRESSION and choice == choice:  # all forecasts share a slot
            choice = 0.0
        slots[i] = slot_of(c.concept[first + i], c.cell[first + i], choice, rules.cells, rules.choices)
    add_luck(test, slots, signals[LUCK], c.value[first : first + rows])


def reach_of(meta: Meta, slots: int) -> FloatArray | None:
    """Return the largest luck that the law allows in each slot (slots,), None if the world does not say.

    Concepts beyond those that `meta.luck_reach` tells of are like the last one of them.
    """
    if not meta.luck_reach:
        return None
    block = meta.n_cells * meta.n_choices
    told = np.resize(np.array(meta.luck_reach), (max(1, len(meta.luck_reach) // block), block))
    concept = np.arange(slots // block)
    return told[np.minimum(concept, len(told) - 1)].ravel()


def luck_z(test: LuckTest, reach: FloatArray | None = None, alpha: float = 0.01) -> tuple[float, float]:
    """Return the most extreme studentised mean of luck over the slots, and the bound it should keep.

    z = S / sqrt(Q + 2/3 R |S|), S and Q the sum and the sum of squares of luck in a slot, R the largest luck that the
    law allows there: `reach` (slots,); None: the largest seen anywhere, which makes the bound a rough one. For many
    decisions this is the studentised mean; for few, the second term keeps what has not happened yet from looking like a
    wrong oracle (Bernstein's inequality has 1/3 beside the true variance; beside Q the lower Poisson tail needs 2/3).
    The bound is two-sided at level `alpha`, corrected (Bonferroni) for the number of slots and, by doublings, for the
    open length of a run. Luck beyond `reach` is proof: z is 1e9. A slot whose luck is but rounding (root mean square)
    has z 0; its rows are not judged one by one, which would drop the smaller of a win and a loss. NaN: nothing tested.
    """
    used = test.counts > 0
    slots = int(used.sum())
    if not slots:
        return math.nan, math.nan
    total, square = test.total[used], test.square[used]
    largest = np.full(slots, test.reach.max()) if reach is None else reach[used]
    spread = np.sqrt(square + 2.0 / 3.0 * largest * np.abs(total))
    z = np.divide(total, spread, out=np.zeros(slots), where=spread > 0)
    z = np.where(test.reach[used] > largest * (1.0 + 1e-9) + 1e-9, np.copysign(_IMPOSSIBLE, total), z)
    z = np.where(square > test.counts[used] * np.square(_SNAP * test.scale[used]), z, 0.0)
    looks = slots * (1.0 + math.log2(float(test.counts.max())))
    return float(z[np.abs(z).argmax()]), math.sqrt(2.0 * math.log(2.0 * looks / alpha))
