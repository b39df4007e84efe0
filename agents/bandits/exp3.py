"""EXP3: exponential weights, for rewards that an opponent may choose."""

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

_HIGHEST = 50.0  # a weight above e^50 makes all of them be taken anew


class Weights(NamedTuple):
    """The weight of the item in each slot, by its logarithm: those of a long run are no numbers any more."""

    held: Held
    log: FloatArray  # (k,)
    base: FloatArray  # (1,) what is taken off every logarithm
    weight: FloatArray  # (k,) exp(log - base)


def make_weights(n_slots: int) -> Weights:
    """Return slots of weight 1."""
    return Weights(make_held(n_slots), np.zeros(n_slots), np.zeros(1), np.ones(n_slots))


@lean
def chances_by_weight(held: Held, weight: FloatArray, items: IntArray, chances: FloatArray, epsilon: float) -> None:
    """Write the chance of each slot of `items` (k,) into `chances` (k,): (1 - epsilon) w_j / W + epsilon / k.

    An item that took another's place has the mean weight.
    """
    n, known, total = items.shape[0], 0, 0.0
    for j in range(n):
        chances[j] = -1.0
        if held.item[j] == items[j] or held.item[j] == NOBODY:
            chances[j] = weight[j]
            known, total = known + 1, total + weight[j]
    mean = total / known if total > 0.0 else 1.0
    total = 0.0
    for j in range(n):
        if chances[j] < 0.0:
            chances[j] = mean
        total += chances[j]
    for j in range(n):
        chances[j] = (1.0 - epsilon) * (chances[j] / total) + epsilon / n


@lean
def mean_of_others(weight: FloatArray, slot: int) -> float:
    """Return the mean weight of all slots but one, 1 if there is no other."""
    total, others = 0.0, weight.shape[0] - 1
    for j in range(weight.shape[0]):
        if j != slot:
            total += weight[j]
    return total / others if others > 0 else 1.0


@lean
def rebase(weights: Weights) -> None:
    """Take the weights anew, so that the largest is 1."""
    top = weights.log[0]
    for j in range(weights.log.shape[0]):
        top = max(top, weights.log[j])
    weights.base[0] = top
    for j in range(weights.log.shape[0]):
        weights.weight[j] = math.exp(max(weights.log[j] - top, -700.0))


@lean
def reward_exp3(
    weights: Weights, slot: int, item: int, asked_at: int, gain: float, chance: float, epsilon: float
) -> None:
    """Let a gain in [0, 1] of an item, chosen with `chance`, raise its weight, unless it is gone."""
    replaced = weights.held.item[slot] != NOBODY
    news = admit(weights.held, slot, item, asked_at)
    if news == GONE:
        return
    if news == NEW and replaced:
        weights.log[slot] = weights.base[0] + math.log(max(mean_of_others(weights.weight, slot), 1e-300))
    weights.log[slot] += epsilon * (gain / chance) / weights.log.shape[0]
    excess = weights.log[slot] - weights.base[0]
    if excess > _HIGHEST or (news == NEW and replaced):
        rebase(weights)
    else:
        weights.weight[slot] = math.exp(max(excess, -700.0))


@compiled
def advance_exp3(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    weights: Weights,
    epsilon: float,
    low: float,
    high: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k)."""
    scores = np.empty(items.shape[1])
    for i in range(items.shape[0]):
        chances_by_weight(weights.held, weights.weight, items[i], scores, epsilon)
        choice = draw(scores, rng)
        post.context[(start + i) % post.context.shape[0]] = scores
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        at = dequeue(post.queue, start + i)
        while at != -1:
            slot, gain = post.choice[at], unit(post.reward[at], low, high)
            reward_exp3(weights, slot, post.item[at], post.asked_at[at], gain, post.context[at, slot], epsilon)
            at = dequeue(post.queue, start + i)


class Exp3(ChanceAgent):
    """EXP3 for rewards under any law, an opponent's too (Auer, Cesa-Bianchi, Freund & Schapire 2002, figure 1).

    `epsilon` in (0, 1] is the paper's gamma: the share of random choices, and the rate of learning. Rewards lie between
    `low` and `high`, and are clipped there. Each is divided by the chance with which its choice was drawn, also when it
    comes late. An item that takes another's place has the mean weight. Needs discrete choices and one reward for each
    decision.
    """

    def __init__(self, epsilon: float = 0.1, low: float = 0.0, high: float = 1.0) -> None:
        check_range("Exp3", "epsilon", epsilon, 1e-6, 1.0)
        check_scale("Exp3", low, high)
        self.epsilon = epsilon
        self.low = low
        self.high = high

    def _forget(self) -> None:
        self.weights = make_weights(self.n_slots)

    def _chances(self, items: IntArray, chances: FloatArray) -> None:
        chances_by_weight(self.weights.held, self.weights.weight, items, chances, float(self.epsilon))

    def _reward(self, slot: int, item: int, asked_at: int, reward: float, observation: Any) -> None:
        gain = unit(reward, float(self.low), float(self.high))
        chance = float(self._drawn(observation)[slot])
        reward_exp3(self.weights, slot, item, asked_at, gain, chance, float(self.epsilon))

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        settings = (float(self.epsilon), float(self.low), float(self.high))
        advance_exp3(start, seen.item, outcome, answers, chosen, post, self.weights, *settings, self.rng)
