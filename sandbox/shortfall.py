"""Shortfall: what a run earned less than the oracle's own, where choices change later laws and gaps are myopic."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sandbox.evaluator import Scores
from sandbox.trace import Trace

if TYPE_CHECKING:
    from sandbox.world import Budget, World


def with_shortfall(
    world: World, scores: Scores, earned: float, seed: int, budget: Budget, go_on: Callable[[], None]
) -> Scores:
    """Return scores with the reward of the oracle's run of the same seed minus `earned`, all of the run's reward.

    It may be negative: the oracle takes what is best at once, and a planner may earn more. Worlds in which no choice
    changes a later law have none. `go_on` is called between chunks, and raises where the run is to be given up.
    """
    if not world.meta.reactive:
        return scores
    sums: list[float] = []

    def sink(trace: Trace) -> None:
        go_on()
        sums.append(math.fsum(np.asarray(trace.reward).tolist()))

    world.run(world.insider("oracle"), seed, budget, sink)
    return replace(scores, metrics=scores.metrics | {"shortfall": math.fsum(sums) - earned})
