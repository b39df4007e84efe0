"""Dyna-Q+: Dyna-Q that hopes, the more the longer it has not looked, that things have changed for the better."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule
from sandbox.interfaces import check_range
from sandbox.table import IntArray

from ..tabular._table_agent import GreedyTableAgent, choose_epsilon_greedy
from ..tabular._tabular import FloatArray, random_choice
from ..tabular.q_learning import q_learning_update
from ._model import Model, check_whole, empty_model, recall_state, remember


class Dated(NamedTuple):
    """The memory of Dyna-Q+."""

    q: FloatArray  # (S, A)
    model: Model
    tried_at: IntArray  # (S, A) the decision at which each pair was last tried, 0 for never
    clock: IntArray  # (1,) decisions so far


class Curious(NamedTuple):
    """The settings of Dyna-Q+."""

    step_size: float
    discount: float
    epsilon: float
    planning_steps: int
    exploration: float


@rule
def learn_dyna_q_plus(
    memory: Dated,
    settings: Curious,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition, remember it, and learn from others as if they earned a bonus for their age."""
    q, model, tried_at, clock = memory
    step_size, discount, _, planning_steps, exploration = settings
    q_learning_update(q, state, choice, reward, next_state, terminated, step_size, discount)
    if model.n_tried[state] == 0:
        for a in range(q.shape[1]):  # what is not tried yet is thought to lead back here, for nothing
            model.after[state, a] = state
    remember(model, state, choice, reward, next_state, terminated)
    clock[0] += 1
    tried_at[state, choice] = clock[0]
    for _ in range(planning_steps):
        s = recall_state(model, rng)
        a = random_choice(q.shape[1], rng)
        bonus = exploration * math.sqrt(clock[0] - tried_at[s, a])
        ended = model.ends[s, a] == 1
        q_learning_update(q, s, a, model.earned[s, a] + bonus, model.after[s, a], ended, step_size, discount)


class DynaQPlus(GreedyTableAgent):
    """Dyna-Q+ on a table (Sutton 1990; Sutton & Barto, 2nd edition, section 8.3 and its footnote).

    As Dyna-Q, but in planning a transition earns `exploration` * sqrt(decisions since it was last tried) more (the
    book's kappa), and choices that were never tried in a state where it has been are planned with too: they are thought
    to lead back to it for nothing. So it tries again what it has not tried for long, and finds what has become better.
    `step_size`, `discount`, `epsilon`, `planning_steps`, `initial_value` as in Dyna-Q. Needs discrete observations and
    choices.
    """

    rules = (choose_epsilon_greedy, learn_dyna_q_plus)

    def __init__(
        self,
        step_size: float = 0.1,
        discount: float = 0.95,
        epsilon: float = 0.1,
        planning_steps: int = 10,
        exploration: float = 0.001,
        initial_value: float = 0.0,
    ) -> None:
        super().__init__(step_size, discount, epsilon, initial_value)
        check_whole("DynaQPlus", "planning_steps", planning_steps, 0, 1_000_000)
        check_range("DynaQPlus", "exploration", exploration, 0.0, 1e12)
        self.planning_steps = planning_steps
        self.exploration = exploration

    def _memory(self, n_states: int, n_choices: int) -> Dated:
        shape = (n_states, n_choices)
        q = np.full(shape, float(self.initial_value))
        return Dated(q, empty_model(*shape), np.zeros(shape, dtype=np.int64), np.zeros(1, dtype=np.int64))

    def _numbers(self) -> Curious:  # type: ignore[override]
        return Curious(
            float(self.step_size), float(self.discount), float(self.epsilon), int(self.planning_steps),
            float(self.exploration),
        )  # fmt: skip
