"""EXP3.S: exponential weights that share, for an opponent whose best choice changes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.feedback import Answers, dequeue
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import GONE, NEW, NOBODY, Held, admit, make_held
from ._chances import ChanceAgent, check_scale, draw, unit
from ._slate import Post, send
from .exp3 import chances_by_weight, mean_of_others

_SMALLEST = 1e-300  # of a weight: one that is 0 would stay 0, whatever its item earns


class Shares(NamedTuple):
    """The weight of the item in each slot."""

    held: Held
    weight: FloatArray  # (k,) they add up to 1


def make_shares(n_slots: int) -> Shares:
    """Return slots of equal weight."""
    return Shares(make_held(n_slots), np.full(n_slots, 1.0 / n_slots))


@lean
def reward_exp3s(
    shares: Shares, slot: int, item: int, asked_at: int, gain: float, chance: float, epsilon: float, sharing: float
) -> None:
    """Let a gain in [0, 1] of an item, chosen with `chance`, raise its weight, unless it is gone; all get a share.

    Every weight is given e * sharing / k of all weight. Afterwards they are made to add up to 1, so that they stay
    finite; the chances that follow from them are the same.
    """
    weight, n = shares.weight, shares.weight.shape[0]
    replaced = shares.held.item[slot] != NOBODY
    news = admit(shares.held, slot, item, asked_at)
    if news == GONE:
        return
    if news == NEW and replaced:
        weight[slot] = mean_of_others(weight, slot)
    total = 0.0
    for j in range(n):
        total += weight[j]
    weight[slot] *= math.exp(epsilon * (gain / chance) / n)
    after = 0.0
    for j in range(n):
        weight[j] += math.e * sharing / n * total
        after += weight[j]
    for j in range(n):
        weight[j] = max(weight[j] / after, _SMALLEST)


@compiled
def advance_exp3s(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    shares: Shares,
    epsilon: float,
    sharing: float,
    low: float,
    high: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k)."""
    scores = np.empty(items.shape[1])
    for i in range(items.shape[0]):
        chances_by_weight(shares.held, shares.weight, items[i], scores, epsilon)
        choice = draw(scores, rng)
        post.context[(start + i) % post.context.shape[0]] = scores
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        at = dequeue(post.queue, start + i)
        while at != -1:
            slot, gain = post.choice[at], unit(post.reward[at], low, high)
            chance = post.context[at, slot]
            reward_exp3s(shares, slot, post.item[at], post.asked_at[at], gain, chance, epsilon, sharing)
            at = dequeue(post.queue, start + i)


class Exp3s(ChanceAgent):
    """EXP3.S for a best choice that changes (Auer, Cesa-Bianchi, Freund & Schapire 2002, section 8).

    `epsilon` in (0, 1] is the paper's gamma: the share of random choices, and the rate of learning; `sharing` in [0, 1]
    is its alpha, about one over the number of decisions: how much weight all get at each reward. Rewards lie between
    `low` and `high`, and are clipped there. Each is divided by the chance with which its choice was drawn, also when it
    comes late. An item that takes another's place has the mean weight. Needs discrete choices and one reward for each
    decision.
    """

    def __init__(self, epsilon: float = 0.2, sharing: float = 1e-4, low: float = 0.0, high: float = 1.0) -> None:
        check_range("Exp3s", "epsilon", epsilon, 1e-6, 1.0)
        check_range("Exp3s", "sharing", sharing, 0.0, 1.0)
        check_scale("Exp3s", low, high)
        self.epsilon = epsilon
        self.sharing = sharing
        self.low = low
        self.high = high

    def _forget(self) -> None:
        self.shares = make_shares(self.n_slots)

    def _chances(self, items: IntArray, chances: FloatArray) -> None:
        chances_by_weight(self.shares.held, self.shares.weight, items, chances, float(self.epsilon))

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        gain = unit(reward, float(self.low), float(self.high))
        chance = float(self._drawn(observation)[slot])
        settings = (float(self.epsilon), float(self.sharing))
        reward_exp3s(self.shares, slot, item, asked_at, gain, chance, *settings)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        settings = (float(self.epsilon), float(self.sharing), float(self.low), float(self.high))
        advance_exp3s(start, seen.item, outcome, answers, chosen, post, self.shares, *settings, self.rng)
