"""MBIE-EB: a model whose rewards get a bonus that shrinks as a pair is tried."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.interfaces import check_range

from ..tabular._table_agent import TableAgent
from ._counts import check_range_of_rewards, check_whole, count, doubled, empty_counts, start_epoch
from ._planner import plan_discounted
from .r_max import Charted, ceiling_for_ever, choose_greedy

FAILURE = 0.05  # the paper's delta: how probable it may be that the promise is broken


class Bonus(NamedTuple):
    """The settings of MBIE-EB."""

    exploration: float
    discount: float
    ceiling: float
    span: float


@rule
def mbie_bonus(exploration: float, discount: float, span: float, pairs: int, decisions: int) -> float:
    """Return beta, the bonus of a pair tried once: theorem 2 of the paper, with decisions so far for its m."""
    return exploration * span / (1.0 - discount) * math.sqrt(0.5 * math.log(2.0 * pairs * decisions / FAILURE))


@rule
def learn_mbie_eb(
    memory: Charted,
    settings: Bonus,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Count one transition; plan anew when a pair was tried as often again as before, and so the bonus has shrunk."""
    q, values, counts = memory
    exploration, discount, ceiling, span = settings
    count(counts, state, choice, reward, q.shape[0] if terminated else next_state)
    if doubled(counts, state, choice) or (counts.paid.shape[0] > 0 and (terminated or truncated)):
        beta = mbie_bonus(exploration, discount, span, q.shape[0] * q.shape[1], counts.clock[0])
        plan_discounted(q, values, counts, 1, beta, discount, ceiling)
        start_epoch(counts)


class MbieEb(TableAgent):
    """Model-based interval estimation with an exploration bonus (MBIE-EB; Strehl & Littman 2008, theorem 2).

    Plans by value iteration as if a pair tried n times earned beta / sqrt(n) more than it did on average, and does what
    is best by the plan; the paper plans after each decision, here after those that double how often a pair was tried.
    `exploration` is the share of the paper's beta, which is (reward_max - reward_min) / (1 - discount) *
    sqrt(ln(2 S A m / 0.05) / 2), m being the decisions so far: with all of it (1.0) nothing is learned on RiverSwim in
    40,000 decisions, with the default nearly all at once. `discount` in [0, 0.999]; no pair is worth more than
    `reward_max` for ever. With a `window` > 0 only the last `window` decisions count, as in sliding-window UCRL2
    (Cheung, Simchi-Levi & Zhu 2020). Needs discrete observations and choices, S states and A choices of which
    S * A * (S + 1) is at most 20 million.
    """

    rules = (choose_greedy, learn_mbie_eb)

    def __init__(
        self,
        exploration: float = 0.01,
        discount: float = 0.95,
        reward_min: float = 0.0,
        reward_max: float = 1.0,
        window: int = 0,
    ) -> None:
        check_range("MbieEb", "exploration", exploration, 0.0, 1e9)
        check_range("MbieEb", "discount", discount, 0.0, 0.999)
        check_range_of_rewards("MbieEb", reward_min, reward_max)
        check_whole("MbieEb", "window", window, 0, 10**8)
        self.exploration = exploration
        self.discount = discount
        self.reward_min = reward_min
        self.reward_max = reward_max
        self.window = window

    def _memory(self, n_states: int, n_choices: int) -> Charted:
        ceiling = ceiling_for_ever(self.reward_max, self.discount)
        counts = empty_counts("MbieEb", n_states, n_choices, self.window)
        values = np.append(np.full(n_states, ceiling), 0.0)
        return Charted(np.full((n_states, n_choices), ceiling), values, counts)

    def _numbers(self) -> Bonus:
        span, ceiling = self.reward_max - self.reward_min, ceiling_for_ever(self.reward_max, self.discount)
        return Bonus(float(self.exploration), float(self.discount), ceiling, float(span))
