"""SEA: is the sum of two numbers below a threshold? The threshold changes from block to block."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sandbox.drift import Specs
from sandbox.streams._classes import Filled
from sandbox.streams._mixed import Part
from sandbox.streams._sides import Sides, SideStream
from sandbox.table import FloatArray, IntArray

THETAS = (8.0, 9.0, 7.0, 9.5)  # of the paper's four blocks, in order
_REGIONS = np.array(sorted(THETAS))


class Sea(SideStream):
    """Street and Kim's SEA concepts (2001): three numbers in [0, 10]; true if `x1 + x2 <= theta`.

    The third number tells nothing. A label is turned round with probability `noise`, 10 % in the paper: the Bayes
    error is `noise` to the last digit. (River's SEA has the labels the other way round: true above.) Groups are halves
    of x3, between which no fair learner shows a difference; cells are the regions between the four thresholds.

    Drift: without settings, the next of the paper's thresholds 8, 9, 7, 9.5, and around again, after `theta` if it is
    one of them; with settings, `theta` or `noise` change. Incremental drift moves the threshold itself.
    """

    scale = 10.0
    group_names = ("x3 below 5", "x3 from 5")
    cell_names = ("sum below 7", "sum 7 to 8", "sum 8 to 9", "sum 9 to 9.5", "sum above 9.5")
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {"theta": (0.0, 20.0), "noise": (0.0, 0.5)}
    changes_what = "the threshold"

    def __init__(self, theta: float = 8.0, noise: float = 0.1, drift: Specs = None) -> None:
        super().__init__(drift)
        self.theta, self.noise = theta, noise
        self._check_settings()
        self._open_sides(("x1", "x2", "x3"))

    def plane_of(self, part: Part) -> tuple[FloatArray, float]:
        """Return the weights (3,) and the threshold of an anchor."""
        theta = self.theta
        if part.change:
            first = THETAS.index(theta) if theta in THETAS else -1
            theta = THETAS[(first + part.change) % len(THETAS)]
        return np.array([1.0, 1.0, 0.0]), float(part.settings.get("theta", theta))

    def place(self, rows: IntArray, law: Sides, x: FloatArray, margin: FloatArray, filled: Filled) -> None:
        """Fill in the region of the sum, and the half of x3."""
        filled.cell[rows] = np.searchsorted(_REGIONS, x[rows, 0] + x[rows, 1])
        filled.group[rows] = x[rows, 2] >= 5.0

    def expected_best(self, concept: int) -> float:
        """Return E[V*] under a concept, exactly: between two thresholds of a mixture the posterior is the same."""
        weight, _, _, offset, noise = self.law(concept)
        total, below = 0.0, 0.0
        for theta in (*sorted(set(offset.tolist())), 20.0):
            chance = float(weight @ np.where(offset >= theta, 1.0 - noise, noise))
            here = share_below(theta)
            total += (here - below) * max(chance, 1.0 - chance)
            below = here
        return total

    def simple_values(self) -> tuple[float, float]:
        """Return a half, and the share of the more frequent label, exactly."""
        _, _, _, offset, noise = self.law(0)
        true = noise[0] + (1.0 - 2.0 * noise[0]) * share_below(offset[0])
        return 0.5, float(max(true, 1.0 - true))


def share_below(theta: float) -> float:
    """Return the chance that the sum of two numbers, uniform in [0, 10], is at most `theta`, from 0 to 20."""
    s = theta / 10.0
    return 0.5 * s * s if s <= 1.0 else 1.0 - 0.5 * (2.0 - s) * (2.0 - s)
