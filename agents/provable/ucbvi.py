"""UCBVI: plan each episode in the likeliest world, with a bonus for what was seldom tried."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled, rule
from sandbox.interfaces import check_range

from ..tabular._table_agent import TableAgent
from ..tabular._tabular import FloatArray
from ._counts import Counts, check_range_of_rewards, check_whole, count, empty_counts
from ._planner import hope, plan_steps
from ._steps import Stages, choose_by_step, hopeful_stages, next_step

FAILURE = 0.05  # the paper's delta: how probable it may be that the promise is broken


class Bounded(NamedTuple):
    """The memory of UCBVI."""

    scores: FloatArray  # (S, A) the first table of `stages.q`
    stages: Stages
    counts: Counts
    pay: FloatArray  # (S, A) mean reward and bonus at the last plan


class Chernoff(NamedTuple):
    """The settings of UCBVI."""

    exploration: float
    most: float
    span: float


@rule
def chernoff_bonus(exploration: float, span: float, horizon: int, pairs: int, decisions: int, visits: int) -> float:
    """Return 7 H L sqrt(1 / n) with L = ln(5 S A T / delta): algorithm 3, the paper's T being the decisions so far."""
    log_term = math.log(5.0 * pairs * max(decisions, 1) / FAILURE)
    return exploration * span * 7.0 * horizon * log_term * math.sqrt(1.0 / visits)


@compiled
def plan_ucbvi(stages: Stages, counts: Counts, pay: FloatArray, settings: Chernoff) -> None:
    """Backward induction on the counts, with bonuses: algorithm 2. With a window, nothing is kept of older plans."""
    exploration, most, span = settings
    horizon, n_states, n_choices = stages.q.shape
    for s in range(n_states):
        for a in range(n_choices):
            n = counts.visits[s, a]
            if n > 0:
                pairs = n_states * n_choices
                bonus = chernoff_bonus(exploration, span, horizon, pairs, counts.clock[0], n)
                pay[s, a] = counts.earned[s, a] / n + bonus
    if counts.paid.shape[0] > 0:
        hope(stages.q, most)
    plan_steps(stages.q, stages.values, pay, counts.kinds, counts.after, counts.times, counts.visits, most)


@rule
def learn_ucbvi(
    memory: Bounded,
    settings: Chernoff,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Count one transition; plan anew when an episode ends."""
    _, stages, counts, pay = memory
    horizon, n_states, _ = stages.q.shape
    count(counts, state, choice, reward, n_states if terminated else next_state)
    if next_step(stages.step, horizon, terminated or truncated):
        plan_ucbvi(stages, counts, pay, settings)


class Ucbvi(TableAgent):
    """Upper confidence bound value iteration, UCBVI-CH (Azar, Osband & Munos 2017, algorithms 1 to 3).

    Plans at the end of each episode, `horizon` steps ahead by backward induction; of a longer episode every `horizon`
    steps are taken for one. `exploration` is the share of the paper's bonus, 7 H L / sqrt(n) times reward_max -
    reward_min, with L = ln(5 S A T / 0.05), T being the decisions so far and n how often a pair was tried: with all of
    it (1.0), or a tenth, nothing is learned on RiverSwim in 40,000 decisions, with the default it soon is. Rewards are
    learned too, and are at most `reward_max`: h steps are worth at most h times that (the paper says H). With a
    `window` > 0 only the last `window` decisions count, as in sliding-window UCRL2 (Cheung, Simchi-Levi & Zhu 2020).
    Needs discrete observations and choices, S states and A choices of which S * A * (S + 1) is at most 20 million.

    It counts the steps of an episode by their answers: where these come late or not at all it is out of step, and may
    learn nothing.
    """

    rules = (choose_by_step, learn_ucbvi)

    def __init__(
        self,
        exploration: float = 0.0003,
        horizon: int = 20,
        reward_min: float = 0.0,
        reward_max: float = 1.0,
        window: int = 0,
    ) -> None:
        check_range("Ucbvi", "exploration", exploration, 0.0, 1e9)
        check_whole("Ucbvi", "horizon", horizon, 1, 100_000)
        check_range_of_rewards("Ucbvi", reward_min, reward_max)
        check_whole("Ucbvi", "window", window, 0, 10**8)
        self.exploration = exploration
        self.horizon = horizon
        self.reward_min = reward_min
        self.reward_max = reward_max
        self.window = window

    def _memory(self, n_states: int, n_choices: int) -> Bounded:
        counts = empty_counts("Ucbvi", n_states, n_choices, self.window)
        stages = hopeful_stages("Ucbvi", self.horizon, n_states, n_choices, float(self.reward_max))
        return Bounded(stages.q[0], stages, counts, np.zeros((n_states, n_choices)))

    def _numbers(self) -> Chernoff:
        return Chernoff(float(self.exploration), float(self.reward_max), float(self.reward_max - self.reward_min))
