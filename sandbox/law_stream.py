"""Streams that know their own law: every choice has an exact price, and the law may drift."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from sandbox.drifting_stream import DriftingStream
from sandbox.interfaces import Agent, Decision, Messages, Number, Numbers, Question, Settled, Slate
from sandbox.table import FloatArray, IntArray

BATCH = 8192  # questions made at a time
KINDS = ("messages", "slate", "numbers")  # what compiled loops can see


class Batch(NamedTuple):
    """A chunk of questions as arrays: what can be seen of them, and what only the world knows."""

    seen: Messages | Slate | Numbers
    truth: IntArray | FloatArray  # (n,) the right label's code, -1 where there is none; or the number to forecast
    cell: IntArray  # (n,) the situation, a function of what can be seen: luck must average to zero in each
    group: IntArray  # (n,) audit group
    concept: IntArray  # (n,) the law in force
    values: FloatArray  # (n, choices) Q*: the expected reward of each choice, given all that can be seen
    rewards: FloatArray  # (n, choices) what each choice earns this time; nothing where the stream settles decisions


class Play:
    """A run of a stream for compiled loops: batch by batch, and the stream hears what was chosen."""

    def __init__(self, stream: LawStream, seed: int) -> None:
        self._stream, self._seed = stream, seed

    def room(self, start: int) -> int:
        """Return how many questions from `start` on can be asked before a choice matters to the next."""
        return BATCH

    def batch(self, start: int, count: int) -> Batch:
        """Return the questions of the steps `start`, ..., `start + count - 1`."""
        return self._stream.batch(self._seed, start, count)

    def hear(self, start: int, batch: Batch, choice: FloatArray) -> None:
        """Take in what was chosen (n,) in the steps from `start` on: codes, NaN for none."""


class LawStream(DriftingStream):
    """A stream drawn from a law that it knows. It is the same for the same seed, whoever answers.

    The law itself is drawn from `law_seed`, and is the same for every seed of a run; where a run draws its own, as
    bandits do, that is part of its luck (`start_luck`).
    """

    gap_range: float  # the largest price that a decision can have; of forecasts, which have none, a usual large one
    luck_reach: float  # the largest luck, in size
    abstention: float  # what no choice earns, exactly; minus infinity where one must be taken
    objective = "reward per decision"
    kind: str  # of `Batch.seen`: a name in `KINDS`; another: what is asked depends on what was chosen before
    material = 0.01  # share of the gap range above which a decision is a mistake
    slight = math.nan  # excess gap per decision that counts as no drop after a change; NaN: that of a mistake
    reactive = False  # whether choices change later laws; gaps are then myopic
    action_space: spaces.Space[Any] | None = None  # as a Gymnasium environment, where an action is no choice by itself
    settles = False  # whether prices are no table of choices: `settle` and `ideal` say what a decision is worth

    @abstractmethod
    def batch(self, seed: int, start: int, count: int) -> Batch:
        """Return the questions of the steps `start`, ..., `start + count - 1` of the run of `seed`."""

    def play(self, seed: int) -> Play:
        """Return the run of `seed` for compiled loops; where choices change later laws, of its own state."""
        return Play(self, seed)

    @abstractmethod
    def observation(self, batch: Batch, i: int) -> Any:
        """Return what an agent sees of the i-th question of a batch."""

    def expected_best(self, concept: int) -> float:
        """Return E[V*] of a question under a concept, from a fixed large sample, spread over a run."""
        pinned, parts = self.pin(concept), 32
        starts = range(0, self.suggested, self.suggested // parts)
        best = np.concatenate([pinned.best_values(pinned.batch(0, start, BATCH // parts)) for start in starts])
        return float(np.maximum(best, self.abstention).mean())

    def best_values(self, batch: Batch) -> FloatArray:
        """Return V* (n,) of the questions of a batch, abstaining left out."""
        return np.asarray(batch.values.max(axis=1), dtype=np.float64)

    def settle(self, question: Question, made: Decision) -> Settled:
        """Return what came of a decision, where `settles` is true; `made.choice` is None for an abstention."""
        raise NotImplementedError

    def ideal(self, question: Question) -> Decision:
        """Return the decision of the largest expected reward: that of the oracle."""
        values = question.values
        assert values is not None
        best = max(values)
        return Decision(None if question.abstention > best else values.index(best), scores=values)

    def planner(self) -> Agent | None:
        """Return who earns most in the long run, where choices change later laws; None: nobody knows how."""
        return None

    def decided(self, action: Any) -> Decision:
        """Return the decision that an action of `action_space` (a row of scores), a choice, or None stands for."""
        if isinstance(action, np.ndarray):
            return Decision(int(action.argmax()), float(action.max()), scores=action.tolist())
        return Decision(action)

    def simple_values(self) -> tuple[float, float]:
        """Return what a choice at random, and the best choice that is always the same, earn on average at first.

        It is read off 20,000 questions of one run; where every run has its own law, means over runs are wanted instead.
        """
        values = self.pin(0).batch(0, 0, 20_000).values
        return float(values.mean()), float(values.mean(axis=0).max())

    def questions(self, seed: int) -> Iterator[Question]:
        """Yield the questions of one run, the same for the same seed."""
        numbers = isinstance(self.choice_space, Number)
        start, count = 0, 256  # a short run does not wait for a long batch
        while True:
            batch = self.batch(seed, start, count)
            *columns, rewards = [part.tolist() for part in batch[1:]]
            earned = [None] * len(columns[0]) if self.settles else rewards
            for i, (truth, cell, group, concept, values, gains) in enumerate(zip(*columns, earned, strict=True)):
                label = truth if numbers or truth >= 0 else math.nan
                yield Question(self.observation(batch, i), label, cell, group, concept, values, gains, self.abstention)
            start, count = start + count, min(2 * count, BATCH)
