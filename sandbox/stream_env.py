"""Streams as Gymnasium environments: the observation is the question, the action the choice."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from inspect import signature
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from sandbox.discovery import discover
from sandbox.drift import Schedule
from sandbox.drifting_stream import DriftingStream
from sandbox.errors import SandboxError
from sandbox.interfaces import Labels, Question, Stream, check_range
from sandbox.law_stream import LawStream
from sandbox.sound import shortly
from sandbox.table_env import DriftClock


class StreamEnv(DriftClock, gym.Env[Any, Any]):
    """A stream as an environment: each question is an episode of one step.

    `reset()` asks the next question of the run and `reset(seed=s)` the first one of the run of seed s, the same as the
    stream asks under that seed. The very first `reset()` without a seed draws one. A run has `length` questions (None:
    as many as the stream has); after them `reset()` begins another, of a seed that it draws.

    The reward is what the choice earns; the action None abstains. As the next observation `step` returns the question
    itself, since nothing follows. Agents learn from rewards here, as elsewhere in Gymnasium; `info` after a step holds
    the `truth` where there is a right answer (the label itself, not its code), and what else came of the choice where
    the stream says (its `outcome`), such as `watch_seconds`.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  Gymnasium's name and form
    concept = 0

    def __init__(self, stream: Stream, length: int | None = None) -> None:
        if length is not None:
            check_range("StreamEnv", "length", length, 1, 2**62)
        self.stream, self.length = stream, length
        self.schedule = stream.schedule if isinstance(stream, DriftingStream) else Schedule()
        self.observation_space: spaces.Space[Any] = stream.observation_space
        declared = stream.action_space if isinstance(stream, LawStream) else None
        self.action_space = _plain(stream.choice_space) if declared is None else declared
        self.why_unpriced = "an environment has no prices; run the stream itself for them"
        self._run: Iterator[Question] | None = None
        self._question: Question | None = None  # None: answered

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Ask the next question; with a seed, the first of another run."""
        super().reset(seed=seed)
        question = None
        if seed is None and self._run is not None and (self.length is None or self._step + 1 < self.length):
            self._step += 1
            question = next(self._run, None)
        if question is None:
            question = self._begin(int(self.np_random.integers(2**31)) if seed is None else seed)
        self._question, self.concept = question, question.concept
        return shown(question.observation), {}

    def _begin(self, seed: int) -> Question:
        """Start the run of a seed and return its first question."""
        pinned, met = self.schedule.pinned, self.stream
        self._met = met.pin(pinned) if pinned is not None and isinstance(met, DriftingStream) else met
        self._seed, self._step, self._run = seed, 0, self._met.questions(seed)
        question = next(self._run, None)
        if question is None:
            raise SandboxError(f"{type(self.stream).__name__} asks no question")
        return question

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Answer the question."""
        question = self._question
        if question is None:
            raise SandboxError("the question was answered already; reset() asks the next one")
        choice = self._choice(action)
        if choice is None and question.abstention == -math.inf:
            raise SandboxError(f"None is no action here: one of the {self.action_space} must be taken")
        if isinstance(self._met, LawStream) and self._met.settles:
            made = self._met.decided(choice)
            settled = self._met.settle(question, made)
            reward = settled.reward
            if settled.told is not None and settled.told != question.truth:  # as in the stream, neither tells the truth
                question = question._replace(truth=settled.told)
                reward = self._met.settle(question, made).reward
        elif question.rewards is None:
            reward = self._met.reward(question, choice)
        else:
            reward = question.abstention if choice is None else question.rewards[choice]
        self._question = None
        return shown(question.observation), float(reward), True, False, self._told(question, choice)

    def _choice(self, action: Any) -> Any:
        """Return the choice that an action is; refuse one outside the space."""
        if action is None:
            return None
        space = self.action_space
        if isinstance(space, spaces.Discrete):
            if not space.contains(action):
                raise self._outside(action)
            return int(action)
        try:
            row = np.asarray(action, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            raise self._outside(action) from None
        if row.shape != space.shape or not np.isfinite(row).all():
            raise self._outside(action)
        if isinstance(space, spaces.Box) and ((row < space.low).any() or (row > space.high).any()):
            raise self._outside(action)
        return row if space.shape else float(row)

    def _outside(self, action: Any) -> SandboxError:
        return SandboxError(f"the action {shortly(action)} is outside {self.action_space}")

    def _told(self, question: Question, choice: Any) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if not math.isnan(question.truth):
            space, truth = self.stream.choice_space, question.truth
            told["truth"] = space.labels[int(truth)] if isinstance(space, Labels) else truth
        settles = isinstance(self._met, LawStream) and self._met.settles
        outcome = None if settles else getattr(self._met, "outcome", None)
        if outcome is not None and isinstance(choice, int):
            told |= outcome(self._seed, self._step, choice)._asdict()
            told.pop("reward", None)
        return told


def shown(observation: Any) -> Any:
    """Return an observation as Gymnasium hands it out: nothing twice, and numbers as arrays of no dimension."""
    if isinstance(observation, dict):
        return {name: np.array(x) if isinstance(x, float) else deepcopy(x) for name, x in observation.items()}
    return deepcopy(observation)


def _plain(space: spaces.Space[Any]) -> spaces.Space[Any]:
    """Return choices as Gymnasium knows them: whoever needs to be told the right label is not at home here."""
    if isinstance(space, spaces.Discrete):
        return spaces.Discrete(int(space.n))
    return spaces.Box(-np.inf, np.inf, (), np.float64)


def __getattr__(class_name: str) -> Callable[..., StreamEnv]:
    """Return what `gymnasium.make` calls to make the environment of a stream, with the stream's own settings."""
    entry = next((one for one in discover("worlds").values() if one.class_name == class_name), None)
    if entry is None:
        raise AttributeError(f"there is no stream {class_name}")
    name, stream = entry.name, getattr(importlib.import_module(entry.module), class_name)

    def made(**settings: Any) -> StreamEnv:
        env: StreamEnv = getattr(stream, "env_class", StreamEnv)(stream(**settings))
        env.why_unpriced = f"an environment has no prices; run the stream {name!r} for them"
        return env

    cast(Any, made).__signature__ = signature(stream)
    return made
