"""Thompson sampling for successes and failures: an item is chosen as often as it is likely to be the best."""

from __future__ import annotations

from typing import Any

import numpy as np

from sandbox.compiled import compiled
from sandbox.feedback import Answers, dequeue
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit_agent import BanditAgent
from ._beta import Trials, choose_beta, make_trials, reward_trials
from ._chances import check_scale
from ._slate import Post, send


@compiled
def advance_beta(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    trials: Trials,
    low: float,
    high: float,
    prior_won: float,
    prior_lost: float,
    decay: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k)."""
    scores, index = np.empty(items.shape[1]), np.empty(items.shape[1])
    for i in range(items.shape[0]):
        choice, _ = choose_beta(trials, items[i], scores, index, low, high, prior_won, prior_lost, rng)
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        at = dequeue(post.queue, start + i)
        while at != -1:
            asked_at, reward = post.asked_at[at], post.reward[at]
            reward_trials(trials, post.choice[at], post.item[at], asked_at, reward, low, high, decay, rng)
            at = dequeue(post.queue, start + i)


class ThompsonBeta(BanditAgent):
    """Thompson sampling with a Beta prior (Thompson 1933; Agrawal & Goyal 2012, Algorithms 1 and 2).

    Rewards lie between `low` and `high`, and are clipped there: `low` is a failure, `high` a success, and what lies
    between is a success with the chance that it stands for (Algorithm 2). Each item starts as if it had had
    `prior_successes` and `prior_failures`, each in [0.1, 1e6]; the paper's are 1 and 1. Needs discrete choices and one
    reward for each decision.
    """

    _decay = 1.0

    def __init__(
        self, prior_successes: float = 1.0, prior_failures: float = 1.0, low: float = 0.0, high: float = 1.0
    ) -> None:
        what = type(self).__name__
        check_range(what, "prior_successes", prior_successes, 0.1, 1e6)
        check_range(what, "prior_failures", prior_failures, 0.1, 1e6)
        check_scale(what, low, high)
        self.prior_successes = prior_successes
        self.prior_failures = prior_failures
        self.low = low
        self.high = high

    def _forget(self) -> None:
        self.trials = make_trials(self.n_slots)

    def _settings(self) -> tuple[float, float, float, float]:
        return float(self.low), float(self.high), float(self.prior_successes), float(self.prior_failures)

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        return choose_beta(self.trials, items, scores, np.empty(self.n_slots), *self._settings(), self.rng)

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        scale = (float(self.low), float(self.high))
        reward_trials(self.trials, slot, item, asked_at, reward, *scale, self._decay, self.rng)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        settings = (*self._settings(), self._decay)
        advance_beta(start, seen.item, outcome, answers, chosen, post, self.trials, *settings, self.rng)
