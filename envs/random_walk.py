"""A walk without choices, for learning what states are worth (Sutton & Barto, 2nd edition, examples 6.2 and 7.1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Table, table_from_outcomes

from ._table_world import Outcome, TableWorld, grid_places, objective_of


class RandomWalk(TableWorld):
    """A random walk of 19 states (book, example 7.1) with nothing to choose: predict how it ends.

    Observations are 0 (the left end), 1..`states`, and `states` + 1 (the right end); an episode starts in the middle,
    of an even number in either of the two. Each step goes right with probability `right`, else left; the left end pays
    `left_reward`, the right end `right_reward`. Example 6.2 is `states=5, left_reward=0`. There is one choice, so no
    mistake: V* of a state is what a prediction should be; for a fair coin it lies on a line between the two ends.

    A drift without settings makes the two ends change places.
    """

    def __init__(
        self,
        states: int = 19,
        *,
        left_reward: float = -1.0,
        right_reward: float = 1.0,
        right: float = 0.5,
        discount: float = 1.0,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        given = {
            "states": states, "left_reward": left_reward, "right_reward": right_reward, "right": right,
            "discount": discount,
        }  # fmt: skip
        super().__init__(given, drift, render_mode)

    def build(self, **settings: Any) -> Table:
        """Return the law of a walk."""
        n, right = settings["states"], settings["right"]
        check_range("RandomWalk", "states", n, 1, 200)
        if not isinstance(n, int):
            raise SandboxError(f"RandomWalk: states={n!r} is no whole number")
        check_range("RandomWalk", "right", right, 0.0, 1.0)
        paid = {0: settings["left_reward"], n + 1: settings["right_reward"]}
        for name, value in zip(("left_reward", "right_reward"), paid.values(), strict=True):
            check_range("RandomWalk", name, value, -1e9, 1e9)

        def outcome(chance: float, to: int) -> Outcome:
            return chance, to, paid.get(to, 0.0), to in paid

        law = {s: {0: [outcome(1.0 - right, s - 1), outcome(right, s + 1)]} for s in range(1, n + 1)}
        ends = {end: {0: [(1.0, end, 0.0, True)]} for end in paid}
        start = np.zeros(n + 2)
        start[(n + 1) // 2] += 0.5
        start[(n + 2) // 2] += 0.5
        return table_from_outcomes(law | ends, start, objective_of("RandomWalk", settings["discount"]))

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after its own change of this number (1, 2, ...): the ends exchanged, and back again."""
        left, right = self._given["left_reward"], self._given["right_reward"]
        return {"left_reward": right, "right_reward": left} if number % 2 else {}

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return one row: the better end is `G`, the other `O`."""
        ends = "GO" if settings["left_reward"] > settings["right_reward"] else "OG"
        return (ends[0] + "." * settings["states"] + ends[1],)

    def places(self) -> IntArray:
        """Return row and column (S, 2) of each state."""
        return grid_places(1, int(self._given["states"]) + 2)
