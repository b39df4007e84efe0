"""What the tabular agents have in common: a table of values, and settings that are checked once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from sandbox.interfaces import Decision, check_range, require_discrete

from ._tabular import epsilon_greedy

if TYPE_CHECKING:
    from sandbox.table_walk import Steps, Walk


class TableAgent:
    """An epsilon-greedy agent with a table of action values; subclasses say how it learns.

    `rule` names the rule of the compiled loop; a class that does not state its own has none.
    """

    rule = ""

    def __init__(
        self, step_size: float = 0.1, discount: float = 0.99, epsilon: float = 0.1, initial_value: float = 0.0
    ) -> None:
        name = type(self).__name__
        check_range(name, "step_size", step_size, 0.0, 1.0)
        check_range(name, "discount", discount, 0.0, 1.0)
        check_range(name, "epsilon", epsilon, 0.0, 1.0)
        check_range(name, "initial_value", initial_value, -1e12, 1e12)
        self.step_size = step_size
        self.discount = discount
        self.epsilon = epsilon
        self.initial_value = initial_value

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run with every value at `initial_value`."""
        require_discrete(type(self).__name__, observation_space, choice_space)
        assert isinstance(observation_space, spaces.Discrete) and isinstance(choice_space, spaces.Discrete)
        self.q = np.full((int(observation_space.n), int(choice_space.n)), float(self.initial_value))
        self.rng = rng

    def act(self, observation: int) -> int | Decision:
        """Choose epsilon-greedily; ties are broken at random."""
        choice, explored = epsilon_greedy(self.q, observation, self.epsilon, self.rng)
        return Decision(choice, math.nan, True, self.q[observation]) if explored else choice

    def fast(
        self, kind: str, told: tuple[bool, ...], budget: int | None, delay: int
    ) -> Callable[[Walk, Steps, np.random.Generator, tuple[int, int]], int] | str:
        """Return the compiled loop through a table, or why there is none; answers must come at once."""
        if kind != "table":
            return f"{type(self).__name__} is compiled for tables only"
        if "rule" not in vars(type(self)):
            return f"{type(self).__name__} is a subclass with rules of its own"
        from sandbox.table_walk import STATE

        from ._table_loop import RULES, walk_and_learn

        settings = (float(self.step_size), float(self.discount), float(self.epsilon))
        planned, q, rng, which = np.zeros(3, dtype=np.int64), self.q, self.rng, RULES[type(self).rule]

        def advance(walk: Walk, steps: Steps, chance: np.random.Generator, limits: tuple[int, int]) -> int:
            rows = walk_and_learn(which, walk, steps, chance, limits, q, settings, planned, rng)
            self._plan(int(walk.place[STATE]), *planned.tolist())
            return rows

        return advance

    def _plan(self, state: int, known: int, choice: int, explored: int) -> None:
        """Hear of the choice that the compiled loop drew for `state` while learning, if it is `known`."""
