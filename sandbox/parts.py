"""What a run keeps beside its metrics and curves, in the columns of a curve: counts by state, and tables of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from sandbox.cells import Cells
from sandbox.curves import Curve
from sandbox.evaluator import Scores
from sandbox.table import FloatArray

WIDEST = 4  # columns of a table


def parts_of(scores: Scores) -> Iterator[tuple[str, str, Curve]]:
    """Yield the kind, the name and the columns of each part; a table that is narrower is filled up with NaN."""
    for name, cells in scores.cells.items():
        nothing = np.full(len(cells.cell), math.nan)
        yield "cells", name, Curve(cells.cell, cells.cost, cells.visits, cells.mistakes, nothing)
    for name, table in sorted(scores.tables.items()):  # read back they come by kind: the same bytes either way
        filled = np.full((len(table), WIDEST), math.nan)
        filled[:, : table.shape[1]] = table
        yield f"table {table.shape[1]}", name, Curve(np.arange(len(table)), *filled.T)


def cells_from(parts: Mapping[str, Mapping[str, Curve]]) -> dict[str, Cells]:
    """Return the counts by state among parts by kind and name."""
    found = parts.get("cells", {})
    return {name: Cells(part.step, part.number, part.total, part.windowed) for name, part in found.items()}


def tables_from(parts: Mapping[str, Mapping[str, Curve]]) -> dict[str, FloatArray]:
    """Return the tables among parts by kind and name."""
    return {
        name: np.stack(part[1 : 1 + width], axis=1)
        for width in range(1, WIDEST + 1)
        for name, part in parts.get(f"table {width}", {}).items()
    }
