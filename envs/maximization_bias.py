"""Where the best of many estimates misleads (Sutton & Barto, 2nd edition, example 6.7, figure 6.5)."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import check_range
from sandbox.table import IntArray, Table, table_from_outcomes

from ._table_world import Outcome, TableWorld, grid_places

A, B, END = range(3)
_LEVELS = 64  # rewards that stand for a normal distribution


class MaximizationBias(TableWorld):
    """Right ends for nothing; left leads to where every choice pays less than nothing on average, and sometimes more.

    Episodes start in state 0 (the book's A). There the first half of the `choices` goes left, to state 1 (B), and the
    other half right, to the end; neither pays. In B every choice ends the episode and pays a nearly normal reward of
    mean `mean` and standard deviation `noise`: the middles of 64 equally likely slices of that distribution, spread to
    its deviation. Who takes the largest of ten estimates for the truth goes left, again and again. (In the book A has
    two choices only; here all states have as many.)

    A drift without settings turns the sign of `mean`, so that left becomes right.
    """

    max_episode_steps = None

    def __init__(
        self,
        choices: int = 10,
        *,
        mean: float = -0.1,
        noise: float = 1.0,
        drift: Specs = None,
        render_mode: str | None = None,
    ) -> None:
        super().__init__({"choices": choices, "mean": mean, "noise": noise}, drift, render_mode)

    def build(self, **settings: Any) -> Table:
        """Return the law of the two states."""
        n, mean, noise = settings["choices"], settings["mean"], settings["noise"]
        check_range("MaximizationBias", "choices", n, 2, 200)
        if not isinstance(n, int) or n % 2:
            raise SandboxError(f"MaximizationBias: choices={n!r} is no even number: half of them go left")
        check_range("MaximizationBias", "mean", mean, -1e9, 1e9)
        check_range("MaximizationBias", "noise", noise, 0.0, 1e9)
        paid: list[Outcome] = [(1.0 / _LEVELS, END, float(mean + noise * z), True) for z in standard_levels(_LEVELS)]
        left: list[Outcome] = [(1.0, B, 0.0, False)]
        right: list[Outcome] = [(1.0, END, 0.0, True)]
        law = {
            A: {choice: left if choice < n // 2 else right for choice in range(n)},
            B: dict.fromkeys(range(n), paid),
            END: dict.fromkeys(range(n), right),
        }
        return table_from_outcomes(law, np.eye(3)[A])

    def own_change(self, number: int) -> dict[str, Any]:
        """Return the settings after its own change of this number (1, 2, ...): the other sign, and back again."""
        return {"mean": self._given["mean"] * (-1.0) ** number}

    def drawing(self, **settings: Any) -> tuple[str, ...]:
        """Return one row: the start between B and the end."""
        return ("BSO",)

    def places(self) -> IntArray:
        """Return row and column (S, 2) of each state."""
        return grid_places(1, 3)[[1, 0, 2]]


def standard_levels(count: int) -> list[float]:
    """Return `count` equally likely numbers that stand for a standard normal one, of mean 0 and variance 1."""
    middles = [NormalDist().inv_cdf((k + 0.5) / count) for k in range(count)]
    spread = math.sqrt(sum(z * z for z in middles) / count)
    return [z / spread for z in middles]
