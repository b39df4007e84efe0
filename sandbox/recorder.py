"""Recording from outside: a wrapper that keeps and prices the decisions of a learner that owns its loop."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from sandbox.env_law import EnvLaw
from sandbox.errors import RunError
from sandbox.evaluator import Scores, evaluate
from sandbox.rows import TERMINATED, TRUNCATED, EpisodeWriter, code_of, vector_of
from sandbox.trace import Trace, join


class Recorder(gym.Wrapper[Any, Any, Any, Any]):
    """Keeps a row for every step; `trace()` gives the rows as columns, `scores()` what the evaluator says of them.

    The rows are those of the open loop: the same seeds and choices give the same trace. They are kept in memory, about
    150 bytes a decision.
    """

    def __init__(self, env: gym.Env[Any, Any], law: EnvLaw) -> None:
        super().__init__(env)
        self.meta = law.meta
        self._solution = None if isinstance(law.solution, str) else law.solution
        self._chunks: list[Trace] = []
        self._writer = EpisodeWriter(self._chunks.append, self._solution, env.action_space)
        observations = env.observation_space
        self._n_cells = int(observations.n) if isinstance(observations, spaces.Discrete) else 1
        self._cell = 0
        self._running = False

    def _cell_of(self, observation: Any) -> int:
        space = self.env.observation_space
        return int(observation) - int(space.start) if isinstance(space, spaces.Discrete) else 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode; one that was still running counts as truncated."""
        if self._running:
            self._writer.cut()
        observation, info = self.env.reset(seed=seed, options=options)
        self._cell, self._running = self._cell_of(observation), False
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step and keep it; raise `RunError` if the choice, the reward or the observation is no good."""
        code, vectors, space = 0.0, self._writer.vectors, self.env.action_space
        vector = None if vectors is None else vector_of(action, space)
        if vectors is None:
            code = code_of(action, space)
        following, reward, terminated, truncated, info = self.env.step(action)
        if not math.isfinite(reward):
            raise RunError(f"the environment gave the reward {reward}")
        after = self._cell_of(following)
        if not 0 <= after < self._n_cells:
            raise RunError(f"the environment gave the observation {following!r}, outside its space")
        if self._solution is not None and self._solution.table.follow is not None:
            after = self._solution.table.follow(self._cell, after)
        flags = TERMINATED * bool(terminated) + TRUNCATED * bool(truncated)
        if self._writer.rows.full:  # before adding, so that the last row can still be cut short
            self._writer.flush()
        if vectors is not None and vector is not None:
            vectors.append(vector)
        self._writer.rows.add(self._cell, code, code, float(reward), after, math.nan, flags)
        self._cell, self._running = after, not (terminated or truncated)
        return following, reward, terminated, truncated, info

    def trace(self) -> Trace:
        """Return every decision so far; the last one stays open, since a reset may yet cut its episode short."""
        pending = self._writer.pending()
        return join([*self._chunks, *pending])

    def scores(self, **options: Any) -> Scores:
        """Return what the evaluator says of the decisions so far; `options` are those of `Evaluator`."""
        return evaluate(self.trace(), self.meta, **options)
