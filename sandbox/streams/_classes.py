"""Streams that ask for a label of a row of features and know its posterior: what the literature's streams share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import compiled
from sandbox.drift import Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import Label, Labels, Messages, Numbers
from sandbox.law_stream import Batch
from sandbox.streams._mixed import MixedStream, Part
from sandbox.streams.features import row_space
from sandbox.table import FloatArray, IntArray


class Filled(NamedTuple):
    """The columns of a batch that the rules of a stream fill in."""

    truth: IntArray  # (n,)
    cell: IntArray  # (n,)
    group: IntArray  # (n,)
    values: FloatArray  # (n, labels) the posterior of each label
    rewards: FloatArray  # (n, labels) 1 for the right one


class ClassStream(MixedStream):
    """A stream of questions with one right label, which earns 1; a wrong one earns 0, and so does no answer.

    Q* of a label is its probability given all that can be seen, under the law in force. Under a mixture of laws that
    of each question is drawn anew and is hidden, so the posterior is over them too.
    """

    kind = "numbers"
    abstention = 0.0
    gap_range = 1.0
    luck_reach = 1.0
    cell_names: tuple[str, ...]

    def __init__(self, drift: Specs = None) -> None:
        super().__init__(drift)
        self._laws: dict[int, Any] = {}

    def _open(self, labels: Sequence[Label], features: Sequence[str]) -> None:
        """Say what can be seen and chosen, once the settings are checked."""
        self.choice_space: Labels = Labels(labels)
        self.choice_names = tuple(map(str, labels))
        self.feature_names = tuple(features)
        self.n_cells = len(self.cell_names)
        self.observation_space = row_space(features)

    def _check_whole(self, setting: str) -> None:
        """Refuse, in one line, values of a setting that are no whole numbers: a drift leads from one to another."""
        drifted = [value for drift in self.schedule.drifts for key, value in drift.settings if key == setting]
        for value in (getattr(self, setting), *drifted):
            if value != int(value):
                raise SandboxError(f"{self.world_name}: {setting}={value!r} is not a whole number")

    def law(self, concept: int) -> Any:
        """Return the law of a concept, as `draw` takes it."""
        if concept not in self._laws:
            self._laws[concept] = self.make_law(*self._mixture(concept))
        return self._laws[concept]

    def _mixture(self, concept: int) -> tuple[FloatArray, FloatArray, list[tuple[Part, ...]]]:
        """Return the weights (laws,) of a mixture, the same added up (the last is 1), and what each law is made of."""
        mixture = self.parts(concept)
        weight = np.array([share for share, _ in mixture])
        cumulative = np.cumsum(weight)
        cumulative[-1] = 1.0
        return weight, cumulative, [parts for _, parts in mixture]

    @abstractmethod
    def make_law(self, weight: FloatArray, cumulative: FloatArray, laws: list[tuple[Part, ...]]) -> Any:
        """Return a mixture of laws of these weights, as a tuple of arrays."""

    @abstractmethod
    def draw(self, seed: int, start: int, rows: IntArray, law: Any, seen: Any, filled: Filled) -> None:
        """Fill in the given rows of what can be seen, and the other columns, from the step `start` on."""

    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the questions of the steps `start`, ..., `start + count - 1` of the run of `seed`."""
        concept = self.schedule.concepts(seed, start, count)
        truth, cell, group = np.empty((3, count), dtype=np.int64)
        values, rewards = np.empty((2, count, int(self.choice_space.n)))
        seen, filled = self._empty(count), Filled(truth, cell, group, values, rewards)
        changed = bool((concept[1:] != concept[:-1]).any())
        for code in np.unique(concept if changed else concept[:1]).tolist():
            rows = np.flatnonzero(concept == code)
            self.draw(seed, start, rows, self.law(code), seen, filled)
        return Batch(seen, truth, cell, group, concept, values, rewards)

    def _empty(self, count: int) -> Messages | Numbers:
        return Numbers(np.empty((count, len(self.feature_names))))

    def observation(self, batch: Batch, i: int) -> dict[str, Any]:
        """Return the features of the i-th question of a batch by name."""
        assert isinstance(batch.seen, Numbers)
        return dict(zip(self.feature_names, batch.seen.values[i].tolist(), strict=True))


def numbered(count: int) -> tuple[str, ...]:
    """Return the names x1, ..., in as many digits as the last needs: so a space, which sorts them, keeps the order."""
    return tuple(f"x{j + 1:0{len(str(count))}}" for j in range(count))


@compiled
def answer(label: int, values: FloatArray, rewards: FloatArray) -> int:
    """Give the right label 1 in `rewards` (labels,) and the others 0; return the likeliest by `values` (labels,)."""
    likeliest = 0
    for k in range(values.shape[0]):
        rewards[k] = 0.0
        if values[k] > values[likeliest]:
            likeliest = k
    rewards[label] = 1.0
    return likeliest
