"""UCB-H: Q-learning that is optimistic by Hoeffding's bound, for each step of an episode by itself."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import compiled, rule
from sandbox.interfaces import check_range
from sandbox.table import IntArray

from ..tabular._table_agent import TableAgent
from ..tabular._tabular import FloatArray, best_value, td_update
from ._counts import check_range_of_rewards, check_whole
from ._planner import ceiling_of, hope
from ._steps import Stages, choose_by_step, hopeful_stages, next_step

FAILURE = 0.05  # the paper's p: how probable it may be that the promise is broken


class Optimism(NamedTuple):
    """The memory of UCB-H."""

    scores: FloatArray  # (S, A) the first table of `stages.q`
    stages: Stages
    visits: IntArray  # (H, S, A)
    clock: IntArray  # (1,) decisions since the start or the last restart


class Hoeffding(NamedTuple):
    """The settings of UCB-H."""

    exploration: float
    most: float
    span: float
    restart_every: int


@rule
def hoeffding_bonus(exploration: float, span: float, horizon: int, pairs: int, decisions: int, visits: int) -> float:
    """Return c sqrt(H^3 iota / t) with iota = ln(S A T / p), the paper's T being the decisions so far."""
    iota = math.log(pairs * max(decisions, 1) / FAILURE)
    return exploration * span * math.sqrt(1.0 * horizon * horizon * horizon * iota / visits)


@rule
def ucb_h_update(
    stages: Stages, visits: IntArray, h: int, state: int, choice: int, reward: float, follows: float, bonus: float
) -> None:
    """One update of step `h`: lines 5 to 7 of algorithm 1; `visits` counts this one already."""
    horizon = stages.q.shape[0]
    step_size = (horizon + 1.0) / (horizon + visits[h, state, choice])
    td_update(stages.q[h], state, choice, reward + follows + bonus, step_size)


@rule
def learn_ucb_h(
    memory: Optimism,
    settings: Hoeffding,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition; start from nothing where a restart is due."""
    _, stages, visits, clock = memory
    exploration, most, span, restart_every = settings
    horizon, n_states, n_choices = visits.shape
    h = stages.step[0]
    clock[0] += 1
    visits[h, state, choice] += 1
    n = visits[h, state, choice]
    bonus = hoeffding_bonus(exploration, span, horizon, n_states * n_choices, clock[0], n)
    follows = 0.0 if terminated else stages.values[h + 1, next_state]
    ucb_h_update(stages, visits, h, state, choice, reward, follows, bonus)
    stages.values[h, state] = min(best_value(stages.q[h], state), ceiling_of(horizon - h, most))
    next_step(stages.step, horizon, terminated or truncated)
    if restart_every > 0 and clock[0] >= restart_every:
        start_again(stages, visits, most)
        clock[0] = 0


@compiled
def start_again(stages: Stages, visits: IntArray, most: float) -> None:
    """Forget everything; the step of the episode stays."""
    hope(stages.q, most)
    steps, n_states, n_choices = visits.shape
    for h in range(steps):
        for s in range(n_states):
            stages.values[h, s] = stages.q[h, s, 0]
            for a in range(n_choices):
                visits[h, s, a] = 0


class UcbH(TableAgent):
    """Q-learning with UCB-Hoeffding bonuses (Jin, Allen-Zhu, Bubeck & Jordan 2018, algorithm 1).

    Looks `horizon` steps ahead, with a table for each step of an episode; of a longer episode every `horizon` steps
    are taken for one. `exploration` is the paper's c: the bonus of the t-th visit is c sqrt(H^3 iota / t) times
    reward_max - reward_min, iota = ln(S A T / 0.05), T being the decisions so far: with a c of 1 nothing is learned on
    RiverSwim in 40,000 decisions, with the default it is in some 6,000. Rewards are at most `reward_max`: what h steps
    are left for is worth at most h times that (the paper says H). With `restart_every` > 0 it forgets everything after
    so many decisions, for worlds that drift (as RestartQ-UCB of Mao et al. 2021 does, with other bonuses). Needs
    discrete observations and choices.

    It counts the steps of an episode by their answers: where these come late or not at all it is out of step, and may
    learn nothing.
    """

    rules = (choose_by_step, learn_ucb_h)

    def __init__(
        self,
        exploration: float = 0.001,
        horizon: int = 20,
        reward_min: float = 0.0,
        reward_max: float = 1.0,
        restart_every: int = 0,
    ) -> None:
        check_range("UcbH", "exploration", exploration, 0.0, 1e9)
        check_whole("UcbH", "horizon", horizon, 1, 100_000)
        check_range_of_rewards("UcbH", reward_min, reward_max)
        check_whole("UcbH", "restart_every", restart_every, 0, 10**12)
        self.exploration = exploration
        self.horizon = horizon
        self.reward_min = reward_min
        self.reward_max = reward_max
        self.restart_every = restart_every

    def _memory(self, n_states: int, n_choices: int) -> Optimism:
        stages = hopeful_stages("UcbH", self.horizon, n_states, n_choices, float(self.reward_max))
        return Optimism(stages.q[0], stages, np.zeros(stages.q.shape, dtype=np.int64), np.zeros(1, dtype=np.int64))

    def _numbers(self) -> Hoeffding:
        span = float(self.reward_max - self.reward_min)
        return Hoeffding(float(self.exploration), float(self.reward_max), span, int(self.restart_every))
