"""What the agents with a table have in common: two rules, a memory of arrays, and settings that are checked once."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox.compiled import rule
from sandbox.interfaces import Decision, Experience, check_range, require_discrete

from ._table_loop import Act, Learn, learn_nothing, table_loop
from ._tabular import FloatArray, epsilon_greedy

if TYPE_CHECKING:
    from sandbox.table_walk import Steps, Walk


class TableAgent:
    """An agent whose choosing and learning are two rules on a memory of arrays; subclasses state them.

    `rules`: how to choose, and how to learn, as `table_loop` describes them; both are called by the open loop and
    compiled into the other. A subclass that does not state its own has no compiled loop.
    """

    rules: ClassVar[tuple[Act, Learn]]

    def _memory(self, n_states: int, n_choices: int) -> Any:
        """Return the memory of a run that begins: a named tuple of arrays, the scores (S, A) first."""
        raise NotImplementedError

    def _numbers(self) -> Any:
        """Return the settings that the rules need: a named tuple of numbers."""
        raise NotImplementedError

    def begin(
        self, observation_space: spaces.Space[Any], choice_space: spaces.Space[Any], rng: np.random.Generator
    ) -> None:
        """Start a run of which nothing is known."""
        require_discrete(type(self).__name__, observation_space, choice_space)
        assert isinstance(observation_space, spaces.Discrete) and isinstance(choice_space, spaces.Discrete)
        self.memory = self._memory(int(observation_space.n), int(choice_space.n))
        self._given = self._numbers()
        self.rng = rng

    @property
    def q(self) -> FloatArray:
        """The scores (S, A) that the greedy choice goes by."""
        scores: FloatArray = self.memory[0]
        return scores

    def act(self, observation: int) -> int | Decision:
        """Choose by the first rule."""
        choice, explored = self.rules[0](self.memory, self._given, observation, self.rng)
        return Decision(choice, math.nan, True, self.memory[0][observation]) if explored else choice

    def learn(self, experience: Experience) -> None:
        """Learn from one transition by the second rule; an abstention teaches nothing."""
        observation, choice, reward, following, terminated, truncated, _, _ = experience
        if choice is None:
            self.interrupt()
            return
        if following is None:  # of a stream's question, which nothing follows
            following = observation
        self.rules[1](self.memory, self._given, observation, choice, reward, following, terminated, truncated, self.rng)

    def interrupt(self) -> None:
        """Forget what was begun with the last transition: what comes next does not follow from it."""

    def fast(
        self, kind: str, told: tuple[bool, ...], budget: int | None, delay: int
    ) -> Callable[[Walk, Steps, np.random.Generator, tuple[int, int]], int] | str:
        """Return the compiled loop through a table, or why there is none; answers must come at once."""
        if kind != "table":
            return f"{type(self).__name__} is compiled for tables only"
        if "rules" not in vars(type(self)):
            return f"{type(self).__name__} is a subclass with rules of its own"
        choose, learn = type(self).rules
        loop = table_loop(choose, learn if any(told) else learn_nothing)
        memory, given, rng = self.memory, self._given, self.rng
        return lambda walk, steps, chance, limits: loop(walk, steps, chance, limits, memory, given, rng)


class Values(NamedTuple):
    """The memory of an agent that keeps action values alone."""

    q: FloatArray  # (S, A)


class Greed(NamedTuple):
    """The settings of an epsilon-greedy agent with a step size."""

    step_size: float
    discount: float
    epsilon: float


@rule
def choose_epsilon_greedy(memory: Any, settings: Any, state: int, rng: np.random.Generator) -> tuple[int, bool]:
    """Return an epsilon-greedy choice by the memory's `q`, and whether it explored; ties are broken at random."""
    return epsilon_greedy(memory.q, state, settings.epsilon, rng)


class GreedyTableAgent(TableAgent):
    """An epsilon-greedy agent with a table of action values; subclasses say how it learns."""

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

    def _memory(self, n_states: int, n_choices: int) -> Any:
        return Values(np.full((n_states, n_choices), float(self.initial_value)))

    def _numbers(self) -> Greed:
        return Greed(float(self.step_size), float(self.discount), float(self.epsilon))
