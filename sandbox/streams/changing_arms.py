"""Changing arms: every arm keeps its mean for a while, then the means are others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import numpy as np

from sandbox.drift import Drift, Schedule, Specs
from sandbox.errors import SandboxError
from sandbox.interfaces import Slate, check_range
from sandbox.streams._arms import COIN, ArmStream
from sandbox.streams._mixed import Part
from sandbox.streams._normal import REACH
from sandbox.table import FloatArray

# Garivier & Moulines 2011, first experiment: the third of three arms is the best one for a while.
_MEANS = ((0.5, 0.3, 0.4), (0.5, 0.3, 0.9), (0.5, 0.3, 0.4))


class ChangingArms(ArmStream):
    """Piecewise stationary arms; by default the abrupt changes of Garivier & Moulines (2011, first experiment).

    `means`: a row of arms for each phase. `changes`: the steps at which the second phase and those after it begin.
    Rewards are 1 with the arm's mean as their probability, else 0; with `noise` > 0 they are normal about the mean,
    with that standard deviation. The phases are concepts, so recovery from each is measured.

    Drift, beside its own changes (in Python only): without settings, every arm gets the means of the next; with
    settings, `noise` changes, where it is not 0.
    """

    may_drift: ClassVar[dict[str, tuple[float, float]]] = {"noise": (0.0, 1e6)}
    counts: ClassVar[dict[str, tuple[int, int]]] = {}

    def __init__(
        self,
        means: Sequence[Sequence[float]] = _MEANS,
        changes: Sequence[int] = (3000, 5000),
        noise: float = 0.0,
        drift: Specs = None,
    ) -> None:
        super().__init__(drift)
        self.means, self.changes, self.noise = means, changes, noise
        arms = self._check_phases()
        self._open(arms)
        phases = [Drift("abrupt", at, 0, (("means", row),)) for at, row in zip(changes, means[1:], strict=True)]
        self.schedule = Schedule((*phases, *self._own))
        self.n_concepts = self.schedule.n_concepts
        rows = np.array(means, dtype=np.float64)
        self.gap_range = float(np.ptp(rows, axis=1).max()) or 1.0
        self.luck_reach = (1.0 if noise == 0.0 else REACH * self.largest("noise")) + float(self.mixes * np.ptp(rows))

    def _check_phases(self) -> int:
        """Refuse phases that do not fit; return the number of arms."""
        name = self.world_name
        if not _is_row(self.means) or not self.means or not all(_is_row(row) and row for row in self.means):
            raise SandboxError(f"{name}: means={self.means!r} are no rows of numbers, such as ((0.5, 0.3), (0.2, 0.3))")
        if len({len(row) for row in self.means}) > 1:
            raise SandboxError(f"{name}: the rows of means={self.means!r} differ in length")
        low, high = (0.0, 1.0) if self.noise == 0.0 else (-1e6, 1e6)
        for mean in (mean for row in self.means for mean in row):
            check_range(name, "means", mean, low, high)
        if not _is_row(self.changes) or len(self.changes) != len(self.means) - 1:
            raise SandboxError(f"{name}: {len(self.means)} rows of means need {len(self.means) - 1} steps in changes")
        steps = [1, *self.changes]
        if not all(isinstance(at, int) for at in steps) or any(
            b - a < (k > 0) for k, (a, b) in enumerate(pairwise(steps))
        ):
            raise SandboxError(f"{name}: changes={self.changes!r} are not rising steps from 1 on")
        if self.noise == 0.0 and any(key == "noise" for drift in self._own for key, _ in drift.settings):
            raise SandboxError(f"{name}: rewards are 0 or 1 and have no noise that could drift; give a noise above 0")
        return len(self.means[0])

    def _noise(self, parts: tuple[Part, ...]) -> float:
        return COIN if self.noise == 0.0 else super()._noise(parts)

    def arm_means(self, seed: int, part: Part, start: int, seen: Slate) -> FloatArray:
        """Return the mean of each arm (1, k) in a phase."""
        row = np.array([part.settings.get("means", self.means[0])], dtype=np.float64)
        return np.roll(row, -part.change, axis=1)

    def expected_best(self, concept: int) -> float:
        """Return the mean of the best arm."""
        return float(self.pin(concept).batch(0, 0, 1).values.max())

    def simple_values(self) -> tuple[float, float]:
        """Return the mean of all arms in the first phase, and of the best one."""
        return float(np.mean(self.means[0])), self.expected_best(0)


def _is_row(thing: object) -> bool:
    return isinstance(thing, list | tuple)
