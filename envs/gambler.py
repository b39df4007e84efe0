"""A gambler's bets on a coin (Sutton & Barto, 2nd edition, example 4.3)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Table, table_from_outcomes

from ._table_world import Outcome, TableWorld, grid_places

_ONE_ROW = 25  # capitals that a picture shows in one row


class Gambler(TableWorld):
    """The gambler's problem (book, example 4.3): stake some capital on a coin until it is the goal, or nothing.

    The observation is the capital, 0..`goal`; choice a stakes a + 1, and never more than there is or than the goal
    needs. Heads (probability `heads`) win the stake, tails lose it. Reaching the goal pays 1. An episode starts with
    `capital`; None: with any from 1 to `goal` - 1, equally likely.

    A drift without settings turns the coin over: where bold stakes were best timid ones are, or the other way round.
    """

    def __init__(
        self,
        goal: int = 100,
        *,
        heads: float = 0.4,
        capital: int | None = None,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__({"goal": goal, "heads": heads, "capital": capital}, drift, render_mode)

    def build(self, **settings: Any) -> Table:
        """Return the law of the bets."""
        goal, heads, capital = settings["goal"], settings["heads"], settings["capital"]
        check_range("Gambler", "goal", goal, 2, 500)
        check_range("Gambler", "heads", heads, 0.01, 0.99)
        if capital is not None:
            check_range("Gambler", "capital", capital, 1, goal - 1)
        for name, value in (("goal", goal), ("capital", capital)):
            if not isinstance(value, int | None):
                raise SandboxError(f"Gambler: {name}={value!r} is no whole number")

        def bet(has: int, choice: int) -> list[Outcome]:
            if has in (0, goal):
                return [(1.0, has, 0.0, True)]
            stake = min(choice + 1, has, goal - has)
            won, lost = has + stake, has - stake
            return [(heads, won, float(won == goal), won == goal), (1.0 - heads, lost, 0.0, lost == 0)]

        law = {has: {a: bet(has, a) for a in range(goal // 2)} for has in range(goal + 1)}
        start = np.zeros(goal + 1)
        start[1:goal] = np.arange(1, goal) == capital if capital is not None else 1.0 / (goal - 1)
        return table_from_outcomes(law, start)

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after its own change of this number (1, 2, ...): the coin turned, and back again."""
        heads = self._given["heads"]
        return {"heads": 1.0 - heads if number % 2 else heads}

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return the capitals from none (`O`) to the goal (`G`), ten a row if they are many."""
        goal, width = settings["goal"], self._width
        signs = "O" + "." * (goal - 1) + "G" + "#" * (-(goal + 1) % width)
        return tuple(signs[first : first + width] for first in range(0, len(signs), width))

    def places(self) -> IntArray:
        """Return row and column (S, 2) of each capital."""
        capitals = int(self._given["goal"]) + 1
        return grid_places(-(-capitals // self._width), self._width)[:capitals]

    @property
    def _width(self) -> int:
        capitals = int(self._given["goal"]) + 1
        return capitals if capitals <= _ONE_ROW else 10
