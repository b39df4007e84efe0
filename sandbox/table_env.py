"""Environments that are tables: one law for each concept, on the clock of the run's lifetime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sandbox.draws import RESET, WORLD, keyed_uniform, keyed_uniforms
from sandbox.drift import Anchor, Schedule, Shares
from sandbox.errors import SandboxError
from sandbox.table import FloatArray, Table

_AHEAD = 4096  # steps whose chance is drawn at a time


class DriftClock:
    """What the loops ask an environment that drifts: `concept`, the law in force for the next decision."""

    schedule: Schedule
    concept: int


def mix_tables(shares: Sequence[tuple[float, Table]]) -> Table:
    """Return the law that is each table for a share of the time; the shares add up to 1."""
    if len(shares) == 1:
        return shares[0][1]
    first = shares[0][1]
    start = np.asarray(sum(share * table.start for share, table in shares))
    start = start / start.sum()
    if all(_same_outcomes(first, table) for _, table in shares):
        mixed = np.asarray(sum(share * table.probability for share, table in shares))
        return replace(first, probability=mixed / mixed.sum(axis=2, keepdims=True), start=start)

    def joined(name: str) -> Any:
        return np.concatenate([getattr(table, name) for _, table in shares], axis=2)

    probability = np.concatenate([share * table.probability for share, table in shares], axis=2)
    return replace(
        first,
        probability=probability / probability.sum(axis=2, keepdims=True),
        successor=joined("successor"),
        reward=joined("reward"),
        terminated=joined("terminated"),
        start=start,
    )


def _same_outcomes(first: Table, table: Table) -> bool:
    """Return whether two laws have the same outcomes, and differ in how likely these are: they need no more room."""
    names = ("successor", "reward", "terminated")
    return all(np.array_equal(getattr(first, name), getattr(table, name)) for name in names)


def drifting_tables(schedule: Schedule, anchor: Callable[[Anchor], Table]) -> list[Table]:
    """Return the law of every concept; `anchor` gives the table of an anchor. For tables, mixing is interpolating."""
    unchanged = (False,) * len(schedule.drifts)

    @cache
    def made(part: Anchor) -> Table:
        table = anchor(part)
        if part != unchanged:
            _check_alike(made(unchanged), table)
        return table

    def law(shares: Shares) -> Table:
        return mix_tables([(share, made(part)) for share, part in shares])

    return [law(schedule.made_of(concept).shares) for concept in range(schedule.n_concepts)]


def _check_alike(first: Table, table: Table) -> None:
    """Refuse, in one line, a law that a drift cannot lead to."""
    if first.follow is not None or table.follow is not None:
        raise SandboxError("a world with a hidden fact in its state cannot drift yet")
    if table.probability.shape[:2] != first.probability.shape[:2] or table.objective != first.objective:
        raise SandboxError("a drift may not change how many states or choices there are, nor the objective")
    if not np.array_equal(first.seen, table.seen):
        raise SandboxError("a drift may not change what is seen of a state")
    if table.horizon != first.horizon:
        raise SandboxError("a drift may not change after how many steps an episode is cut")


class TableEnv(DriftClock, gym.Env[Any, Any]):
    """An environment that follows a table for each concept, and a schedule that says which is in force.

    `state` is where it stands, of which an agent sees what the table says (`observed`). `marks`: for each metric that
    counts states of a kind, such as `near_misses`, which states these are (S,).
    Its chance is keyed by (seed, lifetime step), so that it does not depend on what is chosen. The clock goes on over
    episodes; `reset(seed=...)` starts a new life.
    """

    def __init__(self, laws: Sequence[Table], schedule: Schedule | None = None) -> None:
        self.laws = list(laws)
        self.schedule = schedule or Schedule()
        self.observation_space = spaces.Discrete(self.laws[0].n_observations)
        self.action_space = spaces.Discrete(self.laws[0].n_choices)
        self._seen = None if self.laws[0].observed is None else self.laws[0].observed.tolist()
        self._options = [_Options(table) for table in self.laws]
        self._starts = [np.cumsum(table.start) for table in self.laws]
        self.marks: dict[str, NDArray[np.bool_]] = {}
        self._begin(0)

    def _begin(self, seed: int) -> None:
        self._seed, self.clock, self.state, self._ahead = seed, 0, 0, 0
        self._look_ahead()

    def _look_ahead(self) -> None:
        self._base = self.clock
        self._chance: list[float] = keyed_uniforms(self._seed, self.clock, _AHEAD, WORLD).tolist()
        self._concepts: list[int] = self.schedule.concepts(self._seed, self.clock, _AHEAD + 1).tolist()
        self.concept = self._concepts[0]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Start an episode; with a seed, a new life."""
        never = self._np_random is None
        super().reset(seed=seed)
        if seed is not None:
            self._begin(seed)
        elif never:
            self._begin(int(self.np_random.integers(2**62)))
        u = keyed_uniform(self._seed, self.clock, RESET)
        self.state = first_state(self._starts[self.concept], u)
        return self.state if self._seen is None else self._seen[self.state], {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """Follow the law in force."""
        at = self.clock - self._base
        u = self._chance[at]
        options = self._options[self.concept][self.state][action]
        self.state, reward, terminated = options[0][1:]
        for limit, successor, earned, ends in options:
            if limit > u:
                self.state, reward, terminated = successor, earned, ends
                break
        self.clock += 1
        if at + 1 == _AHEAD:
            self._look_ahead()
        else:
            self.concept = self._concepts[at + 1]
        return self.state if self._seen is None else self._seen[self.state], reward, terminated, False, self.told()

    def told(self) -> dict[str, Any]:
        """Return what `info` tells of the state that a step led to; a subclass may say more than nothing."""
        return {}


def first_state(cumulative: FloatArray, u: float) -> int:
    """Return the state in which an episode starts, by its cumulative probabilities and a uniform number."""
    return int(np.argmax(cumulative > u))


Option = tuple[float, int, float, bool]  # cumulative probability, successor, reward, terminated


class _Options(dict[int, list[list[Option]]]):
    """What may come of each choice, by state; read off the table where an episode first stands in it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def __missing__(self, state: int) -> list[list[Option]]:
        table = self._table
        limits = np.cumsum(table.probability[state], axis=1)
        columns = (limits, table.successor[state], table.reward[state], table.terminated[state])
        self[state] = [list(zip(*row, strict=True)) for row in zip(*(part.tolist() for part in columns), strict=True)]
        return self[state]
