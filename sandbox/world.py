"""Worlds as a study sees them: something with spaces and a law that an agent can be run in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import gymnasium as gym
from gymnasium import spaces

from sandbox.errors import SandboxError, one_line
from sandbox.interfaces import Agent, Labels, Stream, check_range
from sandbox.loop import run_episodes, run_stream
from sandbox.oracle import (
    OracleAgent,
    Solution,
    best_soft_value,
    greedy_soft_value,
    optimal_return,
    random_value,
    solve,
)  # fmt: skip
from sandbox.table import Table
from sandbox.trace import Meta, Sink


@dataclass(frozen=True)
class Budget:
    """How long a run lasts: `steps` decisions or `episodes` episodes, whichever ends first; None: not limited by it."""

    steps: int | None = None
    episodes: int | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "episodes"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise SandboxError(f"{name}={value!r} is out of range: a run has at least 1")


class World(Protocol):
    """What a study needs of a world."""

    name: str
    settings: dict[str, Any]

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """Space of observations."""

    @property
    def choice_space(self) -> spaces.Space[Any]:
        """Space of choices."""

    @property
    def meta(self) -> Meta:
        """What a reader of its traces must know."""

    def budget(self, wanted: Budget) -> Budget:
        """Return `wanted`, or the budget that the world suggests where nothing was asked."""

    def decisions(self, budget: Budget) -> int | None:
        """Return how many decisions a run of this budget makes, None if that is not known beforehand."""

    def run(self, agent: Agent, seed: int, budget: Budget, sink: Sink) -> None:
        """Run an agent once and hand its trace to `sink`."""

    def oracle_agent(self) -> Agent:
        """Return the oracle as an agent."""

    def oracle(self, epsilon: float | None = None) -> dict[str, Any]:
        """Return the oracle's numbers; with `epsilon` those of policies that explore this share, too."""


@dataclass
class EnvLaw:
    """What is known of an environment: its spaces, its law or the reason why that is unknown, its reference return."""

    name: str
    observation_space: spaces.Space[Any]
    choice_space: spaces.Space[Any]
    table: Table | str
    reference: float

    @cached_property
    def solution(self) -> Solution | str:
        """The stationary optimum, or the reason why the world is unpriced."""
        if isinstance(self.table, str):
            return self.table
        try:
            return solve(self.table)
        except SandboxError as error:
            return str(error)

    @cached_property
    def meta(self) -> Meta:
        """What a reader of its traces must know."""
        n_choices = int(self.choice_space.n) if isinstance(self.choice_space, spaces.Discrete) else 1
        if isinstance(self.solution, str):
            observations = self.observation_space
            return Meta(
                "control",
                self.name,
                n_cells=int(observations.n) if isinstance(observations, spaces.Discrete) else 1,
                n_choices=n_choices,
                reference_return=self.reference,
                why_unpriced=self.solution,
            )
        table = self.solution.table
        return Meta(
            "control",
            self.name,
            n_cells=table.n_states,
            n_choices=n_choices,
            objective=str(table.objective),
            discount=table.objective.discount,
            gain=self.solution.gain,
            gap_range=self.solution.gap_range,
            luck_reach=tuple(self.solution.luck_reach.ravel().tolist()),
            expected_start=(self.solution.start_value,),
        )


def law_of(env: gym.Env[Any, Any], name: str, table_of: Callable[[gym.Env[Any, Any]], Table | str]) -> EnvLaw:
    """Return what is known of `env`."""
    reference = env.spec.reward_threshold if env.spec is not None else None
    number = math.nan if reference is None else float(reference)
    return EnvLaw(name, env.observation_space, env.action_space, table_of(env), number)


@dataclass
class EnvWorld:
    """A Gymnasium environment, priced where its table is known.

    `make` returns a fresh environment; `table_of` returns its table, or the reason why there is none.
    """

    name: str
    make: Callable[[], gym.Env[Any, Any]]
    table_of: Callable[[gym.Env[Any, Any]], Table | str]
    settings: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def law(self) -> EnvLaw:
        """What is known of the environment, from one that is made to be looked at."""
        env = self.make()
        try:
            return law_of(env, self.name, self.table_of)
        finally:
            env.close()

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """Space of observations."""
        return self.law.observation_space

    @property
    def choice_space(self) -> spaces.Space[Any]:
        """Space of choices."""
        return self.law.choice_space

    @property
    def solution(self) -> Solution | str:
        """The stationary optimum, or the reason why the world is unpriced."""
        return self.law.solution

    @property
    def meta(self) -> Meta:
        """What a reader of its traces must know."""
        return self.law.meta

    def budget(self, wanted: Budget) -> Budget:
        """Return `wanted`, or 50,000 steps of a table world, 20,000 of another."""
        if wanted.steps is None and wanted.episodes is None:
            return Budget(steps=50_000 if self.meta.priced else 20_000)
        return wanted

    def decisions(self, budget: Budget) -> int | None:
        """Return the budget's steps, if episodes cannot end the run before."""
        return budget.steps if budget.episodes is None else None

    def run(self, agent: Agent, seed: int, budget: Budget, sink: Sink) -> None:
        """Run an agent in a fresh environment."""
        solution = None if isinstance(self.solution, str) else self.solution
        env = self.make()
        try:
            run_episodes(env, agent, sink, seed=seed, steps=budget.steps, episodes=budget.episodes, solution=solution)
        finally:
            env.close()

    def oracle_agent(self) -> Agent:
        """Return the agent that takes a best choice of Q*."""
        if isinstance(self.solution, str):
            raise SandboxError(f"{self.name} has no oracle: {self.solution}")
        return OracleAgent(self.solution)

    def oracle(self, epsilon: float | None = None) -> dict[str, Any]:
        """Return the exact values of the world; with `epsilon` those of policies that explore this share, too."""
        law, solution = self.law.table, self.solution
        if isinstance(law, str):
            raise SandboxError(f"{self.name} has no oracle: {law}")
        known = solution if not isinstance(solution, str) else None
        try:
            uniform = random_value(law)
        except SandboxError:
            uniform = math.nan
        soft: dict[str, Any] = {}
        if epsilon is not None:
            check_range(f"the oracle of {self.name}", "epsilon", epsilon, 0.0, 1.0)
            soft = {"epsilon": epsilon, "best_soft_value": best_soft_value(law, epsilon)}
            if known is not None:
                soft["greedy_soft_value"] = greedy_soft_value(known, epsilon)
        return {
            "schema": 1,
            "world": self.name,
            "objective": str(law.objective),
            "optimal_return": optimal_return(law, known),
            "horizon": law.horizon,
            "stationary_value": math.nan if known is None else known.start_value,
            "random_value": uniform,
            "gap_range": math.nan if known is None else known.gap_range,
            "gain": math.nan if known is None else known.gain,
            "bellman_residual": math.nan if known is None else known.residual,
            "states": law.n_states,
            "choices": law.n_choices,
            "why_unpriced": "" if known is not None else str(solution),
            **soft,
        }


@dataclass
class StreamWorld:
    """A stream of questions."""

    name: str
    make: Callable[[], Stream]
    settings: dict[str, Any] = field(default_factory=dict)
    endless: int = 10_000  # suggested questions where the stream has no length

    @cached_property
    def stream(self) -> Stream:
        """The stream; it holds no state of a run."""
        try:
            return self.make()
        except SandboxError:
            raise
        except Exception as error:
            raise SandboxError(f"{self.name} cannot be made: {one_line(error)}") from error

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """Space of questions."""
        return self.stream.observation_space

    @property
    def choice_space(self) -> spaces.Space[Any]:
        """Space of answers."""
        return self.stream.choice_space

    @cached_property
    def meta(self) -> Meta:
        """What a reader of its traces must know."""
        choices = self.stream.choice_space
        return Meta(
            "classification" if isinstance(choices, Labels) else "regression",
            self.name,
            labels=choices.labels if isinstance(choices, Labels) else (),
            n_choices=int(choices.n) if isinstance(choices, Labels) else 1,
            tolerance=self.stream.tolerance,
            why_unpriced="the law behind real data is not known",
            episodic=False,
        )

    def budget(self, wanted: Budget) -> Budget:
        """Return `wanted`, or all questions of the stream."""
        if wanted.episodes is not None:
            raise SandboxError(f"{self.name} is a stream and has no episodes; give a budget in steps")
        length = self.stream.length
        if wanted.steps is None:
            return Budget(steps=length if length is not None else self.endless)
        return Budget(steps=wanted.steps if length is None else min(wanted.steps, length))

    def decisions(self, budget: Budget) -> int | None:
        """Return the number of questions asked."""
        return budget.steps

    def run(self, agent: Agent, seed: int, budget: Budget, sink: Sink) -> None:
        """Let an agent answer the questions."""
        run_stream(self.stream, agent, sink, seed=seed, steps=budget.steps)

    def oracle_agent(self) -> Agent:
        """Refuse: nobody knows the law behind real data."""
        raise SandboxError(f"{self.name} has no oracle: {self.meta.why_unpriced}")

    def oracle(self, epsilon: float | None = None) -> dict[str, Any]:
        """Refuse: nobody knows the law behind real data."""
        raise SandboxError(f"{self.name} has no oracle: {self.meta.why_unpriced}")
