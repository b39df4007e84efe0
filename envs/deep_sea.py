"""A dive whose treasure lies at the end of one way in 2^N (Osband, Van Roy, Russo & Wen 2019, section 4; bsuite)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Table, table_from_outcomes

from ._table_world import Outcome, TableWorld, grid_places


class DeepSea(TableWorld):
    """Deep sea: each step sinks one row; who swims right every time, at a small cost, finds the treasure of 1.

    The observation is the cell's number in a square of `size` rows, row by row; an episode starts in the upper left
    corner and ends below the last row. Of the two choices one swims left, the other right at a cost of `cost` / `size`;
    right from the lower right corner earns 1 more. A way right fails, and stays in its column, with probability `slip`
    (in bsuite 1 / size where it is stochastic). `code=0`: choice 1 is right everywhere; any other: which choice is
    right is drawn for each cell, from that number. Without slips the best return is 1 - `cost`, and a learner that
    explores at random finds the treasure once in 2^size episodes.

    A drift without settings draws another code.
    """

    def __init__(
        self,
        size: int = 10,
        *,
        cost: float = 0.01,
        slip: float = 0.0,
        code: int = 0,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__({"size": size, "cost": cost, "slip": slip, "code": code}, drift, render_mode)

    def build(self, **settings: Any) -> Table:
        """Return the law of a sea."""
        n, slip, code = settings["size"], settings["slip"], settings["code"]
        for name, low, high in (("size", 1, 100), ("cost", 0.0, 1e9), ("slip", 0.0, 1.0), ("code", 0, 2**62)):
            check_range("DeepSea", name, settings[name], low, high)
            if name in ("size", "code") and not isinstance(settings[name], int):
                raise SandboxError(f"DeepSea: {name}={settings[name]!r} is no whole number")
        rng = np.random.default_rng(code)
        rightward = rng.integers(2, size=n * n) if code else np.ones(n * n, dtype=np.int64)
        price = settings["cost"] / n

        def dive(cell: int, choice: int) -> list[Outcome]:
            r, c = divmod(cell, n)
            right, ends = choice == rightward[cell], r == n - 1
            below = cell - c if ends else cell - c + n  # the first cell of the row to come
            if not right:
                return [(1.0, below + max(c - 1, 0), 0.0, ends)]
            earned = float(c == n - 1) - price
            return [(1.0 - slip, below + min(c + 1, n - 1), earned, ends), (slip, below + c, earned, ends)]

        law = {cell: {a: dive(cell, a) for a in (0, 1)} for cell in range(n * n)}
        start = np.zeros(n * n)
        start[0] = 1.0
        return table_from_outcomes(law, start)

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after its own change of this number (1, 2, ...): another code."""
        return {"code": self._given["code"] + number}

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return the square: `#` where no dive leads, `G` the treasure."""
        n = settings["size"]
        rows = ["." * (r + 1) + "#" * (n - r - 1) for r in range(n)]
        return (*rows[:-1], "." * (n - 1) + "G")

    def places(self) -> IntArray:
        """Return row and column (S, 2) of each cell."""
        n = int(self._given["size"])
        return grid_places(n, n)
