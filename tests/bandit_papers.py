"""Bandits as their papers define them, from all rewards so far: slow, plain, and written without a look at ours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from bandits import K, reward, started
from gymnasium import spaces
from scipy.optimize import brentq

Told = list[tuple[int, float, np.ndarray]]  # slot, reward, and the scores with which it was chosen; in order of arrival


def means_of(weights: np.ndarray, told: Told, empty: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Counts and means of each slot, each reward counting as much as its weight."""
    counts, sums = np.zeros(K), np.zeros(K)
    for w, (slot, value, _) in zip(weights, told, strict=True):
        counts[slot] += w
        sums[slot] += w * value
    with np.errstate(invalid="ignore"):
        return counts, np.where(counts > 0, sums / counts, empty)


def ucb_bounds(counts: np.ndarray, means: np.ndarray, exploration: float) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        bonus = exploration * np.sqrt(np.log(max(counts.sum(), 1.0)) / counts)
    return np.where(counts > 0, means + np.nan_to_num(bonus, nan=math.inf), math.inf)


def divergence(p: float, q: float) -> float:
    terms = [(p, q), (1 - p, 1 - q)]
    return sum(a * math.log(a / b) for a, b in terms if a > 0)


def kl_bound(p: float, target: float) -> float:
    """The largest q with divergence(p, q) <= target, by bisection."""
    top = 1 - 1e-15
    if p >= top or divergence(p, top) <= target:
        return 1.0
    return float(brentq(lambda q: divergence(p, q) - target, p, top, xtol=1e-14)) if target > 0 else p


def kl_ucb(told: Told, c: float, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    told = [(slot, min(max(value, low), high), s) for slot, value, s in told]
    counts, means = means_of(np.ones(len(told)), told, low)
    t = len(told) + 1
    level = math.log(t) + (c * math.log(math.log(t)) if math.log(t) > 1 else 0.0)
    bounds = [
        math.inf if n == 0 else kl_bound((m - low) / (high - low), level / n)
        for n, m in zip(counts, means, strict=True)
    ]
    return means, np.array(bounds)


def discounted_ucb(told: Told, decay: float, exploration: float) -> tuple[np.ndarray, np.ndarray]:
    counts, means = means_of(decay ** np.arange(len(told))[::-1], told)
    return means, ucb_bounds(counts, means, exploration)


def sliding_window_ucb(told: Told, window: int, exploration: float) -> tuple[np.ndarray, np.ndarray]:
    counts, means = means_of(np.ones(len(told[-window:])), told[-window:])
    return means, ucb_bounds(counts, means, exploration)


def restarting_ucb(told: Told, exploration: float, threshold: float, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """UCB1 on what came since the last alarm of any slot's Page-Hinkley test."""
    kept: Told = []
    for slot, value, scores in told:
        kept.append((slot, value, scores))
        own = [v for s, v, _ in kept if s == slot]
        sums = np.cumsum([np.mean(own[: i + 1]) - own[i] - tolerance for i in range(len(own))])
        if sums[-1] - min(0.0, sums.min()) > threshold:
            kept = []
    counts, means = means_of(np.ones(len(kept)), kept)
    return means, ucb_bounds(counts, means, exploration)


def exp3(told: Told, gamma: float, low: float, high: float) -> np.ndarray:
    w = np.ones(K)
    for slot, value, chances in told:
        gain = min(max((value - low) / (high - low), 0.0), 1.0)
        w[slot] *= math.exp(gamma * (gain / chances[slot]) / K)
    return (1 - gamma) * w / w.sum() + gamma / K


def exp3s(told: Told, gamma: float, alpha: float, low: float, high: float) -> np.ndarray:
    w = np.ones(K)
    for slot, value, chances in told:
        estimate = np.zeros(K)
        estimate[slot] = min(max((value - low) / (high - low), 0.0), 1.0) / chances[slot]
        w = w * np.exp(gamma * estimate / K) + math.e * alpha / K * w.sum()
    return (1 - gamma) * w / w.sum() + gamma / K


def gradient(told: Told, step_size: float, baseline: bool) -> np.ndarray:
    h, values = np.zeros(K), []
    for slot, value, chances in told:
        average = (np.mean(values) if values else value) if baseline else 0.0
        values.append(value)
        h += step_size * (value - average) * ((np.arange(K) == slot) - chances)
    return np.exp(h - h.max()) / np.exp(h - h.max()).sum()


def beta(told: Told, decay: float, a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Parameters of the posteriors of successes (1) and failures (0)."""
    won, lost = np.full(K, a), np.full(K, b)
    for age, (slot, value, _) in enumerate(reversed(told)):
        won[slot] += decay**age * value
        lost[slot] += decay**age * (1 - value)
    return won, lost


def replay(agent: Any, look: Callable[[Any, Told], None], values: Callable[[int, int], float], delay: int = 0) -> None:
    """Play 160 decisions on plain slots, rewards `delay` decisions late; `look` at each decision and what was told."""
    agent, told, waiting = started(agent, 3, spaces.Discrete(1)), [], []
    for step in range(160):
        made = agent.act(0)
        look(made, told)
        waiting.append((made, values(step, int(made.choice)), step))
        if step >= delay:
            then, value, asked_at = waiting.pop(0)
            reward(agent, then.choice, value, 0, asked_at)
            told.append((int(then.choice), value, np.array(then.scores)))


def follows_bounds(rule: Callable[[Told], tuple[np.ndarray, np.ndarray]]) -> Callable[[Any, Told], None]:
    """Return a look at an agent that takes the largest bound; `rule` gives means and bounds."""

    def look(made: Any, told: Told) -> None:
        means, bounds = rule(told)
        np.testing.assert_allclose(made.scores, means, atol=1e-9)
        assert bounds[made.choice] >= bounds.max() - 1e-9
        assert made.explored == (made.scores[made.choice] < max(made.scores))

    return look


def has_chances(rule: Callable[[Told], np.ndarray]) -> Callable[[Any, Told], None]:
    """Return a look at an agent whose scores are the chances of `rule`."""

    def look(made: Any, told: Told) -> None:
        np.testing.assert_allclose(made.scores, rule(told), rtol=1e-9)
        assert made.explored == (made.scores[made.choice] < max(made.scores))

    return look
