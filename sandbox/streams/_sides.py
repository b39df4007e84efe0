"""Streams in which a label says on which side of a plane a point lies, with some labels turned round."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import WORLD, pick, stream_of, uniform
from sandbox.streams._classes import ClassStream, Filled, answer
from sandbox.streams._mixed import Part
from sandbox.table import FloatArray, IntArray


class Sides(NamedTuple):
    """A mixture of laws: a label says whether `plane . x <= offset`, but some are turned round."""

    weight: FloatArray  # (laws,)
    cumulative: FloatArray  # (laws,) the last is 1
    plane: FloatArray  # (laws, d)
    offset: FloatArray  # (laws,)
    noise: FloatArray  # (laws,) chance that a label is turned round


@compiled
def draw_sides(
    seed: int,
    start: int,
    rows: IntArray,
    law: Sides,
    scale: float,
    x: FloatArray,
    margin: FloatArray,
    filled: Filled,
) -> None:
    """Fill in points x (n, d) in [0, scale], whether they are inside, and the margin (n,) to the mean of the planes."""
    weight, cumulative, plane, offset, noise = law
    truth, _, _, values, rewards = filled
    laws, d = plane.shape
    for n in range(rows.shape[0]):
        i = rows[n]
        stream = stream_of(seed, start + i, WORLD)
        for j in range(d):
            x[i, j] = scale * uniform(stream, j)
        m = 0 if laws == 1 else pick(cumulative, uniform(stream, d))
        turned = uniform(stream, d + 1) < noise[m]
        label, chance, within = 0, 0.0, 0.0
        for k in range(laws):
            room = offset[k]
            for j in range(d):
                room -= plane[k, j] * x[i, j]
            chance += weight[k] * (1.0 - noise[k] if room >= 0.0 else noise[k])
            within += weight[k] * room
            if k == m:
                label = int((room >= 0.0) != turned)
        truth[i], margin[i] = label, within
        values[i, 1] = min(1.0, chance)
        values[i, 0] = 1.0 - values[i, 1]
        answer(label, values[i], rewards[i])


class SideStream(ClassStream):
    """A stream of points, uniform in a cube: is a point on the inner side of a plane, which drift moves?

    A label is turned round with probability `noise`, whatever the point: that is the Bayes error, exactly.
    """

    noise: float
    scale: float  # length of the cube's edge

    def _open_sides(self, features: tuple[str, ...]) -> None:
        self._open((False, True), features)
        self.gap_range = 1.0 - (self.largest("noise") - self.extent("noise"))  # of giving no answer

    @abstractmethod
    def plane_of(self, part: Part) -> tuple[FloatArray, float]:
        """Return the weights (d,) and the offset of an anchor: inside is `weights . x <= offset`."""

    def make_law(self, weight: FloatArray, cumulative: FloatArray, laws: list[tuple[Part, ...]]) -> Sides:
        """Return a mixture of laws of these weights."""
        planes, offsets = [], []
        for parts in laws:
            found = [self.plane_of(part) for part in parts]
            planes.append(sum(part.share * plane for part, (plane, _) in zip(parts, found, strict=True)))
            offsets.append(sum(part.share * offset for part, (_, offset) in zip(parts, found, strict=True)))
        noise = np.array([self.between("noise", parts) for parts in laws])
        return Sides(weight, cumulative, np.stack(planes), np.array(offsets), noise)

    def draw(self, seed: int, start: int, rows: IntArray, law: Any, seen: Any, filled: Filled) -> None:
        """Fill in points, and on which side they are."""
        margin = np.empty(len(filled.truth))
        draw_sides(seed, start, rows, law, self.scale, seen.values, margin, filled)
        self.place(rows, law, seen.values, margin, filled)

    @abstractmethod
    def place(self, rows: IntArray, law: Sides, x: FloatArray, margin: FloatArray, filled: Filled) -> None:
        """Fill in the cells and the groups of the given rows."""
