"""Digits: real handwritten digits that turn, fade, and come by and by. Nobody knows their law: unpriced."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from typing import ClassVar

import numpy as np
from gymnasium import spaces

from sandbox.compiled import compiled
from sandbox.draws import OUTCOME, WORLD, pick, stream_of, uniform
from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import Labels, Question
from sandbox.streams._mixed import Mixed
from sandbox.table import FloatArray, IntArray

SIDE, FULL = 8, 16.0  # pixels of a side, and the darkest ink of a pixel
_FEATURES = tuple(f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE))
_TURN = 30.0  # degrees by which the world's own change turns the page further
_BATCH = 2048


@lru_cache(maxsize=1)
def _written() -> tuple[FloatArray, IntArray]:
    """Return the 1,797 images (n, 8, 8), sorted by digit, and where each digit's begin (11,)."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise SandboxError(
            "digits: the images come with scikit-learn; install it with pip install 'learner-sandbox[digits]'"
        ) from error
    found = load_digits()
    order = np.argsort(found.target, kind="stable")
    begins = np.searchsorted(found.target[order], np.arange(11))
    return np.ascontiguousarray(found.images[order], dtype=np.float64), begins.astype(np.int64)


@compiled
def turn(image: FloatArray, degrees: float, ink: float, noise: float, stream: np.uint64, seen: FloatArray) -> None:
    """Fill `seen` (64,) with `image` (8, 8) turned about its centre, by the ink of its four nearest pixels.

    All ink is multiplied by `ink` and cut at 16; each pixel then gets uniform noise of at most `noise`.
    """
    c, s, middle = math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.5 * (SIDE - 1)
    for k in range(SIDE * SIDE):
        down, right = k // SIDE - middle, k % SIDE - middle
        row, column = c * down - s * right + middle, s * down + c * right + middle
        above, left = math.floor(row), math.floor(column)
        total = 0.0
        for i in range(above, above + 2):
            for j in range(left, left + 2):
                if 0 <= i < SIDE and 0 <= j < SIDE:
                    total += image[i, j] * (1.0 - abs(row - i)) * (1.0 - abs(column - j))
        total = min(FULL, ink * total)
        if noise > 0.0:
            total = min(FULL, max(0.0, total + noise * (2.0 * uniform(stream, 3 + k) - 1.0)))
        seen[k] = total


@compiled
def write_digits(
    seed: int,
    start: int,
    rows: IntArray,
    images: FloatArray,
    begins: IntArray,
    law: tuple[FloatArray, FloatArray, IntArray, FloatArray, FloatArray],
    seen: FloatArray,
    truth: IntArray,
) -> None:
    """Fill in the given rows of a batch from the step `start` on; `law`: cumulative weights, then a setting each."""
    up_to, degrees, classes, ink, noise = law
    for i in rows:
        stream = stream_of(seed, start + i, WORLD)
        m = pick(up_to, uniform(stream_of(seed, start + i, OUTCOME), 0))
        digit = int(uniform(stream, 0) * classes[m])
        first = begins[digit]
        which = first + int(uniform(stream, 1) * (begins[digit + 1] - first))
        truth[i] = digit
        turn(images[which], degrees[m], ink[m], noise[m], stream, seen[i])


class Digits(Mixed):
    """The 1,797 handwritten digits of scikit-learn (UCI, Alpaydin & Kaynak 1998), drawn with replacement.

    An image is 8 x 8 pixels of ink from 0 to 16. `rotation` (degrees) turns them, `ink` makes them darker or fainter,
    `noise` adds up to so much ink to each pixel or takes it away; of the digits 0, ..., `classes` - 1 each comes
    equally often. Drift: without settings the page turns by 30 degrees more; with settings, any of the four changes, as
    `classes` from 5 to 10 lets new digits arrive (whole numbers: between two, the nearest).
    """

    may_drift: ClassVar[dict[str, tuple[float, float]]] = {
        "rotation": (-360.0, 360.0), "ink": (0.05, 20.0), "noise": (0.0, 16.0), "classes": (2, 10)
    }  # fmt: skip
    changes_what = "the rotation"
    choice_names = tuple(map(str, range(10)))
    group_names = ("all",)
    n_cells = 1
    suggested = 5000

    def __init__(
        self, rotation: float = 0.0, ink: float = 1.0, noise: float = 0.0, classes: int = 10, drift: Specs = None
    ) -> None:
        super().__init__(drift)
        self.rotation, self.ink, self.noise, self.classes = rotation, ink, noise, classes
        self._check_settings()
        for value in (classes, *(v for one in self.schedule.drifts for k, v in one.settings if k == "classes")):
            if not isinstance(value, int):
                raise SandboxError(f"digits: classes={value!r} is not a whole number")
        _written()
        self.choice_space = Labels(tuple(range(10)))
        self.observation_space = spaces.Dict(
            {name: spaces.Box(0.0, FULL, (), np.float64) for name in _FEATURES}
        )  # fmt: skip
        self._laws: dict[int, tuple[FloatArray, FloatArray, IntArray, FloatArray, FloatArray]] = {}

    def _law(self, concept: int) -> tuple[FloatArray, FloatArray, IntArray, FloatArray, FloatArray]:
        if concept not in self._laws:
            mixture = self.parts(concept)
            up_to = np.cumsum([weight for weight, _ in mixture])
            up_to[-1] = 1.0
            own = [sum(part.share * part.change for part in parts) for _, parts in mixture]
            degrees, ink, noise, classes = (
                np.array([self.between(name, parts) for _, parts in mixture])
                for name in ("rotation", "ink", "noise", "classes")
            )
            whole = np.floor(classes + 0.5).astype(np.int64)
            self._laws[concept] = up_to, degrees + _TURN * np.array(own), whole, ink, noise
        return self._laws[concept]

    def batch(self, seed: int, start: int, count: int) -> tuple[FloatArray, IntArray, IntArray]:
        """Return pixels (n, 64), digits (n,) and concepts (n,) of the steps from `start` on of the run of `seed`."""
        images, begins = _written()
        seen, truth = np.empty((count, SIDE * SIDE)), np.empty(count, dtype=np.int64)
        concept = self.schedule.concepts(seed, start, count)
        for code in np.unique(concept).tolist():
            rows = np.flatnonzero(concept == code)
            write_digits(seed, start, rows, images, begins, self._law(code), seen, truth)
        return seen, truth, concept

    def questions(self, seed: int) -> Iterator[Question]:
        """Yield the questions of one run, the same for the same seed."""
        for start in count(0, _BATCH):
            seen, truth, concept = self.batch(seed, start, _BATCH)
            for row, digit, code in zip(seen.tolist(), truth.tolist(), concept.tolist(), strict=True):
                yield Question(dict(zip(_FEATURES, row, strict=True)), digit, concept=code)
