"""Figures 2.4, 2.5 and 2.6: the ten-armed testbed, all runs side by side, from the book's equations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sandbox.gallery.brute._store import store
from sandbox.table import FloatArray

RUNS, STEPS, ARMS = 10_000, 1000, 10
Choose = Callable[["Bandit", int], NDArray[np.intp]]


class Bandit(NamedTuple):
    """Runs side by side: what each arm is worth, estimates or preferences, and how often each was tried."""

    worth: FloatArray  # (runs, arms)
    value: FloatArray  # (runs, arms)
    tries: FloatArray  # (runs, arms)
    rng: np.random.Generator


def largest(scores: FloatArray, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return where each row (runs, arms) is largest; ties at random."""
    tied = scores >= scores.max(axis=1, keepdims=True)
    return np.asarray(np.where(tied, rng.random(scores.shape), -1.0).argmax(axis=1))


def epsilon_greedy(epsilon: float) -> Choose:
    """Section 2.2."""

    def choose(b: Bandit, t: int) -> NDArray[np.intp]:
        runs, arms = b.value.shape
        explore = b.rng.random(runs) < epsilon
        return np.where(explore, b.rng.integers(0, arms, runs), largest(b.value, b.rng))

    return choose


def upper_bound(c: float) -> Choose:
    """Equation 2.10; t counts from 1."""

    def choose(b: Bandit, t: int) -> NDArray[np.intp]:
        with np.errstate(divide="ignore", invalid="ignore"):
            bound = b.value + c * np.sqrt(np.log(t) / b.tries)
        return largest(np.where(b.tries == 0, np.inf, bound), b.rng)

    return choose


def play_values(
    choose: Choose, initial: float, step_size: float, mean: float, runs: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Play by estimated values; `step_size` 0: the plain mean. Return reward and best arm taken (runs, steps)."""
    rng = np.random.default_rng(seed)
    b = Bandit(rng.normal(mean, 1.0, (runs, ARMS)), np.full((runs, ARMS), initial), np.zeros((runs, ARMS)), rng)
    every, best = np.arange(runs), b.worth.argmax(axis=1)
    reward, right = np.empty((runs, STEPS)), np.empty((runs, STEPS))
    for t in range(1, STEPS + 1):
        chosen = choose(b, t)
        earned = b.worth[every, chosen] + rng.standard_normal(runs)
        b.tries[every, chosen] += 1.0
        rate = step_size if step_size else 1.0 / b.tries[every, chosen]
        b.value[every, chosen] += rate * (earned - b.value[every, chosen])
        reward[:, t - 1], right[:, t - 1] = earned, 100.0 * (chosen == best)
    return reward, right


def play_preferences(
    step_size: float, baseline: bool, mean: float, runs: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Play by preferences, equations 2.11 and 2.12; the baseline is the mean of the rewards before."""
    rng = np.random.default_rng(seed)
    worth = rng.normal(mean, 1.0, (runs, ARMS))
    liking, average = np.zeros((runs, ARMS)), np.zeros(runs)
    every, best = np.arange(runs), worth.argmax(axis=1)
    reward, right = np.empty((runs, STEPS)), np.empty((runs, STEPS))
    for t in range(1, STEPS + 1):
        chance = np.exp(liking - liking.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        chosen = np.minimum((chance.cumsum(axis=1) < rng.random((runs, 1))).sum(axis=1), ARMS - 1)
        earned = worth[every, chosen] + rng.standard_normal(runs)
        before = np.where(t == 1, earned, average) if baseline else np.zeros(runs)
        average += (earned - average) / t
        taken = np.zeros((runs, ARMS))
        taken[every, chosen] = 1.0
        liking += step_size * (earned - before)[:, None] * (taken - chance)
        reward[:, t - 1], right[:, t - 1] = earned, 100.0 * (chosen == best)
    return reward, right


def figure_2_4() -> None:
    """UCB with c = 2 against epsilon-greedy with 0.1."""
    ucb = play_values(upper_bound(2.0), 0.0, 0.0, 0.0, RUNS, 24)
    greedy = play_values(epsilon_greedy(0.1), 0.0, 0.0, 0.0, RUNS, 25)
    found = {"ucb step 11 reward": ucb[0][:, 10]}
    for name, (reward, right) in (("ucb", ucb), ("epsilon-greedy", greedy)):
        found[f"{name} step 1000 reward"] = reward[:, -1]
        found[f"{name} all reward"] = reward.mean(axis=1)
        found[f"{name} step 1000 optimal"] = right[:, -1]
    store("figure-2-4", "testbed", RUNS, found)


def figure_2_5() -> None:
    """Gradient bandits, with and without a baseline; arms are worth 4 on average."""
    found = {}
    for baseline in (True, False):
        for step_size in (0.1, 0.4):
            _, right = play_preferences(step_size, baseline, 4.0, RUNS, 26)
            name = f"{step_size:g} {'with' if baseline else 'without'}"
            found[f"{name} step 1000"], found[f"{name} all"] = right[:, -1], right.mean(axis=1)
    store("figure-2-5", "testbed", RUNS, found)


def figure_2_6() -> None:
    """The mean reward of the first 1,000 steps, over the setting of each of four agents."""
    runs, found = 4_000, {}
    for power in range(-7, 3):
        setting = 2.0**power
        if power <= -2:
            found[f"epsilon {setting}"] = play_values(epsilon_greedy(setting), 0.0, 0.0, 0.0, runs, 100 + power)[0]
        if power >= -5:
            found[f"gradient {setting}"] = play_preferences(setting, True, 0.0, runs, 200 + power)[0]
        if power >= -4:
            found[f"ucb {setting}"] = play_values(upper_bound(setting), 0.0, 0.0, 0.0, runs, 300 + power)[0]
        if power >= -2:
            found[f"optimistic {setting}"] = play_values(epsilon_greedy(0.0), setting, 0.1, 0.0, runs, 400 + power)[0]
        found = {name: one.mean(axis=1) if one.ndim > 1 else one for name, one in found.items()}
    store("figure-2-6", "testbed", runs, found)


if __name__ == "__main__":
    figure_2_4()
    figure_2_5()
    figure_2_6()
