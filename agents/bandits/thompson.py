"""Thompson sampling: an item is chosen as often as it is likely to be the best."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sandbox.compiled import compiled, lean
from sandbox.feedback import Answers
from sandbox.interfaces import Chosen, Slate, check_range
from sandbox.table import FloatArray, IntArray

from ._bandit import SAMPLE_AVERAGE, Arms, best_of, first_best
from ._bandit_agent import BanditAgent
from ._slate import Post, receive, send


@lean
def choose_thompson(
    arms: Arms,
    items: IntArray,
    scores: FloatArray,
    index: FloatArray,
    noise: float,
    initial_value: float,
    prior_scale: float,
    rng: np.random.Generator,
) -> tuple[int, bool]:
    """Return a slot of `items` (k,) with the largest draw, and whether another has a larger posterior mean.

    `scores` (k,) becomes the posterior means, `index` (k,) one draw from each posterior.
    """
    per_reward, prior = 1.0 / (noise * noise), 1.0 / (prior_scale * prior_scale)
    held, tries, value = arms
    item = held.item
    for j in range(items.shape[0]):
        known = tries[j] * per_reward if item[j] == items[j] else 0.0
        scores[j] = (initial_value * prior + value[j] * known) / (prior + known)
        index[j] = scores[j] + rng.standard_normal() / math.sqrt(prior + known)
    choice = best_of(index, rng)
    return choice, first_best(scores, choice) != choice


@compiled
def advance_thompson(
    start: int,
    items: IntArray,
    outcome: FloatArray,
    answers: Answers,
    chosen: Chosen,
    post: Post,
    arms: Arms,
    noise: float,
    initial_value: float,
    prior_scale: float,
    rng: np.random.Generator,
) -> None:
    """Go through a chunk of slates `items` (n, k), whose choices would earn `outcome` (n, k)."""
    scores, index = np.empty(items.shape[1]), np.empty(items.shape[1])
    for i in range(items.shape[0]):
        choice, _ = choose_thompson(arms, items[i], scores, index, noise, initial_value, prior_scale, rng)
        send(post, chosen, answers, i, start + i, choice, scores, items[i], outcome[i])
        receive(post, arms, start + i, SAMPLE_AVERAGE, 0.0)


class Thompson(BanditAgent):
    """Thompson sampling with normal rewards and a normal prior (Thompson 1933; Russo et al. 2018, section 4).

    `noise` > 0 is the standard deviation of a reward, taken as known; an item's mean reward has the prior mean
    `initial_value` and standard deviation `prior_scale` > 0. The defaults are Algorithm 2 of Agrawal & Goyal (2013).
    Needs discrete choices and one reward for each decision.
    """

    def __init__(self, noise: float = 1.0, initial_value: float = 0.0, prior_scale: float = 1.0) -> None:
        check_range("Thompson", "noise", noise, 1e-9, 1e9)
        check_range("Thompson", "initial_value", initial_value, -1e12, 1e12)
        check_range("Thompson", "prior_scale", prior_scale, 1e-9, 1e9)
        self.noise = noise
        self.initial_value = initial_value
        self.prior_scale = prior_scale

    def _settings(self) -> tuple[float, float, float]:
        return float(self.noise), float(self.initial_value), float(self.prior_scale)

    def _choose(self, items: IntArray, observation: Any, scores: FloatArray) -> tuple[int, bool]:
        return choose_thompson(self.arms, items, scores, np.empty(self.n_slots), *self._settings(), self.rng)

    def _advance(
        self, post: Post, start: int, seen: Slate, outcome: FloatArray, answers: Answers, chosen: Chosen
    ) -> None:
        advance_thompson(start, seen.item, outcome, answers, chosen, post, self.arms, *self._settings(), self.rng)
