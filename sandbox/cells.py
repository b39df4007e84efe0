"""State by state: how often an agent decided in it, what that cost, and how many of the decisions were mistakes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.ledger import MISTAKE, REGRET, Columns
from sandbox.table import FloatArray, IntArray
from sandbox.trace import Meta

MOST_CELLS = 5_000  # a larger table is not kept state by state
BEFORE, AFTER = "first law", "later laws"  # decisions under the first law of a world that changes, and under others
_VISITS, _COST, _MISTAKES = range(3)


class Cells(NamedTuple):
    """The cells that were met, in their order, each (n,): decisions made in it, their sum of gaps, and the mistakes."""

    cell: IntArray
    visits: FloatArray
    cost: FloatArray
    mistakes: FloatArray


def make_counts(meta: Meta) -> FloatArray:
    """Return empty counts (2, 3, cells): under the first law and later, visits, cost and mistakes.

    They have no cells where none are kept: in unpriced worlds, streams, and tables of one state or very many.
    """
    kept = meta.priced and meta.episodic and meta.task == "control" and 2 <= meta.n_cells <= MOST_CELLS
    return np.zeros((2, 3, meta.n_cells if kept else 0))


@compiled
def count_cells(c: Columns, first: int, rows: int, signals: FloatArray, counts: FloatArray) -> None:
    """Add the rows priced in `signals` (K, BLOCK) to the counts; a cell that the world does not have is left out."""
    for i in range(rows):
        cell = c.cell[first + i]
        if 0 <= cell < counts.shape[2]:
            law = 1 if c.concept[first + i] > 0 else 0
            counts[law, _VISITS, cell] += 1.0
            counts[law, _COST, cell] += signals[REGRET, i]
            if signals[MISTAKE, i] == 1.0:
                counts[law, _MISTAKES, cell] += 1.0


def visits_to(counts: FloatArray, cells: Sequence[int]) -> float:
    """Return how many decisions were made in certain cells, NaN where that was not counted."""
    return float(counts[:, _VISITS, list(cells)].sum()) if counts.shape[2] else math.nan


def cells_of(counts: FloatArray) -> dict[str, Cells]:
    """Return what was counted, for each of the two that were met."""
    found = {}
    for name, (visits, cost, mistakes) in zip((BEFORE, AFTER), counts, strict=True):
        met = np.flatnonzero(visits)
        if len(met):
            found[name] = Cells(met.astype(np.int64), visits[met], cost[met], mistakes[met])
    return found
