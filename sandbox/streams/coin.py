"""The coin: right answers of which a share is true, and nothing to see; what detectors of change are measured on."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import OUTCOME, stream_of, uniform
from sandbox.drift import Specs
from sandbox.interfaces import Labels, Numbers
from sandbox.law_stream import Batch
from sandbox.streams._mixed import MixedStream
from sandbox.streams.features import row_space
from sandbox.table import FloatArray, IntArray


class Coin(MixedStream):
    """Say how a coin falls: True with probability `share`, in each step anew; there is nothing to see but a 1.

    The right label earns 1, another or none 0. The least errors there are: the smaller of `share` and 1 - `share`.

    Drift: without settings, the sides change places; with settings, `share` changes.
    """

    kind = "numbers"
    abstention = 0.0
    choice_names = ("False", "True")
    group_names = ("all",)
    n_cells = 1
    suggested = 10_000
    gap_range = 1.0  # of an abstention, where the coin has one side only
    luck_reach = 1.0
    may_drift: ClassVar[dict[str, tuple[float, float]]] = {"share": (0.0, 1.0)}
    changes_what = "which side is which"

    def __init__(self, share: float = 0.2, drift: Specs = None) -> None:
        super().__init__(drift)
        self.share = share
        self._check_settings()
        self.choice_space = Labels((False, True))
        self.observation_space = row_space(["one"])
        self._known: dict[int, float] = {}

    def chance(self, concept: int) -> float:
        """Return the probability of True under a concept; a mixture of coins is a coin."""
        if concept not in self._known:
            total = 0.0
            for weight, parts in self.parts(concept):
                for part in parts:
                    share = float(part.settings.get("share", self.share))
                    total += weight * part.share * (1.0 - share if part.change % 2 else share)
            self._known[concept] = min(1.0, max(0.0, total))
        return self._known[concept]

    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the throws of the steps `start`, ..., `start + count - 1` of the run of `seed`."""
        concept = self.schedule.concepts(seed, start, count)
        codes, place = np.unique(concept, return_inverse=True)
        chance = np.array([self.chance(code) for code in codes.tolist()])
        truth, nothing = np.empty((2, count), dtype=np.int64)
        nothing[:] = 0
        values, rewards = np.empty((2, count, 2))
        throw(seed, start, place.astype(np.int64), chance, truth, values, rewards)
        return Batch(Numbers(np.ones((count, 1))), truth, nothing, nothing, concept, values, rewards)

    def observation(self, batch: Batch, i: int) -> dict[str, Any]:
        """Return what an agent sees: a number that is always the same, since spaces may not be empty."""
        return {"one": 1.0}

    def expected_best(self, concept: int) -> float:
        """Return what saying the likelier side earns."""
        chance = self.chance(concept)
        return max(chance, 1.0 - chance)

    def simple_values(self) -> tuple[float, float]:
        """Return what a side at random earns, and the best side, always said."""
        return 0.5, self.expected_best(0)


@compiled
def throw(
    seed: int,
    start: int,
    place: IntArray,
    chance: FloatArray,
    truth: IntArray,
    values: FloatArray,
    rewards: FloatArray,
) -> None:
    """Fill in how the coin falls from the step `start` on: True with `chance[place]`; and what each side earns."""
    for i in range(place.shape[0]):
        p = chance[place[i]]
        side = 1 if uniform(stream_of(seed, start + i, OUTCOME), 0) < p else 0
        truth[i] = side
        values[i, 0], values[i, 1] = 1.0 - p, p
        rewards[i, 0], rewards[i, 1] = 1.0 - side, float(side)
