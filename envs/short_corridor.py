"""A corridor whose places look alike (Sutton & Barto, 2nd edition, example 13.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Table, table_from_outcomes

from ._table_world import Outcome, TableWorld, grid_places


class ShortCorridor(TableWorld):
    """The short corridor (book, example 13.1): places that look alike, in one of which left and right are exchanged.

    Of `states` places the first is the start and behind the last is the goal; each step costs 1. Choice 0 goes left (at
    the start it stays), 1 goes right; in place `switched`, counted from 0, it is the other way round. All places look
    alike: the observation is always 0. So no fixed choice reaches the goal, and the best there is is to go right with
    probability 2 - √2, about 0.59, which is worth -6 - 4√2, about -11.66. Who saw where it stands would need 3 steps.

    `mirrored` exchanges left and right everywhere, and so does a drift without settings. Episodes have no time limit.
    """

    def __init__(
        self,
        states: int = 3,
        *,
        switched: int = 1,
        mirrored: bool = False,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__({"states": states, "switched": switched, "mirrored": mirrored}, drift, render_mode)

    def build(self, **settings: Any) -> Table:
        """Return the law of a corridor."""
        n, switched, mirrored = settings["states"], settings["switched"], settings["mirrored"]
        check_range("ShortCorridor", "states", n, 2, 100)
        check_range("ShortCorridor", "switched", switched, 0, n - 1)
        for name in ("states", "switched"):
            if not isinstance(settings[name], int):
                raise SandboxError(f"ShortCorridor: {name}={settings[name]!r} is no whole number")
        if not isinstance(mirrored, bool):
            raise SandboxError(f"ShortCorridor: mirrored={mirrored!r} is neither True nor False")

        def step(place: int, choice: int) -> list[Outcome]:
            right = (choice == 1) ^ (place == switched) ^ mirrored
            there = place + 1 if right else max(place - 1, 0)
            return [(1.0, min(there, n - 1), -1.0, there == n)]

        law = {place: {choice: step(place, choice) for choice in (0, 1)} for place in range(n)}
        table = table_from_outcomes(law, np.eye(n)[0])
        return replace(table, observed=np.zeros(n, dtype=np.int64))

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after its own change of this number (1, 2, ...): mirrored, and back again."""
        return {"mirrored": bool(self._given["mirrored"]) != bool(number % 2)}

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return one row: `x` is the place where left and right are exchanged, `G` the goal."""
        row = ["."] * settings["states"]
        row[settings["switched"]] = "x"
        return ("".join(row) + "G",)

    def places(self) -> IntArray:
        """Return row and column (S, 2) of each place."""
        return grid_places(1, int(self._given["states"]))
