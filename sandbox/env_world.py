"""Environments as worlds: priced where the table of their law is known, with whatever drift and feedback."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any, Self

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit

from sandbox.at_drift import tell_schedule
from sandbox.drift import Anchor, Schedule
from sandbox.drifting_env import DriftingEnv
from sandbox.env_law import EnvLaw, TableOf, law_of
from sandbox.errors import SandboxError
from sandbox.fast import Loop, begun, run_walk, walk_loop
from sandbox.insiders import OracleAgent, PolicyAgent
from sandbox.interfaces import Agent, check_range
from sandbox.limited import best_limited
from sandbox.loop import run_episodes
from sandbox.oracle import (
    Solution,
    best_soft_policy,
    best_soft_value,
    greedy_soft_value,
    optimal_return,
    random_value,
    reachable_together,
)  # fmt: skip
from sandbox.table import Table
from sandbox.table_env import DriftClock, TableEnv, drifting_tables
from sandbox.trace import Meta, Sink
from sandbox.world import Budget, Terms, check_one_sided

_MAKING = threading.RLock()


@dataclass
class EnvWorld:
    """A Gymnasium environment, priced where its table is known.

    `make(**settings)` returns a fresh environment with some settings changed; `table_of` returns its table, or the
    reason why there is none. `pinned`: a concept that is in force always.
    """

    name: str
    make: Callable[..., gym.Env[Any, Any]]
    table_of: TableOf
    settings: dict[str, Any] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)
    pinned: int | None = None

    def under(self, terms: Terms) -> Self:
        """Return this world on other terms; raise `SandboxError` if it cannot be met on them."""
        world = replace(self, terms=terms)
        if terms.drift:
            _ = world.law
        if terms.feedback.only is not None:
            check_one_sided(self.name, terms.feedback, world.choice_space)
        return world

    def twin(self, concept: int) -> Self:
        """Return the world in which `concept` is in force always, with the same luck for the same seed."""
        with _MAKING:  # several threads run seeds of one world
            if concept not in self._twins:
                made = replace(self, pinned=concept)
                law = replace(self.law, schedule=self.schedule.pin(concept))
                law.solutions = self.law.solutions
                made.law = law
                if self.terms.drift:
                    made._drifting = self._drifting
                self._twins[concept] = made
            return self._twins[concept]

    @cached_property
    def _twins(self) -> dict[int, Self]:
        return {}

    @cached_property
    def _drifting(self) -> TableEnv | str:
        """The environment that follows a drift by its tables, or why it has none."""
        drift, inner = self.terms.drift, self.make()
        try:
            if isinstance(inner.unwrapped, DriftClock) and inner.unwrapped.schedule:
                raise SandboxError(f"{self.name} has a drift of its own; give one only")
            first = self.table_of(inner)
            if isinstance(first, str) or any(one.function for one in drift.drifts):
                self._try_settings()
                return first if isinstance(first, str) else "a user's function changes its law"
            tables = drifting_tables(drift, lambda anchor: self._anchor(inner, anchor))
        except SandboxError as error:
            raise SandboxError(str(error) if self.name in str(error) else f"{self.name}: {error}") from error
        finally:
            inner.close()
        made = TableEnv(tables, drift)
        made.marks = inner.unwrapped.marks if isinstance(inner.unwrapped, TableEnv) else {}
        return made

    def _try_settings(self) -> None:
        """Raise `SandboxError` for settings that the environment has not, before a run meets them."""
        for one in self.terms.drift.drifts:
            if one.settings:
                self.make(**dict(one.settings)).close()

    def _anchor(self, env: gym.Env[Any, Any], anchor: Anchor) -> Table:
        """Return the table of an anchor: that of the environment with its settings."""
        drift = self.terms.drift
        number, changed = drift.own_change(anchor), drift.settings_of(anchor)
        if number:
            own = getattr(env.unwrapped, "own_change", None)
            if own is None:
                raise SandboxError(
                    f"{self.name} has no change of its own; say what changes, as {drift.drifts[0].kind}@"
                    f"{drift.drifts[0].at}:setting=value"
                )
            changed = own(number) | changed
        made = self.make(**changed)
        try:
            table = self.table_of(made)
        finally:
            made.close()
        if isinstance(table, str):
            raise SandboxError(f"{self.name} after its drift: {table}")
        return table

    def _env(self) -> gym.Env[Any, Any]:
        """Return a fresh environment as it is to be run."""
        env: gym.Env[Any, Any]
        if not self.terms.drift:
            env = self.make()
        elif isinstance(self._drifting, str):
            env = DriftingEnv(self.make, self.terms.drift, self.name)
        else:
            inner = copy.copy(self._drifting)  # the tables are shared
            horizon = inner.laws[0].horizon
            env = inner if horizon is None else TimeLimit(inner, horizon)
        if self.pinned is not None and isinstance(env.unwrapped, DriftClock):
            env.unwrapped.schedule = env.unwrapped.schedule.pin(self.pinned)
        return env

    def fresh(self) -> gym.Env[Any, Any]:
        """Return a fresh environment as it is to be run, for whoever runs it himself."""
        return self._env()

    @cached_property
    def law(self) -> EnvLaw:
        """What is known of the environment, from one that is made to be looked at."""
        env = self._env()
        try:
            return law_of(env, self.name, self.table_of)
        finally:
            env.close()

    @property
    def schedule(self) -> Schedule:
        """Which concept is in force when."""
        return self.law.schedule

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
        """The stationary optimum under the first law, or the reason why the world is unpriced."""
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

    def why_plain(self, agent: Agent) -> str:
        """Return why an agent, whose `begin` was called, is run here in the open loop; "" if it is compiled."""
        env = self._env()
        try:
            found = self._loop(env, agent)
        finally:
            env.close()
        return found if isinstance(found, str) else ""

    def _loop(self, env: gym.Env[Any, Any], agent: Agent) -> Loop | str:
        if self.terms.plain:
            return "the open loop was asked for"
        if isinstance(self.law.solutions, str):
            return "the law of the world is not known as a table"
        return walk_loop(env, agent, self.terms.feedback)

    def run(self, agent: Agent, seed: int, budget: Budget, sink: Sink) -> str:
        """Run an agent in a fresh environment; return why it was run in the open loop, "" if it was compiled."""
        solutions = None if isinstance(self.law.solutions, str) else self.law.solutions
        env = self._env()
        try:
            tell_schedule(agent, self.schedule)
            sound = begun(agent, self.observation_space, self.choice_space, seed)
            loop = self._loop(env, agent) if sound else "its begin failed"
            if solutions is not None and not isinstance(loop, str):
                run_walk(env, solutions, loop, sink, seed=seed, steps=budget.steps, episodes=budget.episodes)
                return ""
            run_episodes(
                env,
                agent,
                sink,
                seed=seed,
                steps=budget.steps,
                episodes=budget.episodes,
                solution=solutions,
                feedback=self.terms.feedback,
            )
            return str(loop)
        finally:
            env.close()

    def insider(self, name: str, epsilon: float = 0.1) -> Agent:
        """Return the agent of this name that is told the law; `epsilon`: the share of exploring of `best-soft`."""
        if isinstance(self.law.solutions, str):
            raise SandboxError(f"{self.name} has no oracle: {self.law.solutions}")
        if name == "best-planned":
            raise SandboxError(f"{self.name} has no best-planned: its oracle plans")
        tables = [solution.table for solution in self.law.solutions]
        if name == "best-blind":
            live = reachable_together(tables)  # where a change may find the agent
            return PolicyAgent(cache(lambda concept: best_limited(tables[concept], live).policy))
        if name == "best-soft":
            ways = cache(lambda concept: best_soft_policy(tables[concept], epsilon))
            return PolicyAgent(lambda concept: np.eye(tables[concept].n_choices)[ways(concept)], epsilon)
        return OracleAgent(self.law.solutions)

    def oracle(self, epsilon: float | None = None) -> dict[str, Any]:
        """Return the exact values of the world's first law; with `epsilon` those of policies that explore, too."""
        tables, solution = self.law.tables, self.solution
        if isinstance(tables, str):
            raise SandboxError(f"{self.name} has no oracle: {tables}")
        law, known = tables[0], solution if not isinstance(solution, str) else None
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
