"""The ten-armed testbed: arms that are drawn once, for each run its own."""

from __future__ import annotations

from itertools import chain
from typing import ClassVar

import numpy as np

from sandbox.drift import Specs
from sandbox.interfaces import Slate
from sandbox.streams._arms import ArmStream, blended, draw_arms, rare_gap
from sandbox.streams._mixed import Part
from sandbox.streams._normal import REACH, mean_of_largest
from sandbox.table import FloatArray


class TenArmed(ArmStream):
    """The 10-armed testbed (Sutton & Barto, 2nd edition, section 2.3): means drawn for each run, normal rewards.

    The mean of each arm is normal, of mean `mean` and standard deviation `spread`, and drawn by the seed of the run; a
    reward is normal about it, with standard deviation `noise`. The best arm earns 1.538753 on average. In one run of a
    million at most a price is larger than `gap_range`.

    Drift: without settings, the arms are drawn anew; with settings, `mean`, `spread` or `noise` change.
    """

    suggested = 1_000
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {
        "mean": (-1e6, 1e6),
        "spread": (1e-6, 1e6),
        "noise": (0.0, 1e6),
    }

    def __init__(
        self, arms: int = 10, mean: float = 0.0, spread: float = 1.0, noise: float = 1.0, drift: Specs = None
    ) -> None:
        super().__init__(drift)
        self.arms, self.mean, self.spread, self.noise = arms, mean, spread, noise
        self._open(arms)
        self.gap_range = self.largest("spread") * rare_gap(arms)
        mixed = 2.0 * REACH * self.largest("spread") + self.extent("mean") if self.mixes else 0.0
        self.luck_reach = REACH * self.largest("noise") + mixed

    def arm_means(self, seed: int, part: Part, start: int, seen: Slate) -> FloatArray:
        """Return the mean of each arm (1, k)."""
        drawn = np.empty((1, self.arms))
        draw_arms(seed, part.change, drawn[0])
        return np.asarray(part.settings.get("mean", self.mean) + part.settings.get("spread", self.spread) * drawn)

    def expected_best(self, concept: int) -> float:
        """Return the expected mean of the best arm."""
        mixture = self.parts(concept)
        parts = tuple(chain(*([part._replace(share=weight * part.share) for part in of] for weight, of in mixture)))
        spread = blended(parts, [part.settings.get("spread", self.spread) for part in parts])
        return self.between("mean", parts) + spread * mean_of_largest(self.arms)

    def simple_values(self) -> tuple[float, float]:
        """Return the expected mean of an arm, and of the best one."""
        return float(self.mean), self.expected_best(0)
