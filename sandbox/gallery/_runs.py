"""Many runs of an agent in a world, by their names, and what is read from each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from sandbox.catalog import make_agent, make_world
from sandbox.interfaces import Agent
from sandbox.table import FloatArray
from sandbox.trace import Trace, join
from sandbox.world import Budget

Read = Callable[[Trace], FloatArray | float]


class Average:
    """The mean over runs of values (n,) that come run by run, in memory that does not grow with the runs."""

    def __init__(self) -> None:
        self.runs = 0
        self._mean, self._squares = np.zeros(0), np.zeros(0)

    def add(self, values: FloatArray) -> None:
        """Count one more run (n,); Welford (1962)."""
        if not self.runs:
            self._mean, self._squares = np.zeros(len(values)), np.zeros(len(values))
        self.runs += 1
        before = values - self._mean
        self._mean += before / self.runs
        self._squares += before * (values - self._mean)

    @property
    def mean(self) -> FloatArray:
        """The means (n,)."""
        return self._mean

    @property
    def error(self) -> FloatArray:
        """Their standard errors (n,)."""
        return np.sqrt(self._squares / max(self.runs - 1, 1) / max(self.runs, 1))


def traces(
    world: str, agent: str, runs: int, *, steps: int | None = None, episodes: int | None = None
) -> Iterator[tuple[Trace, Agent]]:
    """Yield the decisions of each run, of the seeds 0, 1, ..., and the agent that it left; nothing is judged."""
    place, budget = make_world(world), Budget(steps, episodes)
    for seed in range(runs):
        made, chunks = make_agent(agent, place), list[Trace]()
        place.run(made, seed, budget, chunks.append)
        yield join(chunks), made


def measured(
    world: str, agent: str, runs: int, read: Read, *, steps: int | None = None, episodes: int | None = None
) -> FloatArray:
    """Return what is read from each run, (runs, ...)."""
    found = [np.asarray(read(one)) for one, _ in traces(world, agent, runs, steps=steps, episodes=episodes)]
    return np.stack(found)


def rewards(trace: Trace) -> FloatArray:
    """Return the reward of each decision (n,)."""
    return trace.reward


def optimal(trace: Trace) -> FloatArray:
    """Return 100 where the best choice there is was taken, else 0 (n,)."""
    return np.where(trace.value >= trace.best, 100.0, 0.0)


def returns(trace: Trace) -> FloatArray:
    """Return the sum of rewards of each episode (episodes,)."""
    return np.asarray(np.bincount(trace.episode, trace.reward), dtype=np.float64)


def lengths(trace: Trace) -> FloatArray:
    """Return the number of decisions of each episode (episodes,)."""
    return np.asarray(np.bincount(trace.episode), dtype=np.float64)


def mean_and_error(values: FloatArray) -> tuple[list[float], list[float]]:
    """Return the mean over runs of values (runs, n), and its standard error, each as a list of n."""
    error = values.std(axis=0, ddof=1) / math.sqrt(len(values))
    return values.mean(axis=0).tolist(), error.tolist()
