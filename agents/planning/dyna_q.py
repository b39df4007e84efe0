"""Dyna-Q: Q-learning that also learns from what it remembers, several times a decision."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sandbox.compiled import rule

from ..tabular._table_agent import GreedyTableAgent, choose_epsilon_greedy
from ..tabular._tabular import FloatArray
from ..tabular.q_learning import q_learning_update
from ._model import Model, check_whole, empty_model, recall_choice, recall_state, remember


class Remembered(NamedTuple):
    """The memory of Dyna-Q."""

    q: FloatArray  # (S, A)
    model: Model


class Planned(NamedTuple):
    """The settings of Dyna-Q."""

    step_size: float
    discount: float
    epsilon: float
    planning_steps: int


@rule
def learn_dyna_q(
    memory: Remembered,
    settings: Planned,
    state: int,
    choice: int,
    reward: float,
    next_state: int,
    terminated: bool,
    truncated: bool,
    rng: np.random.Generator,
) -> None:
    """Learn from one transition, remember it, and learn again from others that are remembered."""
    q, model = memory
    step_size, discount, _, planning_steps = settings
    q_learning_update(q, state, choice, reward, next_state, terminated, step_size, discount)
    remember(model, state, choice, reward, next_state, terminated)
    for _ in range(planning_steps):
        s = recall_state(model, rng)
        a = recall_choice(model, s, rng)
        ended = model.ends[s, a] == 1
        q_learning_update(q, s, a, model.earned[s, a], model.after[s, a], ended, step_size, discount)


class DynaQ(GreedyTableAgent):
    """Dyna-Q on a table (Sutton 1990; Sutton & Barto, 2nd edition, section 8.2, the box "Tabular Dyna-Q").

    `step_size` in [0, 1], `discount` in [0, 1], `epsilon` (share of random choices) in [0, 1], `planning_steps`: how
    many remembered transitions it learns from after each decision, `initial_value` of every entry. Each is that of a
    random state where it has been, and of a random choice that it tried there. It remembers the last outcome of each
    pair alone: exact where outcomes are certain; where they are not, keep the step size small. Needs discrete
    observations and choices. Without planning steps it is Q-learning.
    """

    rules = (choose_epsilon_greedy, learn_dyna_q)

    def __init__(
        self,
        step_size: float = 0.1,
        discount: float = 0.95,
        epsilon: float = 0.1,
        planning_steps: int = 10,
        initial_value: float = 0.0,
    ) -> None:
        super().__init__(step_size, discount, epsilon, initial_value)
        check_whole(type(self).__name__, "planning_steps", planning_steps, 0, 1_000_000)
        self.planning_steps = planning_steps

    def _memory(self, n_states: int, n_choices: int) -> Remembered:
        return Remembered(np.full((n_states, n_choices), float(self.initial_value)), empty_model(n_states, n_choices))

    def _numbers(self) -> Planned:  # type: ignore[override]
        return Planned(float(self.step_size), float(self.discount), float(self.epsilon), int(self.planning_steps))
