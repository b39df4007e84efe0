"""A run that is filmed: run once to know it, and once more, the same, to look at what is worth showing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np

from sandbox.env_world import EnvWorld
from sandbox.interfaces import Agent
from sandbox.loop import run_episodes
from sandbox.table import FloatArray
from sandbox.trace import Trace, join
from sandbox.watching.screens import Picture, Screen
from sandbox.world import Budget

_OFTEN = 2048  # decisions between two looks at whether to go on


@dataclass
class Film:
    """What was seen of a run: pictures before decisions, at the ends of episodes, and what the agent had learned.

    `before[step]` is how the world stood when the decision of that step was made; `after[step]` how it stood when the
    episode ended with it. `tables[step]`: what the agent thought of choices (S, A) after so many decisions, and
    `values[step]` of states (S,), where it has such tables.
    """

    trace: Trace
    before: dict[int, Picture] = field(default_factory=dict)
    after: dict[int, Picture] = field(default_factory=dict)
    tables: dict[int, FloatArray] = field(default_factory=dict)
    values: dict[int, FloatArray] = field(default_factory=dict)
    same: bool = True


class _Camera(gym.Wrapper[Any, Any, Any, Any]):
    """Takes the pictures that are wanted, and notes what the agent has learned where that is wanted."""

    def __init__(
        self, env: gym.Env[Any, Any], screen: Screen | None, film: Film, steps: set[int], learned: Callable[[int], None]
    ) -> None:
        super().__init__(env)
        self._screen, self._film, self._steps, self._learned = screen, film, steps, learned
        self._clock, self._seen = 0, None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        self._seen, told = self.env.reset(seed=seed, options=options)
        return self._seen, told

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step, looking before and, at the end of an episode, after it."""
        self._learned(self._clock)
        wanted = self._screen is not None and self._clock in self._steps
        if wanted and self._screen is not None:
            self._film.before[self._clock] = self._screen.picture(self.env, self._seen)
        told = self.env.step(action)
        self._seen, _, terminated, truncated, _ = told
        if wanted and self._screen is not None and (terminated or truncated):
            self._film.after[self._clock] = self._screen.picture(self.env, self._seen)
        self._clock += 1
        return told


def shoot(
    world: EnvWorld,
    make: Callable[[], Agent],
    seed: int,
    budget: Budget,
    *,
    screen: Screen | None = None,
    steps: Sequence[int] = (),
    learned_at: Sequence[int] = (),
    go_on: Callable[[int], None] = lambda made: None,
) -> Film:
    """Run a fresh agent once in the open loop and return what was seen at the `steps` that are wanted.

    `learned_at`: after how many decisions the agent's table is noted, beside the run's end. `go_on` hears now and then
    how many decisions are made.
    """
    agent, chunks = make(), list[Trace]()
    film, marks = Film(join([])), set(learned_at)

    def learned(clock: int) -> None:
        if clock % _OFTEN == 0:
            go_on(clock)
        if clock in marks:
            _note(film, agent, clock)

    env = _Camera((screen.world if screen is not None else world).fresh(), screen, film, set(steps), learned)
    solutions = world.law.solutions
    try:
        run_episodes(
            env, agent, chunks.append, seed=seed, steps=budget.steps, episodes=budget.episodes,
            solution=None if isinstance(solutions, str) else solutions, feedback=world.terms.feedback,
        )  # fmt: skip
    finally:
        env.close()
    film.trace = join(chunks)
    _note(film, agent, len(film.trace))
    return film


def _note(film: Film, agent: Agent, clock: int) -> None:
    for name, size, kept in (("q", 2, film.tables), ("v", 1, film.values)):
        table = getattr(agent, name, None)
        if isinstance(table, np.ndarray) and table.ndim == size and np.issubdtype(table.dtype, np.floating):
            kept[clock] = np.array(table, dtype=np.float64)


def same_run(a: Trace, b: Trace) -> bool:
    """Whether two traces are of the same run: it was met, chosen and earned the same."""
    names = ("cell", "concept", "choice", "reward")
    return len(a) == len(b) and all(
        np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name in ("choice", "reward")) for name in names
    )
