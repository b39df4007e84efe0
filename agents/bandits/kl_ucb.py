"""KL-UCB: the item that may be best, by a bound that fits rewards between two ends."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.feedback import Answers, dequeue
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import SAMPLE_AVERAGE, Arms, best_of, first_best, reward_arm
from ._bandit_agent import BanditAgent
from ._chances import check_scale, unit
from ._slate import Post, send

_NEWTON = 50  # steps at most; a handful is enough
_CLOSE = 1e-8  # a step so small, in parts of the distance from the mean, is the last
_MARGIN = 1e-9  # of rounding, when bounds are compared


@lean
def divergence(p: float, q: float) -> float:
    """Return the divergence of chance `q` from `p`, p log(p/q) + (1-p) log((1-p)/(1-q)), for 0 <= p <= q < 1."""
    total = (1.0 - p) * math.log((1.0 - p) / (1.0 - q))
    if p > 0.0:
        total += p * math.log(p / q)
    return total


@lean
def kl_bound(p: float, target: float) -> float:
    """Return the largest q in [p, 1] whose divergence from `p` is at most `target` >= 0.

    By Newton's method from above: the divergence is convex there, so that no step goes too far. Pinsker's inequality
    and the part of the divergence that grows without end give where to start.
    """
    if target <= 0.0 or p >= 1.0:
        return p
    entropy = -(1.0 - p) * math.log(1.0 - p)
    if p > 0.0:
        entropy -= p * math.log(p)
    q = min(p + math.sqrt(0.5 * target), -math.expm1(-(target + entropy) / (1.0 - p)))
    for _ in range(_NEWTON):
        if q >= 1.0 or q <= p:
            break
        step = (divergence(p, q) - target) * q * (1.0 - q) / (q - p)
        q -= max(step, 0.0)
        if step <= _CLOSE * (q - p):  # the error is the square of that now
            break
    return min(max(q, p), 1.0)


@lean
def surely_less(p: float, target: float, bound: float) -> bool:
    """Say whether the bound of `p` is under `bound` for certain, which is faster to see than what it is."""
    if p + math.sqrt(0.5 * target) < bound - _MARGIN:
        return True
    return p < bound < 1.0 and divergence(p, bound) > target * (1.0 + _MARGIN) + _MARGIN


@lean
def choose_kl_ucb(
    arms: Arms,
    items: IntArray,
    scores: FloatArray,
    index: FloatArray,
    exploration: float,
    low: float,
    high: float,
    rng: np.random.Generator,
) -> tuple[int, bool]:
    """Return a slot of `items` (k,) with the largest bound, and whether another has a larger mean.

    `scores` (k,) becomes the means, `low` for untried items; `index` (k,) the bounds on the scale from 0 to 1, infinite
    for untried items, and no more than the mean where another's is larger for certain: the divergence from the mean is
    at most (ln t + exploration * ln ln t) / n_j, where t is one more than the rewards of all items that are shown now.
    """
    total, untried = 1.0, False
    for j in range(items.shape[0]):
        tried = arms.held.item[j] == items[j] and arms.tries[j] > 0.0
        scores[j] = arms.value[j] if tried else low
        index[j] = arms.tries[j] if tried else 0.0
        total += index[j]
        untried |= not tried
    level = math.log(total)
    if level > 1.0:
        level += exploration * math.log(level)
    top = 2.0 if untried else 0.0  # the largest bound so far
    for j in range(items.shape[0]):
        if index[j] == 0.0:
            index[j] = math.inf
            continue
        mean, target = unit(scores[j], low, high), level / index[j]
        index[j] = mean if surely_less(mean, target, top) else kl_bound(mean, target)
        top = max(top, index[j])
    choice = best_of(index, rng)
    return choice, first_best(scores, choice) != choice


@compiled
def advance_kl_ucb(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    arms: Arms,
    exploration: float,
    low: float,
    high: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k)."""
    scores, index = np.empty(items.shape[1]), np.empty(items.shape[1])
    for i in range(items.shape[0]):
        choice, _ = choose_kl_ucb(arms, items[i], scores, index, exploration, low, high, rng)
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        at = dequeue(post.queue, start + i)
        while at != -1:
            reward = min(max(post.reward[at], low), high)
            reward_arm(arms, post.choice[at], post.item[at], post.asked_at[at], reward, SAMPLE_AVERAGE, low)
            at = dequeue(post.queue, start + i)


class KlUcb(BanditAgent):
    """KL-UCB: the largest upper bound by the divergence of chances (Garivier & Cappe 2011, Algorithm 1).

    Rewards lie between `low` and `high`, and are clipped there. `exploration` >= 0 is the paper's c: 0, the default, is
    what it advises, 3 what its proof needs. Untried items come first: one whose reward never comes is shown for ever.
    Needs discrete choices and one reward for each decision.
    """

    def __init__(self, exploration: float = 0.0, low: float = 0.0, high: float = 1.0) -> None:
        check_range("KlUcb", "exploration", exploration, 0.0, 1e6)
        check_scale("KlUcb", low, high)
        self.exploration = exploration
        self.low = low
        self.high = high

    def _settings(self) -> tuple[float, float, float]:
        return float(self.exploration), float(self.low), float(self.high)

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        return choose_kl_ucb(self.arms, items, scores, np.empty(self.n_slots), *self._settings(), self.rng)

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        low, high = float(self.low), float(self.high)
        reward_arm(self.arms, slot, item, asked_at, min(max(reward, low), high), SAMPLE_AVERAGE, low)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        advance_kl_ucb(start, seen.item, outcome, answers, chosen, post, self.arms, *self._settings(), self.rng)
