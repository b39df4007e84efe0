"""Hyperplane: on which side of a turning plane through the middle of a cube does a point lie?"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sandbox.drift import Specs
from sandbox.streams._classes import Filled, numbered
from sandbox.streams._mixed import Part
from sandbox.streams._sides import Sides, SideStream
from sandbox.table import FloatArray, IntArray

_MOVED = 5  # child seed of weights drawn anew; 1 is that of agents
_QUARTILE = 0.6744897501960817  # of the standard normal: half of the points are nearer


class Hyperplane(SideStream):
    """A turning hyperplane (Hulten, Spencer & Domingos 2001, section 4): points in the unit cube, of `dimensions`.

    True if `w . x >= sum(w) / 2`, so half of the labels are. The weights w are uniform in [0, 1], drawn by `law_seed`;
    a label is turned round with probability `noise`, which is the Bayes error, exactly. Groups are the points near the
    plane and far from it, about half each; cells are its two sides.

    Drift: without settings, `moving` of the weights are drawn anew; incremental drift and a random walk turn the plane
    there, step by step. With settings, `noise` changes.
    """

    scale = 1.0
    group_names = ("near the plane", "far from it")
    cell_names = ("likely false", "likely true")
    counts: ClassVar[dict[str, tuple[int, int]]] = {
        "dimensions": (1, 1000), "moving": (1, 1000), "law_seed": (0, 2**62)
    }  # fmt: skip
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {"noise": (0.0, 0.5)}
    changes_what = "the weights"

    def __init__(
        self, dimensions: int = 10, moving: int = 5, noise: float = 0.05, law_seed: int = 0, drift: Specs = None
    ) -> None:
        super().__init__(drift)
        self.dimensions, self.moving, self.noise, self.law_seed = dimensions, moving, noise, law_seed
        self._check_settings()
        self._open_sides(numbered(dimensions))

    def plane_of(self, part: Part) -> tuple[FloatArray, float]:
        """Return minus the weights (dimensions,) and minus the offset: true is beyond the plane."""
        rng = np.random.default_rng([self.law_seed, 0])
        weights = rng.random(self.dimensions)
        if part.change:
            rng = np.random.default_rng([self.law_seed, _MOVED, part.change])
            moved = rng.permutation(self.dimensions)[: self.moving]
            weights[moved] = rng.random(len(moved))
        return -weights, -0.5 * float(weights.sum())

    def place(self, rows: IntArray, law: Sides, x: FloatArray, margin: FloatArray, filled: Filled) -> None:
        """Fill in the likelier side, and whether it is near the plane."""
        filled.cell[rows] = filled.values[rows, 1] > filled.values[rows, 0]
        plane = law.weight @ law.plane
        half = _QUARTILE * math.sqrt(float(plane @ plane) / 12.0)  # the margin is nearly normal
        filled.group[rows] = np.abs(margin[rows]) > half

    def expected_best(self, concept: int) -> float:
        """Return E[V*] under a concept: exactly for one plane, else from a fixed large sample."""
        weight, _, plane, _, noise = self.law(concept)
        if (plane == plane[0]).all():
            return float(1.0 - weight @ noise)
        return super().expected_best(concept)

    def simple_values(self) -> tuple[float, float]:
        """Return a half, twice: both labels are as frequent."""
        return 0.5, 0.5
