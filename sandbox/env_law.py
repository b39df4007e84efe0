"""What is known of an environment: its table, or why there is none, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from sandbox.drift import Schedule
from sandbox.errors import SandboxError
from sandbox.oracle import Solution, reachable_together, solve
from sandbox.stretches import passing_of
from sandbox.table import Table
from sandbox.table_env import DriftClock, TableEnv
from sandbox.trace import Meta

TableOf = Callable[[gym.Env[Any, Any]], Table | str]


@dataclass
class EnvLaw:
    """What is known of an environment: its spaces, its law or the reason why that is unknown, its reference return.

    `tables` holds the law of every concept.
    """

    name: str
    observation_space: spaces.Space[Any]
    choice_space: spaces.Space[Any]
    tables: list[Table] | str
    reference: float
    schedule: Schedule = field(default_factory=Schedule)
    marks: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @cached_property
    def solutions(self) -> list[Solution] | str:
        """The stationary optimum of every concept, or the reason why the world is unpriced."""
        if isinstance(self.tables, str):
            return self.tables
        try:
            live = reachable_together(self.tables)
            return [solve(table, live) for table in self.tables]
        except SandboxError as error:
            return str(error)

    @property
    def solution(self) -> Solution | str:
        """The stationary optimum under the first law, or the reason why the world is unpriced."""
        return self.solutions if isinstance(self.solutions, str) else self.solutions[0]

    @cached_property
    def meta(self) -> Meta:
        """What a reader of its traces must know."""
        n_choices = int(self.choice_space.n) if isinstance(self.choice_space, spaces.Discrete) else 1
        if isinstance(self.solutions, str):
            observations = self.observation_space
            return Meta(
                "control",
                self.name,
                n_cells=int(observations.n) if isinstance(observations, spaces.Discrete) else 1,
                n_choices=n_choices,
                reference_return=self.reference,
                why_unpriced=self.solutions,
                passing=passing_of(self.schedule),
            )
        first = self.solutions[0]
        return Meta(
            "control",
            self.name,
            n_cells=first.table.n_states,
            n_choices=n_choices,
            objective=str(first.table.objective),
            discount=first.table.objective.discount,
            gain=first.gain,
            gap_range=max(solution.gap_range for solution in self.solutions),
            luck_reach=tuple(np.concatenate([s.luck_reach.ravel() for s in self.solutions]).tolist()),
            expected_start=tuple(solution.start_value for solution in self.solutions),
            marks=self.marks,
            passing=passing_of(self.schedule),
        )


def law_of(env: gym.Env[Any, Any], name: str, table_of: TableOf) -> EnvLaw:
    """Return what is known of `env`."""
    threshold = env.spec.reward_threshold if env.spec is not None else None
    number = math.nan if threshold is None else float(threshold)
    inner = env.unwrapped
    tables: list[Table] | str
    if isinstance(inner, TableEnv):
        first = table_of(env)
        tables = first if isinstance(first, str) else [replace(law, horizon=first.horizon) for law in inner.laws]
        if len(inner.laws) > 1 and not isinstance(tables, str) and tables[0].objective.kind == "average":
            tables = "prices under drift are not known for an average objective"
    else:
        table = table_of(env)
        tables = table if isinstance(table, str) else [table]
    schedule = inner.schedule if isinstance(inner, DriftClock) else Schedule()
    marks = inner.marks if isinstance(inner, TableEnv) else {}
    told = {name: tuple(np.flatnonzero(which).tolist()) for name, which in marks.items()}
    return EnvLaw(name, env.observation_space, env.action_space, tables, number, schedule, told)
