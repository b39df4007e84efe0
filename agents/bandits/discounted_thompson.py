"""Discounted Thompson sampling: successes and failures count the less, the longer ago they were."""

from __future__ import annotations

from sandbox.feedback import Answers
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray

from ._slate import Post
from .thompson_beta import ThompsonBeta


class DiscountedThompson(ThompsonBeta):
    """Discounted Thompson sampling with a Beta prior, for rewards that drift (Raj & Kalyani 2017, Algorithm 1).

    Every reward makes those before it, of all items, count `decay` times as much, in (0, 1]; the prior does not fade.
    Rewards lie between `low` and `high`, and are clipped there; what lies between is a success with the chance that it
    stands for. `prior_successes` and `prior_failures` lie in [0.1, 1e6]. Needs discrete choices and one reward for each
    decision.
    """

    def __init__(
        self,
        decay: float = 0.998,
        prior_successes: float = 1.0,
        prior_failures: float = 1.0,
        low: float = 0.0,
        high: float = 1.0,
    ) -> None:
        check_range("DiscountedThompson", "decay", decay, 1e-9, 1.0)
        super().__init__(prior_successes, prior_failures, low, high)
        self.decay = decay
        self._decay = float(decay)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        super()._advance(
            post, start, seen, outcome, answers, chosen
        )  # said here, because `fast` trusts no inherited loop
