"""R-max: what is not known well is thought to be paradise, so it is looked at."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.interfaces import check_range

from ..tabular._table_agent import TableAgent
from ..tabular._tabular import FloatArray, greedy_choice
from ._counts import Counts, check_whole, count, doubled, empty_counts, start_epoch
from ._planner import plan_discounted


class Charted(NamedTuple):
    """The memory of an agent that plans with a discount on counts."""

    q: FloatArray  # (S, A)
    values: FloatArray  # (S + 1,), the last that of the end, 0
    counts: Counts


class Known(NamedTuple):
    """The settings of R-max."""

    threshold: int
    discount: float
    ceiling: float


@rule
def choose_greedy(memory: Any, settings: Any, state: int, rng: np.random.Generator) -> tuple[int, bool]:
    """Return a best choice by the memory's `q`; ties are broken at random."""
    return greedy_choice(memory.q, state, rng), False


@rule
def learn_r_max(
    memory: Charted,
    settings: Known,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Count one transition; plan anew when a pair becomes known and, with a window, as what is known changes."""
    q, values, counts = memory
    threshold, discount, ceiling = settings
    windowed = counts.paid.shape[0] > 0
    if windowed or counts.visits[state, choice] < threshold:
        count(counts, state, choice, reward, q.shape[0] if terminated else next_state)
        known = counts.visits[state, choice] == threshold
        if known or (windowed and (doubled(counts, state, choice) or terminated or truncated)):
            plan_discounted(q, values, counts, threshold, 0.0, discount, ceiling)
            start_epoch(counts)


def ceiling_for_ever(reward_max: float, discount: float) -> float:
    """Return the largest discounted sum of rewards, of which there is at least one."""
    return max(float(reward_max), reward_max / (1.0 - discount))


class RMax(TableAgent):
    """R-max (Brafman & Tennenholtz 2002), with a discount as in Strehl, Li & Littman 2009.

    A pair of state and choice is known once it was tried `threshold` times (the paper's m); a pair that is not is worth
    as much as anything can be, `reward_max` for ever. Plans anew by value iteration whenever a pair becomes known, and
    always does what is best by the plan. What is known is not learned again, so it never notices a drift, unless there
    is a `window` > 0: then only the last `window` decisions count, as in sliding-window UCRL2 (Cheung, Simchi-Levi &
    Zhu 2020), and what has left it becomes unknown again. `discount` in [0, 0.999]. Needs discrete observations and
    choices, S states and A choices of which S * A * (S + 1) is at most 20 million.
    """

    rules = (choose_greedy, learn_r_max)

    def __init__(self, threshold: int = 20, discount: float = 0.95, reward_max: float = 1.0, window: int = 0) -> None:
        check_whole("RMax", "threshold", threshold, 1, 10**9)
        check_range("RMax", "discount", discount, 0.0, 0.999)
        check_range("RMax", "reward_max", reward_max, -1e9, 1e9)
        check_whole("RMax", "window", window, 0, 10**8)
        self.threshold = threshold
        self.discount = discount
        self.reward_max = reward_max
        self.window = window

    def _memory(self, n_states: int, n_choices: int) -> Charted:
        ceiling = ceiling_for_ever(self.reward_max, self.discount)
        counts = empty_counts("RMax", n_states, n_choices, self.window)
        values = np.append(np.full(n_states, ceiling), 0.0)
        return Charted(np.full((n_states, n_choices), ceiling), values, counts)

    def _numbers(self) -> Known:
        return Known(int(self.threshold), float(self.discount), ceiling_for_ever(self.reward_max, self.discount))
